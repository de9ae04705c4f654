"""Beginnings that items share: written by a job ahead, waited for, read; and when none of it is worth it."""

import sys
from array import array
from decimal import Decimal

import pytest

from batchata.core.caching import LIFETIMES, WORTH_WAITING
from batchata.core.events import decoded_event, encoded
from batchata.core.plan import decide
from batchata.core.prefixes import Marks
from batchata.core.rates import Rates
from batchata.core.reacting import react
from batchata.core.session import Watch
from batchata.core.sharing import NONE, Prefix, Sharing
from batchata.core.steps import Approve, Collect, Created, Form, Formed, Look, Send, Wait
from batchata.core.warmth import MARGIN, Heat
from tests.core.brain_support import NOW, decided, ended, intent, session_of, settled, state_of, submitted

LATER = Watch(due=NOW + 30)
HOUR = LIFETIMES["1h"]
RATES = Rates(2, 10)
A, B = "aa", "bb"


def sharing(of, tokens=100_000, mode="auto", **more):
    """`of` names the beginning of each item: A, B or None."""
    keys = sorted({key for key in of if key})
    prefixes = [Prefix(key, (0, 1), tokens, list(of).count(key)) for key in keys]
    places = array("l", [keys.index(key) if key else NONE for key in of])
    return Sharing(prefixes, places, more.pop("rates", RATES), mode, **more)


def session(of=(A,) * 6, *, how=None, **policy):
    return session_of(sharing=sharing(of, **(how or {})), **policy)


def only(steps):
    (step,) = steps
    return step


def offered(step):
    assert isinstance(step, Form)
    return [each.index for each in step.candidates]


def ahead(job, *items, prefixes=(A,), after=0.0):
    made = intent(job, *items, after=after)
    return made.model_copy(update={"prefixes": dict.fromkeys(prefixes, "1h"), "ahead": True})


def reading(job, *items, after=0.0, ttl="1h"):
    return intent(job, *items, after=after).model_copy(update={"prefixes": {A: ttl}})


WRITTEN = [ahead(1, 0), submitted(1), settled(1, {0: "succeeded"}, prompt_saved=Decimal("-0.05"))]


def test_one_item_goes_ahead():
    step = only(decide(state_of(), session(), NOW))
    assert (step.ahead, step.items_per_job, offered(step)) == (True, 1, [0, 1, 2, 3, 4, 5])
    assert {each.marks for each in step.candidates} == {Marks(A, (0, 1), "1h")}


def test_the_others_wait_for_it_and_what_shares_nothing_does_not():
    state = state_of(ahead(1, 0), submitted(1))
    step = only(decide(state, session(watches={1: LATER}), NOW))
    assert step == Wait(LATER.due)
    mixed = session((A, A, A, None, A, None), watches={1: LATER})
    step = only(decide(state, mixed, NOW))
    assert (step.ahead, offered(step), {each.marks for each in step.candidates}) == (False, [3, 5], {None})


def test_the_others_read_when_it_has_ended():
    step = only(decide(state_of(*WRITTEN), session(), NOW + 60))
    assert (step.ahead, offered(step)) == (False, [1, 2, 3, 4, 5])
    assert {each.marks for each in step.candidates} == {Marks(A, (0, 1), "1h")}


def test_one_item_of_each_beginning_goes_in_one_job():
    of = (A, A, A, B, B, B)
    step = only(decide(state_of(), session(of, items_per_job=100, how={"tokens": 10**6}), NOW))
    assert (step.ahead, step.items_per_job, offered(step)) == (True, 2, [0, 3, 1, 2, 4, 5])
    assert [each.marks.prefix for each in step.candidates] == [A, B, A, A, B, B]


def test_no_more_is_written_ahead_than_can_be_read_soon():
    """Two jobs of two: when one beginning has six items, the other waits until these are on their way."""
    state = state_of(items=12)
    of = (A,) * 6 + (B,) * 6
    step = only(decide(state, session(of), NOW))
    assert offered(step) == [0, 1, 2, 3, 4, 5]
    for event in WRITTEN:
        state.apply(event)
    assert offered(only(decide(state, session(of), NOW)))[0] == 1
    state.apply(reading(2, 1, 2, 3, 4, 5))
    state.apply(submitted(2))
    step = only(decide(state, session(of, watches={2: LATER}), NOW))
    assert (step.ahead, offered(step)) == (True, [6, 7, 8, 9, 10, 11])


