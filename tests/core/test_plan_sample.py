"""A run that is sampled: the sample, then a question, then the rest."""

from decimal import Decimal

import pytest

from batchata.core.plan import decide
from batchata.core.session import Stop, Watch
from batchata.core.steps import Approve, Ask, Finish, Form, Look, Wait
from tests.core.brain_support import NOW, decided, intent, session_of, settled, state_of, submitted

LATER = Watch(due=NOW + 30)
SAMPLE = decided("sample", [1, 4])
SENT = [SAMPLE, intent(1, 1, 4), submitted(1)]
PAID = settled(1, {1: ("succeeded", Decimal("0.1")), 4: ("refused", Decimal("0.1"))}, cost="0.2")


def gated(**how):
    return session_of(gated=True, **how)


def only(steps):
    (step,) = steps
    return step


def offered(step):
    assert isinstance(step, Form)
    return [each.index for each in step.candidates]


def test_the_sample_is_sent_first_and_nothing_with_it():
    assert offered(only(decide(state_of(SAMPLE), gated(items_per_job=100), NOW))) == [1, 4]


def test_nothing_is_sent_beside_the_sample():
    step = only(decide(state_of(*SENT), gated(max_parallel_jobs=9, watches={1: LATER}), NOW))
    assert step == Wait(LATER.due)


def test_what_of_the_sample_is_sent_again_belongs_to_it():
    """Item 0 waits to be sent again too, from a time before the sample; it waits for the approval."""
    before = [intent(1, 0), submitted(1), settled(1, again={0: "expired"})]
    state = state_of(
        *before, SAMPLE, intent(2, 1, 4), submitted(2), settled(2, {4: "succeeded"}, {1: ("truncated", 64)})
    )
    step = only(decide(state, gated(), NOW))
    assert offered(step) == [1]
    assert (step.candidates[0].attempt, step.candidates[0].max_tokens) == (2, 64)


def test_when_it_has_ended_it_is_asked_for_approval():
    question = only(decide(state_of(*SENT, PAID), gated(), NOW))
    assert isinstance(question, Approve)
    assert (question.number, question.report.items, question.report.waiting) == (1, 2, 4)
    assert question.report.forecast == Decimal("0.6")


def test_a_batch_of_a_time_before_is_brought_home_before_it_is_asked():
    state = state_of(
        intent(1, 0), submitted(1), SAMPLE, intent(2, 1, 4), submitted(2), PAID.model_copy(update={"job": 2})
    )
    assert only(decide(state, gated(), NOW)) == Look(1, "batch 1")
    assert only(decide(state, gated(watches={1: LATER}), NOW)) == Wait(LATER.due)


def test_a_question_that_was_answered_before_has_another_number():
    assert only(decide(state_of(*SENT, PAID, decided("stop")), gated(), NOW)).number == 2


def test_when_it_is_approved_the_rest_is_sent():
    assert offered(only(decide(state_of(*SENT, PAID, decided("approved")), gated(), NOW))) == [0, 2, 3, 5]
    assert offered(only(decide(state_of(SAMPLE, decided("approved")), gated(), NOW))) == list(range(6))


def test_a_run_without_a_gate_sends_everything():
    assert offered(only(decide(state_of(*SENT, PAID), session_of(), NOW))) == [0, 2, 3, 5]
    assert offered(only(decide(state_of(), gated(), NOW))) == list(range(6)), "no sample was drawn"


def test_a_sample_of_all_needs_no_approval():
    state = state_of(decided("sample", range(6)), intent(1, *range(6)), submitted(1),
                     settled(1, dict.fromkeys(range(6), "succeeded")))  # fmt: skip
    assert only(decide(state, gated(), NOW)) == Finish()


def test_failed_items_are_sent_again_without_approval():
    state = state_of(*SENT, PAID, decided("retry", [4]))
    assert offered(only(decide(state, gated(only_retries=True), NOW))) == [4]


@pytest.mark.parametrize("on_limit", ["stop", "ask"])
def test_the_limit_within_the_sample_comes_first(on_limit):
    spent = settled(1, {1: ("succeeded", Decimal("0.4"))}, cost="0.4")
    state = state_of(SAMPLE, intent(1, 1, bound="0.4"), submitted(1), spent, limit="0.5")
    session = gated(on_limit=on_limit, blocked_at=Decimal("0.1"), blocked_alone=True, needed=Decimal("0.2"))
    step = only(decide(state, session, NOW))
    if on_limit == "ask":
        assert step == Ask(1, Decimal("0.4"), Decimal("0.5"), 5, Decimal("0.2"))
    else:
        assert "the cost limit of $0.50 is reached" in step.stopped
        assert "5 items are left" in step.stopped


def test_after_a_stop_nobody_is_asked():
    assert only(decide(state_of(*SENT, PAID), gated(stop=Stop("enough")), NOW)) == Finish("enough")


def test_a_run_that_does_not_wait_ends_with_the_sample_in_flight_and_asks_when_it_is_home():
    step = only(decide(state_of(*SENT), gated(wait=False, watches={1: LATER}), NOW))
    assert step.is_away
    assert "1 batch is in flight with 2 items and 4 more wait" in step.stopped
    assert isinstance(only(decide(state_of(*SENT, PAID), gated(wait=False), NOW)), Approve)
