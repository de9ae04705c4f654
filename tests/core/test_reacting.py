from datetime import timedelta
from decimal import Decimal

import pytest

from batchata.core.events import Ending, Intent, Sent, Submitted, Unsent
from batchata.core.plan import decide
from batchata.core.reacting import MOST_MISSES, PATIENCE, SAME_CAUSE, react, withdrawn
from batchata.core.session import Stop, Watch
from batchata.core.steps import (
    Candidate,
    Collect,
    Collected,
    Created,
    Failed,
    Form,
    Formed,
    Look,
    Looked,
    NotFound,
    Search,
    Send,
)
from batchata.core.waiting import FIRST, LONGEST
from batchata.errors import (
    AccountError,
    AmbiguousSubmitError,
    CredentialsError,
    IncompleteResultsError,
    InputError,
    NotEndedError,
    RequestRefusedError,
    ResultsError,
    ServiceError,
    UnboundedCostError,
)
from tests.core.brain_support import AT, NOW, ended, intent, session_of, settled, state_of, submitted

SENT = [Sent(0, 1, None, "print 0"), Sent(1, 1, None, "print 1")]
LOST = AmbiguousSubmitError("the connection broke", custom_id="run-000000-1", total=2)
DOWN = ServiceError("busy")
REFUSED = RequestRefusedError("HTTP 404")
SHORT = IncompleteResultsError("short", read=1, expected=2)


def form(job=1, left=None, *, alone=True):
    return Form(job, [Candidate(0, 1, None)], 2, left, alone)


def formed(job=1, items=SENT, bound=None, needed=None, now_settled=None, causes=()):
    return Formed(job, items, bound, now_settled, causes, needed)


SEND = Send(1, SENT)
SEARCH = Search(1, frozenset({(0, 1), (1, 1)}), 2, AT, known=())
LOOK = Look(1, "batch 1")
COLLECT = Collect(1, "batch 1", SENT, None, {}, settle_short=False)


def applied(state, session, step, report, *, now=NOW, chance=0.0):
    """As the loop does it: what comes of a report is written down and taken in."""
    events = react(state, session, step, report, now=now, chance=chance)
    for event in events:
        state.apply(event)
    return events


# Form


def test_a_formed_job_is_intended_before_it_is_sent():
    state, session = state_of(limit="1"), session_of(forming=True, blocked_at=Decimal("0.1"))
    [event] = applied(state, session, form(left=Decimal(1)), formed(bound=Decimal("0.5")))
    assert event == Intent(at=AT, job=1, items=SENT, total=2, bound=Decimal("0.5"))
    assert (session.forming, session.formed, session.blocked_at) == (False, {1}, None)


def test_answers_that_need_no_batch_are_settled_before_the_job_is_intended():
    state, session = state_of(), session_of(forming=True)
    cached = settled(1, {4: "succeeded"}, batch_id=None, cached=1)
    events = applied(state, session, form(), formed(job=2, now_settled=cached))
    assert events == [cached, Intent(at=AT, job=2, items=SENT, total=2)]
    assert (session.formed, state.next_job, session.succeeded) == ({2}, 3, 1)


def test_only_answers_that_need_no_batch():
    state, session = state_of(), session_of(forming=True)
    cached = settled(1, {4: "succeeded"}, batch_id=None, cached=1)
    assert applied(state, session, form(), formed(items=[], now_settled=cached)) == [cached]
    assert (session.formed, session.blocked_at, session.forming) == (set(), None, False)


@pytest.mark.parametrize("alone", [True, False])
def test_what_the_budget_does_not_cover_blocks_and_alone_it_is_the_limit(alone):
    state, session = state_of(limit="0.5"), session_of(forming=True)
    events = applied(state, session, form(left=Decimal("0.5"), alone=alone), formed(items=[], needed=Decimal("0.6")))
    assert [(event.what, event.limit) for event in events] == ([("limit_reached", Decimal("0.5"))] if alone else [])
    assert (session.blocked_at, session.blocked_alone, session.needed) == (Decimal("0.5"), alone, Decimal("0.6"))
    assert state.limit_reached is alone


def test_a_job_that_is_formed_while_the_run_stops_is_not_intended():
    state, session = state_of(), session_of(forming=True, stop=Stop("enough"))
    cached = settled(1, {4: "succeeded"}, batch_id=None, cached=1)
    assert applied(state, session, form(), formed(job=2, now_settled=cached)) == [cached]
    assert (session.formed, session.forming) == (set(), False)