@pytest.mark.parametrize(("tokens", "items", "is_ahead", "marks"), [
    (50_000, 6, True, "1h"),  # 0.3 USD of input, 0.18 of it saved
    (10_000, 6, False, "5m"),  # it saves 0.025 USD less without a job ahead: nobody waits an hour for that
    (10_000, 24, True, "1h"),
    (50_000, 3, False, None),  # three barely pay with a job ahead, and not without
    (10**6, 2, False, None),
])  # fmt: skip
def test_a_job_goes_ahead_only_when_that_is_worth_waiting_for(tokens, items, is_ahead, marks):
    step = only(decide(state_of(items=items), session((A,) * items, how={"tokens": tokens}), NOW))
    found = step.candidates[0].marks
    assert (step.ahead, found and found.ttl) == (is_ahead, marks)


def test_who_may_not_wait_has_no_job_ahead():
    step = only(decide(state_of(), session(how={"may_wait": False}), NOW))
    assert (step.ahead, step.candidates[0].marks.ttl) == (False, "5m")


@pytest.mark.parametrize(("mode", "rates", "expected"), [
    ("1h", RATES, (True, "1h")), ("5m", RATES, (True, "5m")), ("5m", None, (False, "5m")), ("auto", None, (False, None)),
])  # fmt: skip
def test_a_lifetime_that_was_asked_for_is_taken(mode, rates, expected):
    how = {"mode": mode, "rates": rates, "tokens": 200_000}
    step = only(decide(state_of(), session(how=how), NOW))
    assert (step.ahead, step.candidates[0].marks and step.candidates[0].marks.ttl) == expected


def test_after_an_hour_it_is_written_again():
    state = state_of(*WRITTEN)
    last = NOW + HOUR - MARGIN["1h"]
    assert not only(decide(state, session(), last - 1)).ahead
    step = only(decide(state, session(), last))
    assert (step.ahead, offered(step)) == (True, [1, 2, 3, 4, 5])


def test_who_reads_keeps_it_alive():
    state = state_of(*WRITTEN, reading(2, 1, after=3000), submitted(2), items=12)
    much_later = NOW + 5 * HOUR
    step = only(decide(state, session((A,) * 12, watches={2: Watch(due=much_later + 9)}), much_later))
    assert not step.ahead  # it may be read at this very moment
    state.apply(settled(2, {1: "succeeded"}, prompt_saved=Decimal(1)))
    assert not only(decide(state, session((A,) * 12), NOW + 3000 + HOUR - MARGIN["1h"] - 1)).ahead
    assert only(decide(state, session((A,) * 12), much_later)).ahead


def test_batches_that_take_longer_than_the_cache_lives_are_not_waited_for_again_and_again():
    state, now = state_of(items=12), NOW
    for job, item in ((1, 0), (2, 1)):
        step = only(decide(state, session((A,) * 12), now))
        assert (step.ahead, step.candidates[0].index) == (True, item)
        for event in (ahead(job, item, after=now - NOW), submitted(job), settled(job, {item: "succeeded"})):
            state.apply(event)
        now += 2 * HOUR
    step = only(decide(state, session((A,) * 12), now))
    assert (step.ahead, len(step.candidates), step.candidates[0].marks.ttl) == (False, 10, "5m")


@pytest.mark.parametrize(("items", "tokens", "marks"), [(12, 100_000, "5m"), (3, 50_000, None), (1_000, 10**6, "5m")])
def test_where_nobody_waits_nothing_goes_ahead_and_it_is_said_what_that_costs(items, tokens, marks):
    """However much it would save: with the next visit, maybe a night later, what was written is gone."""
    each = session((A,) * items, wait=False, items_per_job=10_000, how={"tokens": tokens})
    state = state_of(items=items)
    step = only(decide(state, each, NOW))
    found = step.candidates[0].marks
    assert (step.ahead, len(step.candidates), found and found.ttl) == (False, items, marks)
    state.apply(intent(1, *range(items)))
    state.apply(submitted(1))
    each.watches[1] = LATER
    finish = only(decide(state, each, NOW))
    says = "As nobody waits, no batch went ahead to write the prompt cache for the others: a run that waits for it is"
    assert (says in finish.stopped) == (each.forgone >= WORTH_WAITING) == (items > 3)
    assert each.forgone < items * tokens * Decimal("1e-6") / 2  # less than half of what the input costs


