"""Where a run stands, and what is to be done next, for every way in which a ledger may end."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from batchata.core.events import Decided, Ending, Intent, ItemsAdded, Opened, RunStarted, Sent, Settled, Submitted
from batchata.core.exits import Exit
from batchata.core.state import RunState
from batchata.core.status import AtWork, Described, left_words, status_of

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
WHERE = Described("out", "notes", "out/results")
CENT = Decimal("0.01")


def state(*events, items=4, limit="1"):
    found = RunState()
    begun = [
        RunStarted(at=AT, run_id="r", version="1", model="m", settings={}),
        ItemsAdded(at=AT, first=0, names=[f"n{index}" for index in range(items)]),
        Opened(at=AT, pid=1, host="h", max_cost=None if limit is None else Decimal(limit)),
    ]
    for event in (*begun, *events):
        found.apply(event)
    return found


def sent(*items, job=1):
    asked = [Sent(index, 1, None, "f") for index in items]
    return [
        Intent(at=AT, job=job, items=asked, total=len(asked), bound=CENT * 10),
        Submitted(at=AT, job=job, batch_id=f"b{job}"),
    ]


def settled(*kinds, job=1, cost=CENT):
    endings = [Ending(index, kind, None if cost is None else cost) for index, kind in enumerate(kinds)]
    known = Decimal(0) if cost is None else cost * len(kinds)
    return [*sent(*range(len(kinds)), job=job),
            Settled(at=AT, job=job, batch_id=f"b{job}", endings=endings, cost=known, discount=known)]  # fmt: skip


def decided(what, **more):
    return Decided(at=AT, what=what, **more)


@pytest.mark.parametrize(
    ("events", "code", "commands"),
    [
        ([], Exit.LEFT, ["batchata run --out out"]),
        (sent(0, 1), Exit.IN_FLIGHT, ["batchata run --out out", "batchata cancel out"]),
        (settled(*["succeeded"] * 4), Exit.DONE, ["batchata results out"]),
        (
            settled("succeeded", "refused", "succeeded", "succeeded"),
            Exit.FAILED,
            ["batchata results out --failed", "batchata retry out"],
        ),
        (
            [*settled("succeeded", "succeeded"), decided("limit_reached")],
            Exit.LEFT,
            ["batchata run --out out --max-cost USD", "batchata results out"],
        ),
        (
            [decided("sample", items=[0, 1]), *settled("succeeded", "succeeded"), decided("asked")],
            Exit.LEFT,
            ["batchata run --out out --yes", "batchata results out"],
        ),
        ([decided("left", reason="left to the next pickup")], Exit.LEFT, []),
    ],
)
def test_what_is_to_be_done_next(events, code, commands):
    found = status_of(state(*events), WHERE)
    assert found.exit == code
    assert [step.command for step in found.next] == commands
    assert sum(found.outcomes.values()) + found.in_flight + found.pending == found.total == 4


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([decided("limit_reached")], "the cost limit of $1.00 is reached"),
        ([decided("cancel", reason="it was canceled")], "it was canceled"),
        ([*sent(0), decided("limit_reached")], ""),
        (
            [decided("sample", items=[0]), *settled("succeeded")],
            "its sample has ended and nobody has approved the rest",
        ),
    ],
)
def test_why_items_wait(events, why):
    assert status_of(state(*events), WHERE).why == why


def test_money_that_nobody_knows_is_not_zero():
    found = status_of(state(*settled("succeeded", "succeeded", cost=None), limit=None), WHERE)
    assert (found.spent, found.unpriced, found.limit) == (None, 2, None)
    assert status_of(state(*settled("succeeded")), WHERE).spent == CENT


def test_batches_the_newest_first_with_their_end():
    found = status_of(state(*settled("succeeded"), *sent(1, 2, job=2)), WHERE)
    assert [(row.job, row.items, row.cost) for row in found.batches] == [(2, 2, None), (1, 1, CENT)]
    assert found.batches[0].expires == AT + timedelta(hours=24)


def test_of_a_run_at_work_only_a_cancel_is_advised():
    found = status_of(state(*sent(0)), WHERE, AtWork(7, "here", AT))
    assert [step.command for step in found.next] == ["batchata cancel out"]


def test_a_folder_is_named_as_a_shell_takes_it():
    found = status_of(state(), Described("my run", "notes", "x"))
    assert found.next[0].command == "batchata run --out 'my run'"


def test_a_run_that_was_begun_elsewhere_is_gone_on_with_from_there():
    where = Described("a b/out", "notes", "x", begun_in=("/home/a b", "out"))
    found = status_of(state(*settled("refused", "succeeded", "succeeded", "succeeded")), where)
    assert [step.command for step in found.next] == [
        "batchata results 'a b/out' --failed",
        "cd '/home/a b' && batchata retry out",
    ]


def test_what_an_interrupted_run_leaves():
    assert left_words(status_of(state(), WHERE)) == ("interrupted with nothing in flight; 4 of 4 items wait")
    told = left_words(status_of(state(*sent(0, 1), *sent(2, job=2)), WHERE))
    assert "2 message batches with 3 items in flight" in told
    assert told.endswith("the API goes on with what was not cancelled")