@pytest.mark.parametrize("error", [UnboundedCostError("no bound"), ResultsError("disk"), InputError("bad")])
def test_what_cannot_be_formed_stops_the_run_and_brings_home_what_is_in_flight(error):
    session = session_of(forming=True)
    assert applied(state_of(), session, form(), Failed(error)) == []
    assert session.stop == Stop(str(error), error)
    assert not session.forming


# Send


def sending(**more):
    return state_of(intent(1, 0, 1, bound="0.5"), limit="1"), session_of(formed={1}, busy={1}, **more)


def test_a_created_batch_is_written_down_and_looked_at():
    state, session = sending(refusals=3)
    assert applied(state, session, SEND, Created("batch 1")) == [Submitted(at=AT, job=1, batch_id="batch 1")]
    assert (session.busy, session.formed, session.refusals) == (set(), set(), 0)
    assert LOOK in decide(state, session, NOW)


def test_a_lost_answer_changes_nothing_but_that_the_batch_is_searched_for():
    state, session = sending()
    assert applied(state, session, SEND, Failed(LOST)) == []
    assert (session.stop, session.formed, session.busy) == (None, set(), set())
    assert state.budget.reserved == Decimal("0.5")
    assert len(decide(state, session, NOW)) == 1  # what went wrong once is not tried again at once
    search, new = decide(state, session, NOW + 2)
    assert (type(search), search.job, type(new)) == (Search, 1, Form)


@pytest.mark.parametrize(("error", "stops", "drains"), [
    (DOWN, False, None),
    (RequestRefusedError("HTTP 413"), True, True),
    (AccountError("no credit"), True, True),
    (InputError("100,001 items"), True, True),
    (CredentialsError("bad key"), True, False),
])  # fmt: skip
def test_after_a_certain_refusal_the_items_wait_again(error, stops, drains):
    state, session = sending()
    assert applied(state, session, SEND, Failed(error)) == [Unsent(at=AT, job=1, reason=str(error))]
    assert (state.open, state.budget.reserved, list(state.pending())) == ({}, Decimal(0), [0, 1, 2, 3, 4, 5])
    assert (session.busy, session.formed) == (set(), set())
    assert (session.stop is not None) == stops
    if session.stop:
        assert (session.stop.drain, session.stop.error, session.stop.reason) == (drains, error, str(error))


def test_refused_creates_are_spaced_and_the_tenth_in_a_row_ends_the_run():
    state, session, now = state_of(), session_of(), NOW
    for count in range(1, MOST_MISSES + 1):
        assert session.stop is None
        job = state.next_job
        state.apply(intent(job, 0, 1))
        session.formed.add(job)
        applied(state, session, Send(job, SENT), Failed(DOWN), now=now)
        assert (session.refusals, session.create_after > now) == (count, True)
        assert session.create_after <= now + LONGEST
        now = session.create_after
    assert session.stop == Stop("busy", DOWN, drain=False)


def test_refusals_count_in_a_row():
    state, session = sending(refusals=MOST_MISSES - 1)
    applied(state, session, SEND, Created("batch 1"))
    state.apply(intent(2, 2))
    applied(state, session, Send(2, SENT), Failed(DOWN))
    assert (session.refusals, session.stop) == (1, None)


# Search


def test_a_batch_that_is_found_is_adopted():
    state, session = state_of(intent(1, 0, 1)), session_of(busy={1}, watches={1: Watch(due=0, misses=4, looks=9)})
    assert applied(state, session, SEARCH, Created("batch 1")) == [Submitted(at=AT, job=1, batch_id="batch 1")]
    assert LOOK in decide(state, session, NOW)
    assert session.watches[1].misses == 0


@pytest.mark.parametrize(("tried", "begun", "seen_lost", "now", "gone"), [
    # (seconds after NOW: intent, session's start, ambiguous answer, this look) -> is it certain?
    (-900, 0, None, 0, False),
    (-900, 0, None, 59, False),
    (-900, 0, None, 60, True),
    (0, -900, None, 59, False),
    (0, -900, None, 60, True),
    (0, -900, 30, 60, False),
    (0, -900, 30, 89, False),
    (0, -900, 30, 90, True),
])  # fmt: skip
def test_what_nobody_lists_was_not_created_but_only_some_time_after_it_was_tried(tried, begun, seen_lost, now, gone):
    state = state_of(intent(1, 0, 1, after=tried))
    session = session_of(busy={1})
    session.started = NOW + begun
    if seen_lost is not None:
        session.formed.add(1)
        applied(state, session, SEND, Failed(LOST), now=NOW + seen_lost)
    events = applied(state, session, SEARCH, NotFound([]), now=NOW + now)
    assert 1 in session.searched
    if gone:
        assert events == [Unsent(at=AT + timedelta(seconds=now), job=1, reason=events[0].reason)]
        assert "60 s" in events[0].reason
        assert 1 not in session.watches
    else:
        assert events == []
        assert NOW + now < session.watches[1].due <= max(NOW + tried, NOW + begun, NOW + (seen_lost or 0)) + 60


