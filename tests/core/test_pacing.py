"""At which pace the API is called, by what it says itself."""

import pytest

from batchata.core.pacing import EVERYTHING, Pace, Quota
from batchata.core.plan import decide
from batchata.core.reacting import MOST_MISSES, PATIENCE, react
from batchata.core.steps import Failed, Form, Look, Send, Wait
from batchata.errors import RateLimitedError
from tests.core.brain_support import NOW, intent, session_of, state_of, submitted
from tests.core.clockwork import Api, Bucket, Minutes, run


@pytest.mark.parametrize(
    ("limits", "most_refused"), [(Bucket(100), 0), (Bucket(100, others=1.2), 0), (Minutes(100), 8)]
)
def test_two_hundred_jobs_at_a_hundred_requests_a_minute(limits, most_refused):
    """600 calls take six minutes at least (five from a full bucket); a count that starts anew is guessed now and then."""
    api = Api(0, limits=limits)
    told = run(api, 200, items_per_job=1, quick=True)
    assert not told.finish.stopped
    assert sum(count for _, count in told.settled) == 200
    assert len(api.batches) == 200
    assert sum(api.refused.values()) <= most_refused
    if isinstance(limits, Minutes) or not limits.others:
        assert told.last <= 365


def test_without_a_word_of_the_api_nobody_waits():
    told = run(Api(0), 200, items_per_job=1)
    assert told.last < 60


@pytest.mark.parametrize("parallel", [10, 40])
def test_a_full_queue_makes_the_run_wait_and_drops_nothing(parallel):
    """1,000 of 10,000 items fit, ten jobs: 6,000 s at best. What is refused is a burst, not a habit."""
    api = Api(600, limits=Bucket(1_000), waiting=1_000)
    told = run(api, 10_000, items_per_job=100, max_parallel_jobs=parallel)
    assert not told.finish.stopped
    assert sum(count for _, count in told.settled) == 10_000
    assert api.refused["queue"] <= parallel
    assert told.last <= 6_000 * 1.4


def test_a_limit_that_only_shows_in_refusals_is_lived_with():
    api = Api(0, limits=Bucket(100), tells=False)
    told = run(api, 200, items_per_job=1, max_parallel_jobs=20)
    assert sum(count for _, count in told.settled) == 200
    assert len(api.batches) == 200


@pytest.mark.parametrize(("quota", "under_way", "expected"), [
    (None, 2, 3),
    (None, 500, 0),
    (Quota(1_000, 999, NOW + 0.06), 0, 3_000),
    (Quota(1_000, 500, NOW + 30), 0, 4),
    (Quota(1_000, 500, NOW + 30), 499, 1),
    (Quota(100, 0, NOW + 60), 0, 1),
    (Quota(100, 3, NOW - 1), 0, 50),
    (Quota(100, 3, NOW - 1), 30, 20),
    (Quota(100, 3, NOW - 1), 80, 0),
    (Quota(1, 0, NOW - 1), 0, 1),
])  # fmt: skip
def test_how_many_calls_may_begin(quota, under_way, expected):
    assert Pace(quota).free(under_way, NOW) == pytest.approx(expected, rel=0.2)


def test_before_the_first_answer_only_a_few_calls_are_under_way():
    """Another run may have used up the limit: its calls would all be refused."""
    pace = Pace()
    assert (pace.free(0, NOW), pace.free(5, NOW)) == (5, 0)
    pace.heard = True
    assert pace.free(500, NOW) == EVERYTHING
    told = run(api := Api(0, limits=Bucket(100, used=100)), 50, items_per_job=1, max_parallel_jobs=50)
    assert sum(count for _, count in told.settled) == 50
    assert sum(api.refused.values()) <= 5


def test_a_call_that_has_begun_puts_off_the_next():
    pace = Pace(Quota(100, 49, NOW + 30))
    pace.called(0, NOW)
    assert pace.next_call == NOW + 30 / 50
    assert pace.free(1, NOW) == 0
    assert pace.free(1, pace.opens(NOW) + 0.001) == 1


def test_others_who_use_up_everything_do_not_silence_a_run():
    """A tenth of the limit is tried all the same."""
    pace = Pace(Quota(100, 0, NOW + 60))
    pace.called(0, NOW)
    assert pace.next_call == NOW + 6


