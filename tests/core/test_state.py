from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchata.core.events import ItemsAdded, decoded_event, encoded
from batchata.core.state import Phase, RunState, Standing
from batchata.core.summary import summary_of
from tests.core.brain_support import (
    AT,
    NOW,
    decided,
    ended,
    intent,
    observed,
    opened,
    session_of,
    settled,
    started,
    state_of,
    submitted,
    unsent,
)


def replayed(events):
    state = RunState()
    for event in events:
        state.apply(decoded_event(encoded(event)))
    return state


EVERY_EVENT = [
    *started(8, limit="1.00"),
    intent(1, 0, 1, bound="0.2"),
    submitted(1),
    intent(2, 2, 3, bound="0.30", after=0.25),
    unsent(2),
    ended(1),
    settled(1, {0: ("succeeded", Decimal("0.0123456789012345678901234567"))}, {1: ("truncated", 64)}, cost="0.1"),
    decided("limit_reached", limit="1.00"),
    decided("limit", limit="2"),
    ItemsAdded(at=AT, first=8, names=["näme\n", "10"]),
    intent(3, 2, 8, bound="1"),
    submitted(3),
    settled(3, {8: ("missing", None)}, pending=[2], cost="0.5", held="0.5", input_tokens=7, output_tokens=9),
    settled(4, {4: "succeeded"}, cost="0", batch_id=None, cached=1, saved="0.7"),
    decided("retry", [8]),
    decided("stop"),
    decided("cancel"),
    opened("2"),
]


def test_what_is_read_back_is_what_was_written():
    for event in EVERY_EVENT:
        assert decoded_event(encoded(event)) == event
        assert encoded(event).count(b"\n") == 1


def test_the_replayed_state_is_the_live_one():
    live = RunState()
    for length, event in enumerate(EVERY_EVENT, start=1):
        live.apply(event)
        if length > 2:
            assert observed(replayed(EVERY_EVENT[:length])) == observed(live)


@pytest.mark.parametrize(
    "line", [b"", b"{}\n", b"[1]\n", b'{"event":"later","at":"2026-11-22T00:00:00Z"}\n', b"\x00\n"]
)
def test_what_is_no_event_is_a_value_error(line):
    with pytest.raises(ValueError, match="no event of a ledger"):
        decoded_event(line)


def test_a_job_goes_from_intended_over_submitted_to_ended():
    state = state_of(intent(1, 0, 1, bound="0.2"), limit="1")
    job = state.open[1]
    assert (job.phase, job.batch_id, job.bound) == (Phase.INTENDED, None, Decimal("0.2"))
    assert state.indexes(Standing.HELD) == [0, 1]
    assert (state.attempts(0), state.fingerprints[0], state.sent_at[0]) == (1, "print 0", NOW)
    state.apply(submitted(1))
    assert (job.phase, job.batch_id, dict(state.batches)) == (Phase.SUBMITTED, "batch 1", {"batch 1": 1})
    state.apply(ended(1))
    assert job.phase is Phase.ENDED
    state.apply(settled(1, {0: "succeeded", 1: "refused"}, cost="0.1"))
    assert not state.open
    assert (state.kind_of(0), state.kind_of(1), state.kind_of(2)) == ("succeeded", "refused", None)
    assert (state.job_of(0), state.job_of(2), state.next_job) == (1, 0, 2)
    assert state.budget.left == Decimal("0.9")


