"""Odd names, hostile answers, numbers that JSON libraries do not know."""

import json
import os

import pytest

from batchata.simulator import Simulator

from .conftest import Shell, document, ended

NUMBERED = """
from pydantic import BaseModel

class Note(BaseModel):
    name: str
    number: int | None = None
"""
HOSTILE = "\x1b]0;owned\x07\x1b[2Jgone"


@pytest.fixture(scope="module")
def odd(tmp_path_factory, launcher):
    """With a run over rows in rows/, and one over notes in notes-run/ of which one has a large number."""
    with Simulator() as url:
        shell = Shell(launcher, tmp_path_factory.mktemp("odd"), url, notes=1)
        (shell.folder / "rows.csv").write_text(f"id,body\nfirst,{HOSTILE}\n1,other\n")
        (shell.folder / "models.py").write_text(NUMBERED)
        (shell.folder / "notes" / "n1.txt").write_text("Name: Large\nNumber: -99999999999999999999\n")
        ended_with = [
            shell.run("run", "--rows", "rows.csv", "--template", "{body}", "--id-column", "id", "--cache", "no", "--out", "rows"),
            shell.run("run", "notes", "--prompt", "Whose?", "--response-model", "models.py:Note", "--cache", "no", "--out", "of-notes"),
        ]  # fmt: skip
        assert [each.returncode for each in ended_with] == [0, 0]
        yield shell


def test_an_answer_does_not_command_the_terminal(odd):
    text, code = ended(odd.terminal("results", "rows", "--item", "0"))
    assert code == 0
    assert "gone" in text
    assert "\x1b]" not in text
    assert "\x1b[2J" not in text


def test_an_item_of_a_table_is_found_by_its_id(odd):
    assert document(odd.run("results", "rows", "--item", "first", "--json"))["index"] == 0
    assert document(odd.run("results", "rows", "--item", "1", "--json"))["index"] == 1
    assert "no item is called second" in odd.run("results", "rows", "--item", "second").stderr


def test_a_number_of_more_than_64_bits_is_shown(odd):
    found = document(odd.run("results", "of-notes", "--json"))
    assert found[1]["result"]["number"] == -(10**20)  # as a float has it, which is how the simulator reads numbers
    shown = odd.run("results", "of-notes")
    assert shown.returncode == 0
    assert "100000000000000000000" in shown.stdout


def test_an_item_with_a_prompt_of_its_own_is_found_by_its_file(odd):
    (odd.folder / "prompts.txt").write_text("Whose?\nWhen?\n")
    asked = ("--prompts-file", "prompts.txt", "--cache", "no", "--out", "prompts")
    assert odd.run("run", "notes/n0.txt", *asked).returncode == 0
    assert (
        "2 items are called n0.txt: say their number, 0, 1" in odd.run("results", "prompts", "--item", "n0.txt").stderr
    )


def test_requests_are_estimated_with_the_model_that_they_name(odd):
    params = {"model": "claude-opus-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]}
    (odd.folder / "requests.jsonl").write_text(json.dumps({"custom_id": "one", "params": params}))
    assert list(document(odd.run("estimate", "--requests", "requests.jsonl", "--json"))) == ["claude-opus-5-5"]


def test_options_win_over_a_configuration_of_another_kind(odd):
    (odd.folder / "config.toml").write_text('model = "claude-haiku-5-5"\nfiles = ["nowhere"]\nprompt = "Whose?"\n')
    (odd.folder / "two.txt").write_text("Whose?\nWhen?\n")
    asked = ("estimate", "notes/n0.txt", "--config", "config.toml", "--prompts-file", "two.txt", "--json")
    assert document(odd.run(*asked))["claude-haiku-5-5"]["items"] == 2


def test_what_cannot_be_is_a_sentence(odd):
    (odd.folder / "bad").mkdir()
    with open(os.fsencode(odd.folder / "bad") + b"/caf\xe9.txt", "w") as file:  # noqa: PTH123 - no text names it
        file.write("Name: Z")
    for arguments, code, words in (
        (("run", "bad", "--prompt", "Whose?"), 1, "its name is not UTF-8 text"),
        (("run", "notes", "--prompt", "Whose?", "-p", "max_tokens=5"), 2, "--param: --max-tokens cannot be set"),
        (("run", "notes", "--prompt", "  "), 2, "the prompt is blank"),
        (("run", "notes", "--prompt", "Whose?", "--out", "rows"), 1, "Give another --out for this work"),
        (("results", "rows", "--limit", "-1"), 2, "--limit"),
        (("simulate", "--port", "99999"), 1, "port 99999 cannot be used"),
    ):
        done = odd.run(*arguments)
        assert (done.returncode, done.stdout) == (code, "")
        assert words in done.stderr
        assert "Traceback" not in done.stderr
