"""How an item ended: eight types, each with exactly the facts that go with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeVar

from batchata.core.citations import Citation

T = TypeVar("T")

FieldCitations = dict[str, list[Citation]]
Kind = Literal["succeeded", "truncated", "refused", "invalid", "errored", "expired", "canceled", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    kind: ClassVar[Kind]
    custom_id: str

    @property
    def reason(self) -> str:
        """Why there is no result, as a sentence; empty when there is one."""
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answered(_Ended):
    """The model answered, so the item is on the bill: `usage` as the API gave it, priced by `model`."""

    model: str
    usage: Mapping[str, Any]
    message_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded(_Answered, Generic[T]):
    """`result` is text, or an instance of the response model.

    `citations` is None when none were asked for, a list for text, `{field path: list}` for an object. `answer`
    is the JSON that was validated as an object.
    """

    kind = "succeeded"
    result: T
    citations: list[Citation] | FieldCitations | None = None
    answer: str | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncated(_Answered):
    """The answer was cut at `max_tokens` or at the end of the context window. `text` is what there is."""

    kind = "truncated"
    stop_reason: str
    text: str

    @property
    def reason(self) -> str:
        tokens = self.usage.get("output_tokens")
        if self.stop_reason == "pause_turn":
            return "the loop of the server's tools paused; send the answer back in a new request to go on"
        return f"the answer was cut after {tokens} output tokens ({self.stop_reason}); raise `max_tokens`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(_Answered):
    """The model declined. Some refusals are free although `usage` shows tokens; they count as billed here.

    Source: doc:build-with-claude/refusals-and-fallback.
    """

    kind = "refused"
    category: str | None
    explanation: str | None

    @property
    def reason(self) -> str:
        why = f" ({self.category})" if self.category else ""
        return f"the model refused{why}: {self.explanation or 'no explanation was given'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalid(_Answered):
    """The answer is complete but is not what was asked for. `text` is the whole answer."""

    kind = "invalid"
    problem: str
    text: str

    @property
    def reason(self) -> str:
        return self.problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Errored(_Ended):
    """The API could not process the item; it is free. `error_type` and `message` are the API's own."""

    kind = "errored"
    error_type: str
    message: str
    request_id: str | None = None

    @property
    def reason(self) -> str:
        return f"{self.error_type}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired(_Ended):
    """The batch reached its 24 hours before the item was processed; it is free."""

    kind = "expired"

    @property
    def reason(self) -> str:
        return "the message batch expired before this item was processed; it was not billed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Canceled(_Ended):
    """The batch was canceled before the item was processed; it is free."""

    kind = "canceled"

    @property
    def reason(self) -> str:
        return "the message batch was canceled before this item was processed; it was not billed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing(_Ended):
    """The item was sent, and no line of the results is about it."""

    kind = "missing"
    problem: str

    @property
    def reason(self) -> str:
        return self.problem


UNKNOWN_RESULT, UNREADABLE_LINE = "unknown_result", "unreadable_line"


def is_unknown(outcome: Outcome[Any]) -> bool:
    """Whether the item may be on the bill although there is no answer: no line, or one that nobody understands."""
    if isinstance(outcome, Errored):
        return outcome.error_type in (UNKNOWN_RESULT, UNREADABLE_LINE)
    return isinstance(outcome, Missing)


Outcome = Succeeded[T] | Truncated | Refused | Invalid | Errored | Expired | Canceled | Missing
Answered = Succeeded[Any] | Truncated | Refused | Invalid
"""The outcomes that are on the bill."""

KINDS: Sequence[Kind] = ("succeeded", "truncated", "refused", "invalid", "errored", "expired", "canceled", "missing")
