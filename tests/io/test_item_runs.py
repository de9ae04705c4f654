"""Runs whose items do not all ask for the same."""

import orjson
import pytest

from batchata import BatchManager, InputError, Item, LedgerMismatchError, batch
from tests.pdfs import invoice_pdf

MODEL = "claude-haiku-5-5"


def talk(name):
    return [{"role": "user", "content": f"Name: {name}"}]


@pytest.fixture
def manager(client, tmp_path):
    def make(**options):
        usual = {"model": MODEL, "state_path": "run.jsonl", "client": client, "orchestrator": "local", "cache": False}
        return BatchManager(**(usual | options))

    return make


@pytest.fixture
def pdf(tmp_path):
    (tmp_path / "a.pdf").write_bytes(invoice_pdf(7))
    return "a.pdf"


def test_one_document_goes_with_many_prompts_and_the_records_say_which(manager, pdf, tmp_path):
    (tmp_path / "b.pdf").write_bytes(invoice_pdf(8))
    run = manager(
        files=[pdf, "b.pdf"], prompts={"number": "What is the invoice number?", "total": "What is the total?"}
    )
    assert run.run()["completed_items"] == 4
    told = [(each.source, each.label, each.result) for each in run.outcomes()]
    assert [(source, label) for source, label, _ in told] == [
        ("a.pdf", "number"), ("a.pdf", "total"), ("b.pdf", "number"), ("b.pdf", "total"),
    ]  # fmt: skip
    assert "INV-0007" in told[0][2]
    assert "INV-0008" in told[2][2]
    assert run.run()["run_id"] == run.stats["run_id"]
    with pytest.raises(LedgerMismatchError, match=r"item 0 was a\.pdf \+ "):
        manager(files=[pdf, "b.pdf"], prompts={"number": "Which?", "total": "What is the total?"}).run()


def test_items_of_one_run_ask_for_different_things_and_a_cut_one_gets_twice_its_own_room(manager, simulator, client):
    items = [talk("Ada"), Item(talk("Grace"), source="mail 7", params={"max_tokens": 1, "system": "Be brief."})]
    run = manager(messages=items, max_tokens=500, max_cost=1)
    run.run()
    records = list(run.outcomes())
    assert [(each.source, each.outcome) for each in records] == [(None, "succeeded"), ("mail 7", "truncated")]
    assert [len(each.detail.text.split()) for each in records[1:]] <= [2]
    ledger = [orjson.loads(line) for line in run.state_path.read_bytes().splitlines()]
    again = [each for event in ledger if event["event"] == "settled" for each in event["again"]]
    assert [each[3] for each in again] == [2]
    run.retry_failed()
    ledger = [orjson.loads(line) for line in run.state_path.read_bytes().splitlines()]
    assert next(each for each in ledger if each.get("what") == "retry")["max_tokens"] == {"1": 4}


@pytest.mark.parametrize(("items", "words"), [
    ([Item("x", prompt="x", params={"model": "m"}), Item("y", prompt=" ")], "2 of 2 items"),
    ([Item("a.pdf", prompt="x"), Item("gone.pdf", prompt="x")], r"item 1 \(gone\.pdf\): there is no such file"),
    ([Item("a.pdf", prompt="x", params={"temperature": 0})], "claude-haiku-5-5 refuses temperature"),
    ([Item("a.pdf", prompt="x", params={"max_tokens": 10**6})], "answers with at most 128,000"),
    ([Item("a.pdf", prompt="x"), "a.pdf"], "files need a prompt"),
    ([Item(".", prompt="x")], r"it is a folder, not a file; `expand_files"),
    ([Item(".", prompt="x")] + [Item(f"{n}.pdf", prompt="x") for n in range(501)], r"it is a folder, not a file; `expand_files"),
])  # fmt: skip
def test_what_cannot_be_asked_is_said_before_anything_is_sent(manager, simulator, pdf, items, words):
    with pytest.raises(InputError, match=words):
        manager(files=items).run()
    assert simulator.state()["create_calls"] == 0


@pytest.mark.parametrize(("prompts", "words"), [
    ([], "at least one in it"), ("Who?", "at least one in it"), (["Who?", " "], "prompt 1 is ' '"),
])  # fmt: skip
def test_bad_prompts(manager, pdf, prompts, words):
    with pytest.raises(InputError, match=words):
        manager(files=[pdf], prompts=prompts)
    with pytest.raises(InputError, match="prompt was given too"):
        manager(files=[pdf], prompt="x", prompts=["y"])


def test_answers_to_the_same_question_come_from_the_cache_whoever_asked_it(manager, pdf, tmp_path, simulator):
    manager(files=[pdf], prompts=["What is the total?"], cache=tmp_path / "cache").run()
    asked = Item(pdf, prompt="What is the total?", source="invoice 7")
    again = manager(files=[asked], prompts=None, cache=tmp_path / "cache", state_path="other.jsonl")
    assert again.run()["completed_items"] == 1
    assert simulator.state()["items_billed"] == 1


def test_a_batch_takes_items_too(client, pdf):
    items = [
        Item(pdf, prompt="What is the total?", label="total"),
        Item(pdf, prompt="What is the invoice number?", source="7"),
    ]
    found = batch(files=items, client=client, model=MODEL, enable_citations=True).outcomes()
    assert [(each.source, each.label, each.outcome) for each in found] == [
        ("a.pdf", "total", "succeeded"),
        ("7", None, "succeeded"),
    ]
    assert {each.source_file for each in found[0].citations} == {"a.pdf"}
