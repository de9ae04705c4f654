"""What a run came to, asked by commands: for a person at a terminal, and as JSON for a script."""

import json
from decimal import Decimal

import pytest

from .conftest import document, ended

ASKED = (
    "status out --json",
    "status --json out out",
    "results out --json",
    "results out --item n3.txt --json",
    "results out --failed",
    "results out --item 99",
    "models --json",
    "reconcile out --json",
    "reconcile out --deep",
    "cancel out --json",
)


@pytest.fixture(scope="module")
def said(shell):
    return shell.together(*ASKED)


def test_a_run_with_failed_items_says_why_and_how_to_go_on(shell):
    done = shell.first
    assert done.returncode == 3, done.stderr
    assert "4 succeeded, 2 refused" in done.stdout
    assert "2 without a result" in done.stdout
    assert "notes/n1.txt" in done.stdout
    assert "the model refused" in done.stdout
    assert "the prompt is read from prompt.txt" in done.stderr
    assert "6 of 6 items ended" in done.stderr
    assert "batchata retry out" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_status_is_figures_that_add_up_and_the_exit_code_of_the_run(said):
    done = said["status out --json"]
    each = document(done)
    assert done.returncode == 3
    assert done.stderr == ""
    assert (each["total"], each["succeeded"], each["failed"]) == (6, 4, 2)
    assert each["outcomes"] == {"succeeded": 4, "refused": 2}
    assert Decimal(each["spent"]) > 0
    assert each["limit"] == "5.0"
    assert each["batches"][0]["items"] == 6
    assert [step["command"] for step in each["next"]] == ["batchata results out --failed", "batchata retry out"]


def test_several_runs_are_a_list(said):
    assert [each["title"] for each in document(said["status --json out out"])] == ["notes", "notes"]


def test_results_are_one_array_in_the_order_of_the_input(said):
    found = document(said["results out --json"])
    assert [each["index"] for each in found] == list(range(6))
    assert found[0]["result"] == {"name": "Person 0"}
    assert found[0]["citations"]["name"][0]["cited_text"].strip() == "Name: Person 0"
    assert found[1]["outcome"] == "refused"
    assert found[1]["reason"].startswith("the model refused")
    assert isinstance(found[0]["cost"], str)


def test_one_item_by_the_name_of_its_file(said):
    assert document(said["results out --item n3.txt --json"])["index"] == 3


def test_failed_items_each_with_its_reason(said):
    done = said["results out --failed"]
    assert done.returncode == 0
    assert done.stdout.count("the model refused") == 2


def test_an_item_that_is_not_there_is_a_sentence(said):
    done = said["results out --item 99"]
    assert (done.returncode, done.stdout) == (1, "")
    assert "items are numbered from 0 to 5" in done.stderr


def test_models_with_limits_prices_and_what_is_not_known(said):
    found = {each["id"]: each for each in document(said["models --json"])}
    haiku = found["claude-haiku-5-5"]
    assert (haiku["context"], haiku["citations"], haiku["sampling"]) == (1_000_000, True, False)
    assert Decimal(haiku["input_price"]) == Decimal("0.05")
    assert found["claude-mythos-5"]["input_price"] is None
    assert "retired" not in {each["lifecycle"] for each in found.values()}


def test_the_books_agree(shell, said):
    found = document(said["reconcile out --json"])
    assert said["reconcile out --json"].returncode == 0
    assert found["agrees"]
    assert found["spent"] == found["priced_again"] == document(said["status out --json"])["spent"]
    assert (found["lines"], found["records"], found["findings"]) == (6, 6, [])
    assert "All of them agree." in said["reconcile out --deep"].stdout


def test_nothing_is_in_flight_to_be_cancelled(said):
    assert document(said["cancel out --json"])["canceled"] == []


def test_a_terminal_shows_it_in_colour_and_within_its_width(shell):
    children = {name: shell.terminal(*name.split(), width=80) for name in (
        "status out", "results out", "results out --item 0", "models", "reconcile out")}  # fmt: skip
    came = {name: ended(child) for name, child in children.items()}
    texts, codes = ({name: each[place] for name, each in came.items()} for place in (0, 1))
    wanted = {
        "status out": "2 refused",
        "results out": "Person 0",
        "results out --item 0": "Name: Person 0",
        "models": "claude-haiku-5-5",
        "reconcile out": "All of them agree.",
    }
    for name, text in texts.items():
        assert wanted[name] in text, text
        assert "\x1b[" in text
    assert [codes[name] for name in wanted] == [3, 0, 0, 0, 0]


def test_without_colour_where_nobody_wants_it(shell):
    text, _ = ended(shell.terminal("results", "out", "--failed", NO_COLOR="1"))
    assert "refused" in text
    assert "\x1b[3" not in text


def test_a_ledger_that_does_not_agree_with_its_lines(shell):
    """A byte of a price: the exit code says so, and the sentence says by how much."""
    for raw in (shell.folder / "out" / "results" / "raw").glob("*.jsonl"):
        lines = [json.loads(line) for line in raw.read_text().splitlines()]
        before = raw.read_bytes()
        lines[0]["result"]["message"]["usage"]["output_tokens"] += 1
        raw.write_text("".join(json.dumps(each) + "\n" for each in lines))
        done = shell.run("reconcile", "out")
        raw.write_bytes(before)
    assert done.returncode == 6
    assert "its lines come to $0.00" in done.stdout
    assert "($+0.00000025" in done.stdout
