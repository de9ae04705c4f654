"""An outcome, and what became of the item before -> whether it is sent again, and how."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from batchata.core.outcomes import (
    Canceled,
    Errored,
    Expired,
    Invalid,
    Kind,
    Missing,
    Outcome,
    Refused,
    Succeeded,
    Truncated,
)

ROUNDS = 2
_TRANSIENT = ("api_error", "overloaded_error", "rate_limit_error", "timeout_error")
_ACCOUNT = ("billing_error", "authentication_error", "permission_error")
_OWN_LIMIT = ("You have reached your specified", "Your credit balance is too low")
_LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Final:
    """The item has ended."""


@dataclass(frozen=True, slots=True)
class SendAgain:
    """The item is sent again, with these `max_tokens` unless None."""

    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class NotAtFault:
    """The account cannot pay or may not: the item waits as if it had never been sent."""


Verdict = Final | SendAgain | NotAtFault


def verdict(
    outcome: Outcome[Any],
    history: Sequence[Kind],
    *,
    max_tokens: int,
    longest: int | None = None,
    rounds: int = ROUNDS,
) -> Verdict:
    """What follows from an outcome.

    `history` are the item's outcomes that led to it being sent again, `max_tokens` what this request asked for,
    `longest` the longest answer of the model. What passes by itself is sent again `rounds` times; a truncated
    answer once with twice the room; an invalid one once as it is; a refusal or a request that the API calls
    invalid never (doc:api/errors).
    """
    match outcome:
        case Errored() if is_account_trouble(outcome):
            return NotAtFault()
        case Errored():
            return _transient(history, rounds) if outcome.error_type in _TRANSIENT else Final()
        case Expired():
            return _transient(history, rounds)
        case Truncated():
            return _longer(outcome, history, max_tokens, longest)
        case Invalid():
            return SendAgain() if "invalid" not in history else Final()
        case Succeeded() | Refused() | Canceled() | Missing():
            return Final()
        case _:
            assert_never(outcome)


def is_account_trouble(outcome: Errored) -> bool:
    """Whether the account is the cause and not the item (doc:api/errors, doc:api/rate-limits)."""
    return outcome.error_type in _ACCOUNT or outcome.message.startswith(_OWN_LIMIT)


def _transient(history: Sequence[Kind], rounds: int) -> Verdict:
    tried = sum(kind in ("errored", "expired") for kind in history)
    return SendAgain() if tried < rounds else Final()


def _longer(outcome: Truncated, history: Sequence[Kind], max_tokens: int, longest: int | None) -> Verdict:
    """More room helps only where the room was the limit, and only up to what the model can."""
    wanted = min(max_tokens * 2, longest) if longest else max_tokens * 2
    if outcome.stop_reason != "max_tokens" or "truncated" in history or wanted <= max_tokens:
        return Final()
    return SendAgain(wanted)


def cause_of(outcome: Outcome[Any]) -> str | None:
    """What two failures have in common that have the same cause; None for a success and for what may pass.

    The numbers in a reason (positions, counts, ids) do not tell causes apart.
    """
    match outcome:
        case Succeeded() | Expired() | Canceled() | Truncated():
            return None
        case Errored() if outcome.error_type in _TRANSIENT or is_account_trouble(outcome):
            return None
        case Errored() | Refused() | Invalid() | Missing():
            return f"{outcome.kind}: {re.sub(r'[0-9]+', '#', outcome.reason)[:_LONGEST_REASON]}"
        case _:
            assert_never(outcome)
