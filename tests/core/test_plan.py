from decimal import Decimal

import pytest

from batchata.core.events import Sent
from batchata.core.plan import LOOKAHEAD, SHORT_READS, decide
from batchata.core.session import Stop, Watch
from batchata.core.steps import Ask, Candidate, Collect, Finish, Form, Look, Search, Send, Wait
from batchata.errors import ServiceError
from tests.core.brain_support import (
    AT,
    NOW,
    decided,
    ended,
    intent,
    session_of,
    settled,
    state_of,
    submitted,
    unsent,
)

ALL_DONE = [intent(1, *range(6)), submitted(1), settled(1, dict.fromkeys(range(6), "succeeded"))]
LATER = Watch(due=NOW + 30)


def kinds(steps):
    return [type(step).__name__ for step in steps]


def test_a_new_run_forms_its_first_job():
    assert decide(state_of(limit="2"), session_of(), NOW) == [
        Form(1, [Candidate(index, 1, None) for index in range(6)], 2, Decimal(2), alone=True)
    ]


def test_more_items_are_offered_than_a_job_takes_for_some_may_need_no_batch():
    [form] = decide(state_of(items=1000), session_of(items_per_job=10), NOW)
    assert [each.index for each in form.candidates] == list(range(10 + LOOKAHEAD))


def test_what_is_offered_says_which_attempt_it_is_and_how_much_room_it_wants():
    done = {0: "succeeded", **dict.fromkeys(range(2, 6), "refused")}
    state = state_of(intent(1, *range(6)), submitted(1), settled(1, done, {1: ("truncated", 64)}))
    [form] = decide(state, session_of(), NOW)
    assert (form.job, form.candidates, form.left) == (2, [Candidate(1, 2, 64)], None)


# jobs in flight -> steps


def test_a_formed_job_is_sent_and_a_second_one_is_formed_beside_it():
    state, session = state_of(intent(1, 0, 1, bound="0.5"), limit="2"), session_of(formed={1})
    send, form = decide(state, session, NOW)
    assert send == Send(1, state.open[1].items)
    assert (form.job, form.left, form.alone) == (2, Decimal("1.5"), False)


def test_a_job_of_another_session_is_searched_for_before_anything_new():
    state = state_of(intent(1, 0, 1), submitted(1), intent(2, 2, 3), intent(3, 4, attempt=3))
    session = session_of(max_parallel_jobs=9)
    look, first, second = decide(state, session, NOW)
    assert look == Look(1, "batch 1")
    assert first == Search(2, frozenset({(2, 1), (3, 1)}), 2, AT, known=first.known)
    assert (second.job, second.items, second.total) == (3, frozenset({(4, 3)}), 1)
    assert "batch 1" in first.known
    assert "batch 2" not in first.known


@pytest.mark.parametrize(("searched", "forms"), [(set(), False), ({2}, False), ({2, 3}, True)])
def test_new_work_waits_until_each_job_of_unknown_fate_was_looked_for_once(searched, forms):
    state = state_of(intent(2, 2, 3), intent(3, 4))
    watches = {2: LATER, 3: LATER}
    steps = decide(state, session_of(max_parallel_jobs=9, searched=searched, watches=watches), NOW)
    assert kinds(steps) == (["Form"] if forms else ["Wait"])


def test_nothing_is_done_twice_at_a_time():
    state = state_of(intent(1, 0, 1), submitted(1), intent(2, 2, 3))
    session = session_of(busy={1, 2}, forming=True, formed={2}, max_parallel_jobs=9)
    assert decide(state, session, NOW) == [Wait(NOW + 60)]
    session = session_of(busy={1}, formed={2}, forming=True, max_parallel_jobs=9)
    assert kinds(decide(state, session, NOW)) == ["Send"]


@pytest.mark.parametrize(("most", "forms"), [(1, False), (2, False), (3, True)])
def test_at_most_so_many_jobs_are_in_flight(most, forms):
    """Whatever their phase: an ended one holds its items, one of unknown fate may be a batch."""
    state = state_of(intent(1, 0), submitted(1), ended(1), intent(2, 1))
    session = session_of(max_parallel_jobs=most, searched={2}, watches={1: LATER, 2: LATER})
    assert kinds(decide(state, session, NOW)) == (["Form"] if forms else ["Wait"])