def test_what_others_could_send_counts_as_not_created_ten_times_later():
    """One that seems dead may only be slow: it has the right, and its call may still arrive."""
    claimed = intent(1, 0, 1, after=0).model_copy(update={"claims": "a flow run"})
    state, session = state_of(claimed), session_of(busy={1})
    assert applied(state, session, SEARCH, NotFound([]), now=NOW + 599) == []
    (event,) = applied(state, session, SEARCH, NotFound([]), now=NOW + 601)
    assert (type(event), "600 s" in event.reason) == (Unsent, True)


def test_what_nobody_began_to_send_waits_again_at_once():
    state, session = state_of(intent(1, 0, 1, after=0)), session_of(busy={1})
    (event,) = applied(state, session, SEARCH, NotFound([], never=True), now=NOW + 1)
    assert isinstance(event, Unsent)
    assert 1 not in session.watches


def test_an_intent_says_where_the_right_to_send_is_taken():
    state, session = state_of(), session_of()
    session.claims, session.forming = "a flow run", True
    (event,) = applied(state, session, form(), formed())
    assert event.claims == "a flow run"
    (again,) = decide(state, session_of(), NOW)
    assert again.claims == "a flow run"


def test_as_long_as_one_that_may_be_it_runs_it_is_waited_for():
    state, session = state_of(intent(1, 0, 1, after=-9000)), session_of()
    session.started, now = NOW - 8000, NOW
    for look in range(1, 40):
        assert applied(state, session, SEARCH, NotFound(["batch 7"]), now=now) == []
        watch = session.watches[1]
        assert (watch.looks, now + FIRST <= watch.due <= now + LONGEST) == (look, True)
        now = watch.due
    assert [type(event) for event in applied(state, session, SEARCH, NotFound([]), now=now)] == [Unsent]


def test_searches_that_fail_now_and_then_over_a_day_are_not_failures_in_a_row():
    """A batch may run for 24 hours, and the search waits for it."""
    state, session, now = state_of(intent(1, 0, 1)), session_of(formed={1}), NOW
    applied(state, session, SEND, Failed(LOST))
    for hour in range(24):
        now = NOW + 3600 * (hour + 1)
        applied(state, session, SEARCH, Failed(DOWN), now=now)
        assert session.stop is None, f"after {hour + 1} failures, one an hour"
        applied(state, session, SEARCH, NotFound(["batch 7"]), now=now + 30)


# Look


def test_looks_grow_apart_until_the_batch_has_ended():
    state, session = state_of(intent(1, 0, 1), submitted(1)), session_of()
    delays = []
    for _ in range(30):
        assert applied(state, session, LOOK, Looked(ended=False)) == []
        delays.append(session.watches[1].due - NOW)
    assert delays == sorted(delays)
    assert (delays[0], delays[-1]) == (FIRST, LONGEST)
    assert applied(state, session, LOOK, Looked(ended=True)) == [ended(1)]
    assert [type(step) for step in decide(state, session, NOW)][:1] == [Collect]


def test_jitter_brings_looks_forward():
    state, session = state_of(intent(1, 0, 1), submitted(1)), session_of()
    applied(state, session, LOOK, Looked(ended=False), chance=1.0)
    assert session.watches[1].due == pytest.approx(NOW + 0.8 * FIRST)


def test_a_look_that_works_forgives_those_that_failed():
    state, session = state_of(intent(1, 0, 1), submitted(1)), session_of()
    for _ in range(MOST_MISSES - 1):
        applied(state, session, LOOK, Failed(REFUSED))
    applied(state, session, LOOK, Looked(ended=False))
    assert (session.watches[1].misses, session.watches[1].missing_since) == (0, None)
    applied(state, session, LOOK, Failed(REFUSED))
    assert session.stop is None