@pytest.mark.parametrize(("events", "waiting", "again"), [
    ([], [0, 1, 2, 3, 4, 5], []),
    ([intent(1, 0, 1)], [2, 3, 4, 5], []),
    # those that come back unsent are first, in the order of the input
    ([intent(1, 0, 1), intent(2, 2, 3), unsent(2)], [2, 3, 4, 5], []),
    ([intent(1, 0, 1), intent(2, 2, 3), unsent(2), unsent(1)], [0, 1, 2, 3, 4, 5], []),
    ([intent(1, 3, 4), unsent(1), intent(2, 3), submitted(2)], [0, 1, 2, 4, 5], []),
    # the account's trouble: as if they had never been sent
    ([intent(1, 0, 1), submitted(1), settled(1, {0: "succeeded"}, pending=[1])], [1, 2, 3, 4, 5], []),
    # those sent again come last, in the order in which they came back
    ([intent(1, 0, 1), submitted(1), settled(1, again={1: "expired", 0: "invalid"})], [2, 3, 4, 5, 1, 0], [1, 0]),
    # one that was to be sent again and comes back unsent still is, and is first of them
    ([intent(1, 0, 1), submitted(1), settled(1, again={0: "expired", 1: "expired"}), intent(2, 1, attempt=2), unsent(2)],
     [2, 3, 4, 5, 1, 0], [1, 0]),
    ([intent(1, 0, 1), submitted(1), settled(1, {0: "refused", 1: "succeeded"}), decided("retry", [0])],
     [2, 3, 4, 5, 0], [0]),
])  # fmt: skip
def test_the_order_in_which_items_wait(events, waiting, again):
    state = state_of(*events)
    assert list(state.pending()) == waiting
    assert list(state.pending()) == waiting
    assert list(state.pending(only_again=True)) == again
    assert sorted(waiting) == sorted([*state.indexes(Standing.PENDING), *state.indexes(Standing.AGAIN)])


SENT_TWICE = [intent(1, 0, 1), submitted(1), settled(1, again={0: "expired", 1: "expired"})]


@pytest.mark.parametrize("then", [
    [intent(2, 0, 1, attempt=2), unsent(2)],
    [intent(2, 0, 1, attempt=2), submitted(2), settled(2, again={0: "expired", 1: "expired"})],
    [intent(2, 1, attempt=2), submitted(2), settled(2, again={1: "expired"})],
    [intent(2, 1, attempt=2), submitted(2), settled(2, pending=[1])],
    [intent(2, 1, attempt=2), submitted(2), settled(2, {1: "expired"}), decided("retry", [1])],
])  # fmt: skip
def test_an_item_that_waits_again_waits_once(then):
    """The same item twice in a job would be two requests with one custom_id."""
    waiting = list(state_of(*SENT_TWICE, *then).pending())
    assert sorted(waiting) == [0, 1, 2, 3, 4, 5]


def test_a_cached_answer_needs_no_batch():
    state = state_of(settled(1, {0: "succeeded", 1: "succeeded"}, batch_id=None, cached=2, saved="0.3"), limit="1")
    assert (state.tally.jobs, state.tally.cached, state.tally.saved) == (0, 2, Decimal("0.3"))
    assert (state.job_of(1), state.next_job, state.budget.left) == (1, 2, Decimal(1))


def test_an_unknown_cost_is_held_and_said_beside_the_sum():
    state = state_of(intent(1, 0, 1, bound="0.5"), submitted(1), limit="1")
    state.apply(settled(1, {0: ("succeeded", Decimal("0.1")), 1: ("missing", None)}, cost="0.1", held="0.4"))
    assert (state.tally.unpriced, state.budget.held, state.budget.left) == (1, Decimal("0.4"), Decimal("0.5"))
    summary = summary_of(state, total=9, state_path="s", results_dir="r")
    assert (summary["total_cost"], summary["unpriced_items"]) == (0.1, 1)
    assert summary["cost_reserved"] == pytest.approx(0.4)
    assert (summary["total_items"], summary["pending_items"], summary["failed_items"]) == (9, 7, 1)


def test_a_retry_takes_the_failures_out_of_the_count_and_keeps_their_money():
    events = [intent(1, 0, 1), submitted(1), settled(1, {0: "refused", 1: "succeeded"}, cost="0.3")]
    state = state_of(*events, decided("retry", [0]))
    assert (state.tally.kinds["refused"], state.tally.kinds["succeeded"], state.tally.retried) == (0, 1, 1)
    assert (state.kind_of(0), state.history[0], state.attempts(0)) == (None, (), 1)
    assert state.budget.spent == Decimal("0.3")


def test_what_an_item_asks_for_instead_is_kept_until_it_changes():
    state = state_of(intent(1, 0, 1), submitted(1), settled(1, again={0: ("truncated", 64), 1: "expired"}))
    assert (state.max_tokens_of(0), state.max_tokens_of(1)) == (64, None)
    state.apply(intent(2, 0, attempt=2))
    state.apply(submitted(2))
    state.apply(settled(2, again={0: ("expired", 64)}))
    assert (state.max_tokens_of(0), state.history[0]) == (64, ("truncated", "expired"))


