"""Books that agree, and each way in which they may not."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from batchata import make_client
from batchata.core.events import Ending, Intent, RunStarted, Sent, Settled, Submitted, Unsent
from batchata.core.items import custom_id
from batchata.core.reconciling import BatchBook, Priced, books_of, count_findings, money_findings
from batchata.io.batches import submit
from batchata.runs.carrying import carry_out
from batchata.runs.folder import folder_of
from batchata.runs.reconciling import reconcile
from batchata.simulator import Simulator

AT = datetime(2026, 11, 22, tzinfo=UTC)


def book(**counts):
    found = BatchBook("msgbatch_1", 1, requests=sum(counts.values()), created=AT, cost=Decimal("0.10"))
    found.counts = Counter(counts)
    found.unpriced = counts.get("missing", 0)
    return found


def api(**counts):
    return {"processing": 0, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0} | counts


@pytest.mark.parametrize(
    ("ours", "theirs", "told"),
    [
        ({"succeeded": 3}, {"succeeded": 3}, []),
        ({"succeeded": 2, "errored": 1}, {"succeeded": 2, "errored": 1}, []),
        ({"succeeded": 3}, {"succeeded": 2, "expired": 1}, ["2 succeeded, the ledger 3", "1 expired, the ledger 0"]),
        ({"succeeded": 3}, {"succeeded": 4}, ["4 requests, the ledger sent 3", "4 succeeded, the ledger 3"]),
        ({"succeeded": 3}, {"processing": 3}, ["the API still processes 3"]),
        ({"succeeded": 2, "missing": 1}, {"succeeded": 3}, ["3 succeeded, the ledger 2 (1 are missing there)"]),
    ],
)
def test_counts(ours, theirs, told):
    found = list(count_findings(book(**ours), api(**theirs)))
    assert len(found) == len(told)
    assert all(words in each.sentence for words, each in zip(told, found, strict=True))


@pytest.mark.parametrize(
    ("priced", "told"),
    [
        (Priced(3, Decimal("0.10"), 0), []),
        (Priced(3, Decimal("0.1000001"), 0), ["$+0.0000001"]),
        (Priced(2, Decimal("0.10"), 0), ["about 2 items, the ledger has 3"]),
        (Priced(3, Decimal("0.10"), 1), ["1 items have no price now, 0 had none"]),
        (None, ["not on disk"]),
    ],
)
def test_money(priced, told):
    found = list(money_findings(book(succeeded=3), priced))
    assert len(found) == len(told)
    assert all(words in each.sentence for words, each in zip(told, found, strict=True))


def test_the_books_of_a_ledger():
    """A job that was not sent, one whose items were partly sent again, one in flight."""
    sent = [Sent(index, 1, None, "f") for index in range(3)]
    events = [
        RunStarted(at=AT, run_id="r", version="1", model="m", settings={}),
        Intent(at=AT, job=1, items=sent, total=3),
        Unsent(at=AT, job=1, reason="refused"),
        Intent(at=AT, job=2, items=sent[:2], total=2),
        Submitted(at=AT, job=2, batch_id="b2"),
        Settled(at=AT, job=2, batch_id="b2", endings=[Ending(0, "refused", Decimal(1))], pending=[1], cost=Decimal(1)),
        Settled(at=AT, job=3, cached=1, endings=[Ending(1, "succeeded", Decimal(0))]),
        Intent(at=AT, job=4, items=sent[2:], total=1),
        Submitted(at=AT, job=4, batch_id="b4"),
    ]
    books = books_of(events)
    assert books.sizes == {1, 2, 3}
    assert books.batches["b2"].counts == {"succeeded": 1, "errored": 1}
    assert not books.batches["b4"].is_settled


@pytest.fixture
def done(simulator, notes, spec):
    one = spec(files=[notes("a", "b", "c", "d")], items_per_job=2)
    carry_out(one)
    return folder_of(one)


def test_a_run_that_is_done_agrees_also_when_it_is_read_again(done):
    for deep in (False, True):
        found = reconcile(done, deep=deep)
        assert found.findings == []
        assert (found.batches, found.lines, found.records) == (2, 4, 4)
        assert found.spent == found.priced_again > 0


def test_a_batch_of_ours_that_the_ledger_does_not_know(done, simulator):
    """As if a create call had been repeated: it has the run's own names. One of somebody else is not told."""
    run_id = done.state().run.run_id
    message = {"model": "claude-haiku-5-5", "max_tokens": 10, "messages": [{"role": "user", "content": "Name: a"}]}
    with make_client() as client:
        ours = submit(client, [{"custom_id": custom_id(run_id, index), "params": message} for index in range(2)])
        submit(client, [{"custom_id": custom_id("another", index), "params": message} for index in range(2)])
    found = reconcile(done)
    assert [each.about for each in found.findings] == [ours]
    assert "the ledger does not know it" in found.findings[0].sentence


def test_lines_that_are_gone_or_others_than_the_api_has(done):
    raw = sorted((done.results / "raw").glob("*.jsonl"))
    raw[0].unlink()
    raw[1].write_bytes(raw[1].read_bytes().replace(b'"output_tokens":', b'"output_tokens":1', 1))
    shallow, deep = reconcile(done), reconcile(done, deep=True)
    told = {each.about: each.sentence for each in shallow.findings}
    assert "not on disk" in told[raw[0].stem]
    assert "its lines come to" in told[raw[1].stem]
    assert [each.sentence for each in deep.findings] == [
        "1 of its result lines on disk are not those that the API gives now"
    ]


def test_a_record_that_was_cut(done):
    records = sorted((done.results / "processed").glob("*.jsonl"))[0]
    records.write_bytes(records.read_bytes().splitlines(keepends=True)[0])
    assert [each.about for each in reconcile(done).findings] == ["items"]


def test_a_batch_that_the_api_does_not_know(done, simulator, monkeypatch):
    with Simulator() as url:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        found = reconcile(done)
    assert [each.sentence for each in found.findings] == ["the API knows no such batch"] * 2


def test_a_batch_in_flight_is_no_difference(hourly, notes, spec):
    one = spec(files=[notes("a", "b")], wait=False)
    carry_out(one)
    found = reconcile(folder_of(one))
    assert found.agrees
    assert len(found.open) == 1
