"""A session that is not to wait ends where it could only wait."""

import pytest

from batchata.core.plan import decide
from batchata.core.session import Stop, Watch
from batchata.core.steps import Collect, Finish, Form, Look, Search, Send, Wait
from batchata.errors import ServiceError
from tests.core.brain_support import NOW, ended, intent, session_of, settled, state_of, submitted

LATER = Watch(due=NOW + 30)


def away(**how):
    return session_of(wait=False, **how)


def only(steps):
    (step,) = steps
    return step


def test_what_may_be_sent_is_sent_first():
    state = state_of(intent(1, 0, 1))
    first, second = decide(state, away(formed={1}), NOW)
    assert isinstance(first, Send)
    assert isinstance(second, Form)


def test_each_batch_in_flight_is_looked_at_once_and_collected_when_it_has_ended():
    assert isinstance(only(decide(state_of(intent(1, *range(6)), submitted(1)), away(), NOW)), Look)
    assert isinstance(only(decide(state_of(intent(1, *range(6)), submitted(1), ended(1)), away(), NOW)), Collect)


def test_it_ends_instead_of_waiting_for_a_batch():
    state = state_of(intent(1, 0, 1), submitted(1), intent(2, 2, 3), submitted(2))
    step = only(decide(state, away(watches={1: LATER, 2: LATER}), NOW))
    assert isinstance(step, Finish)
    assert step.is_away
    assert step.stopped.startswith("2 batches are in flight with 4 items and 2 more wait")


def test_what_is_under_way_is_waited_for():
    state = state_of(intent(1, *range(6)), submitted(1))
    assert isinstance(only(decide(state, away(watches={1: LATER}, busy={1}), NOW)), Wait)


@pytest.mark.parametrize(
    ("watch", "waits"),
    [
        (Watch(due=NOW + 9), True),  # not listed yet: it is never created so many seconds later
        (Watch(due=NOW + 9, runs=True), False),  # a batch that may be it goes on for hours
        (Watch(due=NOW + 9, misses=1), False),  # the API is away
    ],
)
def test_a_lost_batch_is_waited_for_as_long_as_it_takes_to_know(watch, waits):
    session = away(watches={1: watch}, searched={1})
    assert isinstance(only(decide(state_of(intent(1, *range(6))), session, NOW)), Wait if waits else Finish)


def test_a_lost_batch_is_searched_for_once_at_least():
    assert isinstance(only(decide(state_of(intent(1, *range(6))), away(), NOW)), Search)


@pytest.mark.parametrize(("short", "misses", "waits"), [(1, 1, True), (0, 1, False), (1, 2, False)])
def test_results_that_came_short_are_read_again_at_once_and_an_api_that_is_away_is_not_waited_for(short, misses, waits):
    state = state_of(intent(1, *range(6)), submitted(1), ended(1))
    session = away(watches={1: Watch(due=NOW + 9, short=short, misses=misses)})
    assert isinstance(only(decide(state, session, NOW)), Wait if waits else Finish)


def test_after_a_refused_create_it_does_not_wait_for_the_next_try():
    step = only(decide(state_of(), away(create_after=NOW + 9), NOW))
    assert step == Finish("nothing is in flight and 6 items wait; run again to go on", is_away=True)


def test_a_reason_to_stop_is_told():
    error = ServiceError("it is down")
    state = state_of(intent(1, 0, 1), submitted(1))
    session = away(watches={1: LATER}, stop=Stop("it is down", error))
    assert only(decide(state, session, NOW)) == Finish("it is down", error)


def test_with_nothing_left_it_is_done():
    state = state_of(intent(1, *range(6)), submitted(1), settled(1, dict.fromkeys(range(6), "succeeded")))
    assert only(decide(state, away(), NOW)) == Finish()