@pytest.mark.parametrize(("short", "settle"), [(0, False), (SHORT_READS - 1, False), (SHORT_READS, True), (9, True)])
def test_results_that_stay_short_are_taken_for_all_there_is(short, settle):
    state = state_of(
        intent(1, 0, 1), submitted(1), settled(1, {0: "succeeded"}, {1: "expired"}),
        intent(2, 1, 2, bound="0.5", attempt=2), submitted(2), ended(2),
    )  # fmt: skip
    session = session_of(max_parallel_jobs=1, watches={2: Watch(due=NOW, short=short)})
    assert decide(state, session, NOW) == [
        Collect(2, "batch 2", [Sent(1, 2, None, "print 1"), Sent(2, 2, None, "print 2")], Decimal("0.5"),
                {1: ("expired",)}, settle_short=settle)
    ]  # fmt: skip


# time


@pytest.mark.parametrize(("watches", "until"), [
    ({1: NOW + 5, 2: NOW + 3}, 3),
    ({1: NOW + 5, 2: NOW + 70}, 5),
])  # fmt: skip
def test_it_waits_for_the_next_look(watches, until):
    state = state_of(intent(1, 0), submitted(1), intent(2, 1), submitted(2))
    session = session_of(watches={job: Watch(due=due) for job, due in watches.items()})
    assert decide(state, session, NOW) == [Wait(NOW + until)]
    assert kinds(decide(state, session, NOW + until)) == ["Look"]


def test_a_job_under_way_is_not_waited_for_by_the_clock():
    state = state_of(intent(1, 0), submitted(1), intent(2, 1), submitted(2))
    session = session_of(busy={1}, watches={1: Watch(due=NOW - 5), 2: Watch(due=NOW + 9)})
    assert decide(state, session, NOW) == [Wait(NOW + 9)]


def test_after_a_refused_create_new_work_waits():
    session = session_of(create_after=NOW + 4)
    assert decide(state_of(intent(1, 0), unsent(1)), session, NOW) == [Wait(NOW + 4)]
    assert kinds(decide(state_of(), session, NOW + 4)) == ["Form"]
    assert decide(state_of(*ALL_DONE), session, NOW) == [Finish()]
    running = state_of(intent(1, 0), submitted(1))
    assert decide(running, session_of(create_after=NOW + 4, watches={1: LATER}), NOW) == [Wait(NOW + 4)]


# the end


def test_it_finishes_when_nothing_waits_and_nothing_is_in_flight():
    assert decide(state_of(*ALL_DONE), session_of(), NOW) == [Finish()]
    assert decide(state_of(items=0), session_of(), NOW) == [Finish()]
    last = state_of(intent(1, *range(6)), submitted(1))
    assert decide(last, session_of(watches={1: LATER}), NOW) == [Wait(LATER.due)]


ERROR = ServiceError("it is down")


@pytest.mark.parametrize("drain", [True, False])
def test_after_a_stop_nothing_new_is_formed(drain):
    session = session_of(stop=Stop("enough", ERROR, drain=drain))
    assert decide(state_of(), session, NOW) == [Finish("enough", ERROR)]
    assert decide(state_of(*ALL_DONE), session, NOW) == [Finish("enough", ERROR)]


def test_a_stop_with_drain_brings_home_what_is_in_flight():
    state = state_of(intent(1, 0), submitted(1), intent(2, 1), submitted(2), ended(2))
    session = session_of(stop=Stop("enough"), max_parallel_jobs=9)
    assert kinds(decide(state, session, NOW)) == ["Look", "Collect"]
    session.watches = {1: LATER, 2: LATER}
    assert decide(state, session, NOW) == [Wait(LATER.due)]


def test_a_stop_without_drain_waits_only_for_what_is_under_way():
    state = state_of(intent(1, 0), submitted(1), intent(2, 1))
    session = session_of(stop=Stop("now", drain=False), formed={2}, busy={2})
    assert decide(state, session, NOW) == [Wait(NOW + 1)]
    session.busy.clear()
    assert decide(state, session, NOW) == [Finish("now")]
    session.forming = True
    assert decide(state, session, NOW) == [Wait(NOW + 1)]


def test_a_stop_does_not_wait_for_the_time_after_a_refusal():
    assert decide(state_of(), session_of(stop=Stop("x"), create_after=NOW + 9), NOW) == [Finish("x")]


# the budget


def blocked(**more):
    return session_of(blocked_at=Decimal("0.5"), needed=Decimal("0.6"), **more)