def looking(*jobs):
    events = [event for job in jobs for event in (intent(job, job), submitted(job))]
    return state_of(*events, items=10), session_of(max_parallel_jobs=len(jobs))


def test_those_that_waited_longest_are_looked_at_first():
    state, session = looking(1, 2, 3)
    for job, due in ((1, -1), (2, -3), (3, -2)):
        session.watch(job).due = NOW + due
    session.pace.quota = Quota(100, 2, NOW - 1)
    session.busy = set(range(100, 148))  # all but two of the half that is let through
    assert decide(state, session, NOW) == [Look(2, "batch 2"), Look(3, "batch 3")]


def test_a_run_that_may_not_call_waits_even_where_it_was_not_to_wait():
    """With wait=False it ends when nothing is left to do, and not because the API is busy."""
    state, session = looking(1)
    session = session_of(wait=False, max_parallel_jobs=1)
    session.pace.quiet_until = NOW + 7
    assert decide(state, session, NOW) == [Wait(NOW + 7)]
    assert decide(state, session, NOW + 7) == [Look(1, "batch 1")]


def refused(state, session, job, now=NOW, **how):
    session.busy.add(job)
    session.formed.add(job)
    step = Send(job, state.open[job].items)
    events = react(state, session, step, Failed(RateLimitedError("HTTP 429", **how)), now=now, chance=0)
    for event in events:
        state.apply(event)
    return events


def in_flight(count):
    events = [event for job in range(1, count + 1) for event in (intent(job, job), submitted(job))]
    return state_of(*events, intent(count + 1, count + 1), items=20), session_of(max_parallel_jobs=10)


def test_a_full_queue_halves_what_is_in_flight_and_each_batch_that_is_taken_adds_to_it():
    state, session = in_flight(8)
    assert [event.event for event in refused(state, session, 9)] == ["unsent"]
    assert session.pace.most(10) == 4
    assert session.stop is None
    assert not any(isinstance(step, Form) for step in decide(state, session, session.create_after))
    for _ in range(5):
        session.pace.widen(10)
    assert session.pace.most(10) == 5
    for _ in range(100):
        session.pace.widen(10)
    assert session.pace.lanes is None


def test_one_burst_of_refusals_halves_once():
    state, session = in_flight(8)
    state.apply(intent(10, 10))
    refused(state, session, 9, NOW + 1)
    refused(state, session, 10, NOW + 2)
    assert session.pace.most(10) == 4
    state.apply(intent(11, 11, after=3))
    refused(state, session, 11, NOW + 4)
    assert session.pace.most(10) == 4, "eight are in flight still"


def test_too_many_calls_are_no_full_queue():
    state, session = in_flight(8)
    refused(state, session, 9, retry_after=12.5, is_pace=True)
    assert session.pace.most(10) == 10
    assert (session.create_after, session.pace.quiet_until) == (NOW + 12.5, NOW + 12.5)
    assert decide(state, session, NOW) == [Wait(NOW + 12.5)]


def test_a_formed_job_is_not_sent_before_the_api_wants_it():
    """Without the wait every job that is formed would be refused in its turn."""
    state, session = in_flight(1)
    state.apply(intent(3, 3))
    session.formed.add(3)
    refused(state, session, 2, retry_after=30.0)
    session.watch(1).due = NOW + 90
    assert decide(state, session, NOW + 29) == [Wait(NOW + 30)]
    assert [type(step) for step in decide(state, session, NOW + 30)] == [Send]


def test_a_queue_that_others_fill_is_waited_for_and_not_for_ever():
    state, session = state_of(intent(1, 0)), session_of()
    for count in range(MOST_MISSES + 5):
        refused(state, session, 1, NOW + count)
        state.apply(intent(1, 0, after=count))
    assert session.stop is None
    assert session.pace.most(10) == 1
    refused(state, session, 1, NOW + PATIENCE)
    assert "429" in session.stop.reason


def test_a_look_that_is_refused_keeps_all_of_them_quiet():
    state, session = looking(1, 2)
    error = RateLimitedError("HTTP 429", retry_after=20.0, is_pace=True)
    assert react(state, session, Look(1, "batch 1"), Failed(error), now=NOW, chance=0) == []
    assert session.stop is None
    assert decide(state, session, NOW) == [Wait(NOW + 20)]