def test_where_nobody_waits_nothing_waits_for_what_is_being_written_and_what_is_warm_is_read():
    state = state_of(ahead(1, 0), submitted(1))
    assert only(decide(state, session(wait=False), NOW)) == Look(1, "batch 1")  # it may have ended by now
    looked_at = {1: Watch(due=NOW + 30, looks=1)}
    step = only(decide(state, session(wait=False, watches=looked_at), NOW))
    assert (step.ahead, offered(step), step.candidates[0].marks.ttl) == (False, [1, 2, 3, 4, 5], "5m")
    state.apply(ended(1))
    assert isinstance(only(decide(state, session(wait=False, watches=looked_at), NOW + 31)), Collect)
    each = session(wait=False)
    step = only(decide(state_of(*WRITTEN), each, NOW + 60))
    assert (step.ahead, step.candidates[0].marks.ttl, each.forgone) == (False, "1h", 0)
    assert not only(decide(state_of(*WRITTEN), session(wait=False), NOW + 9 * HOUR)).ahead


def calls_of(decision, *about):
    """The step, and how many calls it took to decide on it, of Python and of C."""
    made = 0

    def count(_frame, event, _argument):
        nonlocal made
        made += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        steps = decision(*about)
    finally:
        sys.setprofile(None)
    return only(steps), made


def calls_for(documents):
    """Of two decisions about four prompts for each of so many documents: to write some, and to read these."""
    of = [f"{number // 4:04d}" for number in range(4 * documents)]
    each, state = session(of, items_per_job=50, how={"tokens": 20_000}), state_of(items=len(of))
    first, at_first = calls_of(decide, state, each, NOW)
    assert (first.ahead, first.items_per_job) == (True, 25)
    written = offered(first)[:25]
    state.apply(ahead(1, *written, prefixes=[of[item] for item in written]))
    state.apply(submitted(1))
    state.apply(settled(1, dict.fromkeys(written, "succeeded")))
    second, later = calls_of(decide, state, each, NOW + 1)
    assert (second.ahead, {of[item] for item in offered(second)}) == (False, {of[item] for item in written})
    return at_first, later


def test_what_is_known_of_many_documents_is_not_reckoned_anew_for_each_job():
    """With 10,000 of them each decision took seconds: nothing was kept from the one before. An offer is 60 calls."""
    (few_at_first, few), (many_at_first, many) = calls_for(500), calls_for(1_000)
    assert many - few <= 500 * 5
    assert many_at_first - few_at_first <= 500 * 40  # each item is counted once


@pytest.mark.parametrize("end", [
    settled(1, {0: "errored"}), settled(1, again={0: "expired"}), settled(1, pending=[0]),
])  # fmt: skip
def test_what_was_not_answered_was_not_written(end):
    state = state_of(ahead(1, 0), submitted(1), end)
    assert state.warmth.heat(A, NOW + 1) is Heat.COLD
    assert only(decide(state, session(), NOW + 1)).ahead


def test_of_several_only_those_are_written_that_were_answered():
    both = ahead(1, 0, 3, prefixes=(A, B))
    state = state_of(both, submitted(1), settled(1, {0: "succeeded", 3: "errored"}))
    assert [state.warmth.heat(each, NOW + 1) for each in (A, B)] == [Heat.WARM, Heat.COLD]
    assert decoded_event(encoded(both)) == both


def test_a_job_that_was_not_sent_has_written_nothing_and_counts_as_none():
    from tests.core.brain_support import unsent

    state = state_of(ahead(1, 0), unsent(1), ahead(2, 0), unsent(2))
    step = only(decide(state, session(), NOW + 1))
    assert (step.ahead, offered(step)) == (True, [0, 1, 2, 3, 4, 5])


