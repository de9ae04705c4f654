import pytest

from batchata.core.outcomes import (
    KINDS,
    UNKNOWN_RESULT,
    UNREADABLE_LINE,
    Canceled,
    Errored,
    Expired,
    Invalid,
    Missing,
    Refused,
    Succeeded,
    Truncated,
)
from batchata.core.retries import ROUNDS, Final, NotAtFault, SendAgain, cause_of, is_account_trouble, verdict

NAME = {"custom_id": "run-000000-1"}
ANSWERED = {**NAME, "model": "m", "usage": {"output_tokens": 5}}


def errored(error_type="api_error", message="it broke"):
    return Errored(**NAME, error_type=error_type, message=message)


def truncated(stop_reason="max_tokens"):
    return Truncated(**ANSWERED, stop_reason=stop_reason, text="")


def invalid(problem="the answer holds no JSON"):
    return Invalid(**ANSWERED, problem=problem, text="")


SUCCEEDED = Succeeded(**ANSWERED, result="x")
REFUSED = Refused(**ANSWERED, category="bio", explanation=None)
EXPIRED, CANCELED = Expired(**NAME), Canceled(**NAME)
MISSING = Missing(**NAME, problem="no line")
AGAIN, FINAL, WAITS = SendAgain(), Final(), NotAtFault()


@pytest.mark.parametrize(("outcome", "history", "then"), [
    (SUCCEEDED, (), FINAL),
    (REFUSED, (), FINAL),
    (CANCELED, (), FINAL),
    (MISSING, (), FINAL),
    # what passes by itself: again for so many rounds, whichever of the two it was
    (errored("api_error"), (), AGAIN),
    (errored("overloaded_error"), (), AGAIN),
    (errored("rate_limit_error"), (), AGAIN),
    (errored("timeout_error"), (), AGAIN),
    (EXPIRED, (), AGAIN),
    (EXPIRED, ("errored",), AGAIN),
    (EXPIRED, ("errored", "expired"), FINAL),
    (errored(), ("expired",), AGAIN),
    (errored(), ("expired", "expired"), FINAL),
    (errored(), ("invalid", "truncated"), AGAIN),
    (errored(), ("invalid", "errored", "truncated", "errored"), FINAL),
    # what the request or nobody understands is at fault for: never
    (errored("invalid_request_error"), (), FINAL),
    (errored("not_found_error"), (), FINAL),
    (errored("request_too_large"), (), FINAL),
    (errored("unknown_error"), (), FINAL),
    (errored("something_new_error"), (), FINAL),
    (errored(UNKNOWN_RESULT), (), FINAL),
    (errored(UNREADABLE_LINE), (), FINAL),
    # the account's trouble is no fault of the item, however often
    (errored("billing_error"), (), WAITS),
    (errored("authentication_error"), (), WAITS),
    (errored("permission_error"), ("errored",) * 9, WAITS),
    (errored("invalid_request_error", "Your credit balance is too low to use the API"), (), WAITS),
    (errored("invalid_request_error", "You have reached your specified API usage limits."), (), WAITS),
    (errored("invalid_request_error", "messages: Your credit balance is too low"), (), FINAL),
    # truncated: once with twice the room
    (truncated(), (), SendAgain(200)),
    (truncated(), ("errored", "invalid"), SendAgain(200)),
    (truncated(), ("truncated",), FINAL),
    (truncated("model_context_window_exceeded"), (), FINAL),
    (truncated("pause_turn"), (), FINAL),
    # invalid: once as it is
    (invalid(), (), AGAIN),
    (invalid(), ("truncated", "errored", "errored"), AGAIN),
    (invalid(), ("invalid",), FINAL),
])  # fmt: skip
def test_what_follows_from_an_outcome(outcome, history, then):
    assert verdict(outcome, history, max_tokens=100) == then


@pytest.mark.parametrize(("max_tokens", "longest", "then"), [
    (100, None, SendAgain(200)),
    (100, 1000, SendAgain(200)),
    (100, 200, SendAgain(200)),
    (100, 150, SendAgain(150)),
    (100, 100, FINAL),
    (100, 50, FINAL),
])  # fmt: skip
def test_twice_the_room_up_to_what_the_model_can(max_tokens, longest, then):
    assert verdict(truncated(), (), max_tokens=max_tokens, longest=longest) == then


@pytest.mark.parametrize("rounds", [0, 1, ROUNDS, 7])
def test_what_passes_by_itself_is_sent_again_so_many_times(rounds):
    history = ()
    while verdict(EXPIRED, history, max_tokens=1, rounds=rounds) == AGAIN:
        history = (*history, "expired")
    assert len(history) == rounds


def test_no_item_is_sent_for_ever():
    """Whatever ends how often: each way of ending has its own last time."""
    for first in (errored(), EXPIRED, truncated(), invalid()):
        for other in (errored(), EXPIRED, truncated(), invalid()):
            history = []
            for outcome in [first, other] * 20:
                if isinstance(verdict(outcome, history, max_tokens=1), Final):
                    break
                history.append(outcome.kind)
            assert len(history) <= ROUNDS + 2


@pytest.mark.parametrize(("outcome", "cause"), [
    (SUCCEEDED, None),
    (EXPIRED, None),
    (CANCELED, None),
    (truncated(), None),
    (errored("api_error"), None),
    (errored("overloaded_error"), None),
    (errored("billing_error"), None),
    (errored("invalid_request_error", "Your credit balance is too low"), None),
    (errored("invalid_request_error", "messages.0: no"), "errored: invalid_request_error: messages.#: no"),
    (REFUSED, "refused: the model refused (bio): no explanation was given"),
    (invalid("line 3 column 14: no number"), "invalid: line # column #: no number"),
    (MISSING, "missing: no line"),
])  # fmt: skip
def test_what_failures_of_one_cause_have_in_common(outcome, cause):
    assert cause_of(outcome) == cause


def test_numbers_do_not_tell_causes_apart_and_words_do():
    assert cause_of(invalid("at 12 of 400")) == cause_of(invalid("at 9 of 7"))
    assert cause_of(invalid("no date")) != cause_of(invalid("no number"))
    assert cause_of(invalid("x")) != cause_of(errored("invalid_request_error", "x"))
    assert len(cause_of(invalid("x" * 10_000))) < 300


def test_every_kind_of_outcome_has_a_verdict():
    outcomes = (SUCCEEDED, truncated(), REFUSED, invalid(), errored(), EXPIRED, CANCELED, MISSING)
    assert [each.kind for each in outcomes] == list(KINDS)
    assert [is_account_trouble(each) for each in (errored(), errored("billing_error"))] == [False, True]