@pytest.mark.parametrize(("events", "limit"), [
    ([], "1"),
    ([decided("limit", limit="5")], "5"),
    ([decided("limit", limit="5"), opened("1")], "5"),
    ([decided("limit", limit="5"), opened("2")], "2"),
    ([decided("limit", limit="5"), opened("2"), opened("1")], "1"),
    ([decided("limit", limit="5"), opened("0.5")], "0.5"),
    ([opened("3")], "3"),
    ([opened(None)], None),
    ([decided("limit", limit="5"), opened(None)], None),
    ([opened("1.0")], "1"),
    ([decided("limit", limit="5"), opened("1.00")], "5"),
])  # fmt: skip
def test_a_limit_given_anew_counts_and_the_same_one_undoes_no_approval(events, limit):
    state = state_of(*events, limit="1")
    assert state.budget.limit == (None if limit is None else Decimal(limit))


def test_that_the_limit_is_reached_holds_until_somebody_goes_on():
    state = state_of(decided("limit_reached"), limit="1")
    assert state.limit_reached
    assert not state_of(decided("limit_reached"), opened("1"), limit="1").limit_reached
    state.apply(decided("limit", limit="2"))
    assert (state.limit_reached, state.answers) == (False, 1)
    state.apply(decided("stop"))
    assert state.answers == 2


def test_new_items_at_the_end_of_the_list_are_simply_new():
    state = state_of(intent(1, *range(6)), submitted(1), settled(1, dict.fromkeys(range(6), "succeeded")))
    assert list(state.pending()) == []
    state.apply(ItemsAdded(at=AT, first=6, names=["late"]))
    assert list(state.pending()) == [6]


@given(st.integers(1, 30), st.integers(1, 7), st.randoms(use_true_random=False))
def test_every_item_stands_in_one_place(items, at_once, chance):
    """Whatever happens to jobs, what waits, what is held and what has ended are all items, each once."""
    events = [*started(items, limit=5)]
    live = replayed(events)
    open_jobs = {}
    for _ in range(25):
        waiting = list(live.pending())
        assert len(waiting) == len(set(waiting)) == live.count(Standing.PENDING, Standing.AGAIN)
        if waiting and chance.random() < 0.6:
            chosen = sorted(chance.sample(waiting, min(at_once, len(waiting))))
            step = [intent(live.next_job, *chosen, bound="0.1", attempt=max(live.attempts(i) for i in chosen) + 1)]
            open_jobs[step[0].job] = chosen
        elif open_jobs:
            job = chance.choice(sorted(open_jobs))
            step = (
                [unsent(job)] if chance.random() < 0.3 else [submitted(job), _random_end(job, open_jobs[job], chance)]
            )
            del open_jobs[job]
        else:
            step = []
        for event in step:
            events.append(event)
            live.apply(event)
        summary = summary_of(live, total=items, state_path="", results_dir="")
        where = ("completed_items", "failed_items", "pending_items", "in_flight_items")
        assert sum(summary[each] for each in where) == items
    assert observed(replayed(events)) == observed(live)
    assert live.budget.reserved == sum((job.bound for job in live.open.values()), Decimal(0))


def _random_end(job, items, chance):
    places = {item: chance.choice(("done", "again", "pending")) for item in items}
    return settled(
        job,
        {item: chance.choice(("succeeded", "refused")) for item in items if places[item] == "done"},
        {item: "expired" for item in items if places[item] == "again"},
        [item for item in items if places[item] == "pending"],
        cost="0.01",
    )


def test_a_session_knows_nothing_before_it_looks():
    watch = session_of().watch(3)
    assert (watch.due, watch.looks, watch.misses, watch.missing_since) == (0.0, 0, 0, None)


def test_batches_were_told_to_stop_until_there_is_a_new_one():
    state = state_of(intent(1, 0), submitted(1), decided("cancel"))
    assert state.canceled
    for event in (intent(2, 1), submitted(2)):
        state.apply(event)
    assert not state.canceled