def test_a_few_that_are_sent_again_after_an_hour_are_not_marked():
    done = dict.fromkeys(range(1, 5), "succeeded")
    state = state_of(
        *WRITTEN, reading(2, 1, 2, 3, 4, 5), submitted(2), settled(2, done, {5: "expired"}, prompt_saved=Decimal(1))
    )
    soon = only(decide(state, session(), NOW + 60))
    assert (offered(soon), soon.candidates[0].marks.ttl) == ([5], "1h")
    late = only(decide(state, session(), NOW + 2 * HOUR))
    assert (offered(late), late.ahead, late.candidates[0].marks) == ([5], False, None)
    again = only(decide(state, session(only_retries=True), NOW + 2 * HOUR))
    assert (offered(again), again.ahead, again.candidates[0].marks) == ([5], False, None)


def test_within_a_sample_one_goes_ahead_for_all():
    """Of two sampled items one writes for the other, and for the rest when that is approved."""
    drawn = decided("sample", [2, 4])
    step = only(decide(state_of(drawn), session(gated=True), NOW))
    assert (step.ahead, offered(step)) == (True, [2, 4])
    state = state_of(drawn, ahead(1, 2), submitted(1), settled(1, {2: ("succeeded", Decimal("0.1"))}))
    step = only(decide(state, session(gated=True), NOW + 60))
    assert (step.ahead, offered(step), step.candidates[0].marks.ttl) == (False, [4], "1h")
    state.apply(reading(2, 4))
    state.apply(settled(2, {4: ("succeeded", Decimal("0.1"))}, prompt_saved=Decimal(1)))
    assert isinstance(only(decide(state, session(gated=True), NOW + 90)), Approve)
    state.apply(decided("approved"))
    step = only(decide(state, session(gated=True), NOW + 90))
    assert (step.ahead, offered(step), step.candidates[0].marks.ttl) == (False, [0, 1, 3, 5], "1h")


def test_a_sample_without_a_beginning_does_not_wait_for_it():
    state = state_of(decided("sample", [5]))
    step = only(decide(state, session((A, A, A, A, A, None), gated=True), NOW))
    assert (step.ahead, offered(step)) == (False, [5])


@pytest.mark.parametrize(("mode", "saved", "marks"), [
    ("auto", "-0.01", None), ("auto", "0.01", "1h"), ("1h", "-0.01", "1h"), ("auto", None, "1h"),
])  # fmt: skip
def test_what_was_measured_to_be_a_loss_is_not_gone_on_with_unless_it_was_asked_for(mode, saved, marks):
    measured = settled(2, {1: "succeeded"}, prompt_saved=None if saved is None else Decimal(saved))
    state = state_of(*WRITTEN, reading(2, 1), submitted(2), measured)
    step = only(decide(state, session(how={"mode": mode}), NOW + 60))
    found = step.candidates[0].marks
    assert (offered(step), found and found.ttl) == ([2, 3, 4, 5], marks)


def formed(step, *items, needed=None):
    sent = intent(1, *items).items
    return Formed(step.job, sent, Decimal("0.1") if items else None, None, [], needed)


def test_the_ledger_says_which_beginnings_a_job_writes_and_the_call_has_its_breakpoints():
    state, each = state_of(), session()
    step = only(decide(state, each, NOW))
    (event,) = react(state, each, step, formed(step, 0), now=NOW)
    assert (event.prefixes, event.ahead) == ({A: "1h"}, True)
    state.apply(event)
    send = only(decide(state, each, NOW))
    assert send == Send(1, state.open[1].items, {0: Marks(A, (0, 1), "1h")})
    react(state, each, send, Created("batch 1"), now=NOW)
    assert each.marks == {}


def test_a_limit_that_covers_no_write_is_used_up_without_the_cache():
    """A write for an hour is bound at twice the price; without it the item may fit."""
    state, each = state_of(limit="1"), session()
    step = only(decide(state, each, NOW))
    assert (step.ahead, step.alone) == (True, True)
    assert react(state, each, step, formed(step, needed=Decimal("1.5")), now=NOW) == []
    step = only(decide(state, each, NOW))
    assert {found.marks for found in step.candidates} == {None}
    (event,) = react(state, each, step, formed(step, needed=Decimal("1.2")), now=NOW)
    assert event.what == "limit_reached"


def test_the_ledger_of_a_version_without_it_is_read():
    line = b'{"event":"intent","at":"2026-11-22T12:00:00Z","job":1,"items":[[0,1,null,"x"]],"total":1}\n'
    state = state_of(decoded_event(line), submitted(1), settled(1, {0: "succeeded"}, cost="0.1"))
    assert (state.tally.prompt_saved, state.warmth.traces) == (None, {})