# a Search, Look or Collect that fails

STEPS = [
    (SEARCH, [intent(1, 0, 1)]),
    (LOOK, [intent(1, 0, 1), submitted(1)]),
    (COLLECT, [intent(1, 0, 1), submitted(1), ended(1)]),
]


@pytest.mark.parametrize(("step", "events"), STEPS)
@pytest.mark.parametrize("error", [REFUSED, DOWN, SHORT, NotEndedError("archived?")])
def test_a_failure_changes_nothing_but_a_counter(step, events, error):
    state, session = state_of(*events), session_of(busy={1})
    before = state.open[1].phase
    for count in range(1, MOST_MISSES):
        assert applied(state, session, step, Failed(error)) == []
        watch = session.watches[1]
        assert (watch.misses, watch.missing_since, session.stop) == (count, NOW, None)
        assert NOW < watch.due <= NOW + LONGEST
    assert (state.open[1].phase, session.busy) == (before, set())


@pytest.mark.parametrize(("step", "events"), STEPS)
@pytest.mark.parametrize(("error", "misses", "seconds", "hopeless"), [
    (REFUSED, MOST_MISSES - 1, PATIENCE * 9, False),
    (REFUSED, MOST_MISSES, 10, True),
    (DOWN, MOST_MISSES + 50, PATIENCE - 1, False),
    (DOWN, MOST_MISSES - 1, PATIENCE * 9, False),
    (DOWN, MOST_MISSES, PATIENCE, True),
    (SHORT, MOST_MISSES, PATIENCE, True),
    (CredentialsError("bad key"), 1, 0, True),
    (AccountError("no credit"), 1, 0, True),
    (ResultsError("the disk is full"), 1, 0, True),
])  # fmt: skip
def test_when_looking_is_given_up_the_batches_stay(step, events, error, misses, seconds, hopeless):
    state, session = state_of(*events), session_of()
    for count in range(misses):
        now = NOW + (seconds * count / (misses - 1) if misses > 1 else 0)
        assert applied(state, session, step, Failed(error), now=now) == []
    assert (session.stop is not None) == hopeless
    assert 1 in state.open
    if session.stop:
        assert (session.stop.drain, session.stop.error) == (False, error)
        assert str(error) in session.stop.reason
        assert "run again" in session.stop.reason


def test_a_short_read_is_counted_apart_from_other_failures():
    state, session = state_of(intent(1, 0, 1), submitted(1), ended(1)), session_of()
    for error in (DOWN, SHORT, REFUSED, SHORT):
        applied(state, session, COLLECT, Failed(error))
    assert (session.watches[1].misses, session.watches[1].short) == (4, 2)
    assert decide(state, session, NOW + LONGEST)[0].settle_short


# Collect


def collected(done=None, again=None, causes=(), trouble=None, pending=(), job=1):
    return Collected(settled(job, done, again, pending), list(causes), trouble)


def in_flight(*jobs, items=6):
    state = state_of(items=items)
    for job, numbers in enumerate(jobs, start=1):
        for event in (intent(job, *numbers), submitted(job), ended(job)):
            state.apply(event)
    return state


def test_a_collected_job_is_settled():
    state, session = in_flight([0, 1]), session_of(busy={1}, watches={1: Watch(due=0, misses=3)})
    report = collected({0: "succeeded"}, {1: "expired"}, [None])
    assert applied(state, session, COLLECT, report) == [report.settled]
    assert (session.watches, session.busy, session.succeeded, session.stop) == ({}, set(), 1, None)


def test_account_trouble_stops_the_run_and_the_items_wait():
    state, session = in_flight([0, 1]), session_of()
    applied(state, session, COLLECT, collected({0: "succeeded"}, pending=[1], trouble="billing_error: no credit"))
    assert session.stop is not None
    assert isinstance(session.stop.error, AccountError)
    assert session.stop.drain
    assert "billing_error: no credit" in session.stop.reason
    assert list(state.pending()) == [1, 2, 3, 4, 5]
    first = session.stop
    state.apply(intent(2, 2))
    state.apply(submitted(2))
    second = Collect(2, "batch 2", [Sent(2, 1, None, "")], None, {}, settle_short=False)
    applied(state, session, second, collected(pending=[2], trouble="another", job=2))
    assert session.stop is first


WHY = "invalid: the answer holds no JSON"


def failing(count):
    return dict.fromkeys(range(count), "invalid")