def test_what_the_budget_does_not_cover_waits_for_what_is_in_flight():
    state = state_of(intent(1, 0, 1, bound="0.5"), submitted(1), limit="1")
    session = blocked(watches={1: LATER})
    assert decide(state, session, NOW) == [Wait(LATER.due)]
    assert kinds(decide(state, session, LATER.due)) == ["Look"]


def test_money_that_comes_back_is_tried_at_once():
    state = state_of(intent(1, 0, bound="0.3"), submitted(1), intent(2, 1, bound="0.2"), submitted(2), limit="1")
    session = blocked(watches={1: LATER, 2: LATER})
    assert kinds(decide(state, session, NOW)) == ["Wait"]
    state.apply(settled(2, {1: "succeeded"}, cost="0.1"))
    [form] = decide(state, session, NOW)
    assert (form.left, form.alone) == (Decimal("0.6"), False)


def test_with_nothing_in_flight_it_is_tried_once_more_for_smaller_ones_may_fit():
    state = state_of(intent(1, 0, bound="0.5"), submitted(1), settled(1, {0: "succeeded"}, cost="0.5"), limit="1")
    [form] = decide(state, blocked(), NOW)
    assert (form.left, form.alone) == (Decimal("0.5"), True)


def test_alone_and_not_covered_is_the_limit():
    state = state_of(intent(1, 0, bound="0.5"), submitted(1), settled(1, {0: "succeeded"}, cost="0.5"), limit="1")
    [finish] = decide(state, blocked(blocked_alone=True), NOW)
    assert finish.error is None
    for words in (
        "cost limit of $1.00 is reached",
        "$0.50 is spent",
        "5 items are left",
        "cost up to $0.60. ",
        "max_cost",
    ):
        assert words in finish.stopped


def test_alone_and_not_covered_asks_where_somebody_can_answer():
    state = state_of(
        decided("limit", limit="1"), intent(1, 0, bound="0.5"), submitted(1),
        settled(1, {0: ("missing", None)}, cost="0.25", held="0.25"), limit="0.4",
    )  # fmt: skip
    session = blocked(blocked_alone=True, on_limit="ask")
    assert decide(state, session, NOW) == [Ask(2, Decimal("0.5"), Decimal(1), 5, Decimal("0.6"))]
    session.stop = Stop("nobody answered")
    assert decide(state, session, NOW) == [Finish("nobody answered")]


def test_a_higher_limit_goes_on():
    state, session = state_of(limit="0.5"), blocked(blocked_alone=True)
    assert kinds(decide(state, session, NOW)) == ["Finish"]
    state.apply(decided("limit", limit="2"))
    assert kinds(decide(state, session, NOW)) == ["Form"]


def test_at_the_limit_with_nothing_left_to_send_it_is_simply_done():
    assert decide(state_of(*ALL_DONE, limit="1"), blocked(blocked_alone=True, on_limit="ask"), NOW) == [Finish()]


def test_blocked_and_held_back_is_not_waited_for():
    """More time gives no more money."""
    session = blocked(blocked_alone=True, create_after=NOW + 50)
    assert kinds(decide(state_of(limit="0.5"), session, NOW)) == ["Finish"]


def test_a_batch_without_a_bound_is_waited_for_before_a_limit_is_trusted():
    """It was sent in a run without a limit, and nobody knows what it will cost."""
    state = state_of(intent(1, 0, 1), submitted(1))
    state.apply(state_of(limit="1").opened)
    assert state.budget.limit == Decimal(1)
    assert kinds(decide(state, session_of(watches={1: LATER}), NOW)) == ["Wait"]


# retries only


def test_only_what_is_sent_again_is_sent():
    again = [intent(1, 0, 1), submitted(1), settled(1, {0: "refused", 1: "succeeded"}), decided("retry", [0])]
    [form] = decide(state_of(*again), session_of(only_retries=True), NOW)
    assert form.candidates == [Candidate(0, 2, None)]
    assert decide(state_of(*again[:3]), session_of(only_retries=True), NOW) == [Finish()]
    assert kinds(decide(state_of(*again[:3]), session_of(), NOW)) == ["Form"]
    session = session_of(only_retries=True, create_after=NOW + 5)
    assert decide(state_of(*again[:3]), session, NOW) == [Finish()]
    assert decide(state_of(*again), session, NOW) == [Wait(NOW + 5)]
