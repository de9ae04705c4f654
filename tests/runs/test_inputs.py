"""Described runs over requests, rows and several prompts."""

import json
from pathlib import Path

import pytest

from batchata import InputError, load_results_from_disk
from batchata.runs.carrying import carry_out
from batchata.runs.folder import folder_of

TALK = [{"role": "user", "content": "Name: Ada"}]


def records(summary):
    files = sorted(Path(summary["results_dir"], "processed").iterdir())
    lines = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    return sorted((each["index"], each["source"], each.get("label"), each["result"]) for each in lines)


def test_rows_fill_in_a_template(simulator, spec, tmp_path):
    (tmp_path / "mails.csv").write_text("no,who\n7,Ada\n8,Grace\n")
    work = {"rows_file": "mails.csv", "template": "Name: {who}", "prompt": None}
    found = records(carry_out(spec(**work)))
    assert [each[:2] for each in found] == [(0, "mails.csv:2"), (1, "mails.csv:3")]
    assert "Ada" in found[0][3]
    assert [each[1] for each in records(carry_out(spec(**work, id_column="no")))] == ["7", "8"]


def test_requests_of_the_api_go_out_as_they_are_to_the_model_that_they_name(simulator, spec, tmp_path, client):
    params = {
        "model": "claude-haiku-5-5",
        "max_tokens": 50,
        "system": [{"type": "text", "text": "S"}],
        "messages": TALK,
    }
    lines = [json.dumps({"custom_id": f"a.{n}", "params": {**params, "max_tokens": 50 + n}}) for n in range(3)]
    (tmp_path / "requests.jsonl").write_text("\n".join(lines))
    work = {"requests_file": "requests.jsonl", "prompt": None}
    summary = carry_out(spec(**work, model="claude-sonnet-5-5"))
    assert [each[1] for each in records(summary)] == ["a.0", "a.1", "a.2"]
    assert summary["completed_items"] == 3
    with pytest.raises(InputError, match="name the model claude-haiku-5-5, and the run asks for claude-opus-5"):
        carry_out(spec(**work, model="claude-opus-5"))


def test_what_a_run_says_of_itself_is_no_input_of_it(simulator, notes, spec):
    """A run in a folder below its input, begun again: two files more would be sent, and paid."""
    notes("Ada")
    work = spec(files=["notes"], state_dir="notes/out")
    assert carry_out(work)["completed_items"] == 1
    assert carry_out(work)["completed_items"] == 1
    assert simulator.state()["items_billed"] == 1


def test_a_file_that_is_listed_in_two_ways_is_sent_once(simulator, notes, spec, tmp_path):
    notes("Ada", "Grace")
    (tmp_path / "list.txt").write_text("notes/Grace.txt\n./notes/Ada.txt\nnotes/Ada.txt\n./notes/Grace.txt\n")
    found = records(carry_out(spec(files_from="list.txt")))
    assert [each[1] for each in found] == ["notes/Grace.txt", "./notes/Ada.txt"]


def test_each_file_goes_with_each_prompt_and_new_files_are_added(simulator, notes, spec, tmp_path):
    notes("Ada", "Grace")
    (tmp_path / "prompts.jsonl").write_text('"Who is it?"\n{"id": "name", "prompt": "Which name?"}\n')
    work = spec(files=["notes"], prompt=None, prompts_file="prompts.jsonl")
    first = carry_out(work)
    assert first["completed_items"] == 4
    notes("Aaron")
    second = carry_out(work)
    assert (second["run_id"], second["completed_items"]) == (first["run_id"], 6)
    assert [each[1:3] for each in records(second)][3:] == [
        ("notes/Grace.txt", "name"), ("notes/Aaron.txt", "0"), ("notes/Aaron.txt", "name"),
    ]  # fmt: skip
    assert len(load_results_from_disk(second["results_dir"])) == 6
    assert simulator.state()["items_billed"] == 6


@pytest.mark.parametrize(("parameters", "words"), [
    ({"rows_file": "a.csv", "prompt": None}, "`rows_file` needs a `template`"),
    ({"files": ["a"], "template": "{x}"}, "`template` goes with `rows_file`"),
    ({"files": ["a"], "prompts_file": "b"}, "give `prompt`, `prompt_file` or `prompts_file`, not `prompt` and `prompts_file`"),
    ({"rows_file": "a.csv", "template": "{x}"}, "has its prompt in a message; see `prompt`"),
    ({"requests_file": "a", "rows_file": "b", "prompt": None}, "one of them only; `requests_file` and `rows_file` was given"),
])  # fmt: skip
def test_what_does_not_go_together(spec, parameters, words):
    with pytest.raises(InputError, match=words):
        spec(**parameters)


def test_work_that_could_be_said_before_keeps_its_folder(spec):
    assert folder_of(spec(files=["notes"])).path.name == "notes-0467d77e21639943"