def test_when_all_of_the_first_job_fail_for_one_reason_the_run_stops_and_nothing_is_sent_again():
    state, session = in_flight(range(4), items=10), session_of()
    [event] = applied(
        state, session, COLLECT, collected({0: "invalid"}, {1: "invalid", 2: ("invalid", 9), 3: "invalid"}, [WHY] * 4)
    )
    assert session.stop is not None
    assert (session.stop.drain, session.stop.error) == (True, None)
    for words in ("all 4 items", WHY, "run again"):
        assert words in session.stop.reason
    assert (sorted(event.endings), event.again) == ([Ending(item, "invalid", Decimal(0)) for item in range(4)], [])
    assert (list(state.pending()), state.tally.kinds["invalid"]) == ([4, 5, 6, 7, 8, 9], 4)


@pytest.mark.parametrize(("done", "again", "causes"), [
    ({0: "succeeded", 1: "invalid", 2: "invalid", 3: "invalid"}, {}, [WHY] * 3),
    ({0: "refused", 1: "invalid", 2: "invalid", 3: "invalid"}, {}, ["refused: x", WHY, WHY, WHY]),
    ({}, {0: "expired", 1: "expired", 2: "expired", 3: "expired"}, [None] * 4),
    ({}, {0: "expired", 1: "invalid", 2: "invalid", 3: "invalid"}, [None, WHY, WHY, WHY]),
    (failing(SAME_CAUSE - 1), {}, [WHY] * (SAME_CAUSE - 1)),
    ({}, {}, []),
])  # fmt: skip
def test_anything_else_beside_it_and_the_run_goes_on(done, again, causes):
    state, session = in_flight(range(4)), session_of()
    report = collected(done, again, causes, pending=[item for item in range(4) if item not in {**done, **again}])
    assert applied(state, session, COLLECT, report) == [report.settled]
    assert session.stop is None


def test_a_success_of_an_earlier_session_shows_that_not_everything_fails():
    state = in_flight([0], [1, 2, 3, 4])
    state.apply(settled(1, {0: "succeeded"}))
    session = session_of()
    second = Collect(2, "batch 2", [], None, {}, settle_short=False)
    applied(state, session, second, collected({}, dict.fromkeys((1, 2, 3, 4), "invalid"), [WHY] * 4, job=2))
    assert session.stop is None
    assert list(state.pending(only_again=True)) == [1, 2, 3, 4]


def test_the_numbers_of_the_stop_are_those_of_the_items():
    """Over two jobs: none counts twice, neither as failed nor as left."""
    state, session = in_flight([0, 1], [2, 3], items=10), session_of()
    applied(state, session, COLLECT, collected(failing(2), {}, [WHY] * 2))
    assert session.stop is None
    second = Collect(2, "batch 2", [], None, {}, settle_short=False)
    applied(state, session, second, collected(dict.fromkeys((2, 3), "invalid"), {}, [WHY] * 2, job=2))
    assert session.stop is not None
    assert "all 4 items" in session.stop.reason
    assert "all 4 items" in session.stop.reason


def test_an_item_that_fails_twice_is_one_item():
    state, session = in_flight([0, 1], items=10), session_of()
    applied(state, session, COLLECT, collected({}, dict.fromkeys((0, 1), "invalid"), [WHY] * 2))
    for event in (intent(2, 0, 1, attempt=2), submitted(2), ended(2)):
        state.apply(event)
    second = Collect(2, "batch 2", [], None, {}, settle_short=False)
    applied(state, session, second, collected(failing(2), {}, [WHY] * 2, job=2))
    assert session.stop is None or "all 2 items" in session.stop.reason


# a stop before a formed job is sent


def test_a_formed_job_is_withdrawn_when_the_run_stops_and_one_under_way_is_not():
    state = state_of(intent(1, 0), intent(2, 1), intent(3, 2), submitted(3), intent(4, 3))
    session = session_of(formed={1, 2}, busy={2})
    assert withdrawn(state, session, NOW) == []
    session.stop = Stop("enough")
    events = withdrawn(state, session, NOW)
    assert [(type(event), event.job) for event in events] == [(Unsent, 1)]
    assert session.formed == {2}
    for event in events:
        state.apply(event)
    assert withdrawn(state, session, NOW) == []
    assert sorted(state.open) == [2, 3, 4]


def test_only_a_form_is_answered_with_formed():
    with pytest.raises(TypeError):
        react(state_of(), session_of(), LOOK, formed(), now=NOW)
