"""What is known of an item before its job is packed: what its request weighs, or that it needs none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from batchata.core.outcomes import Outcome
from batchata.core.steps import Candidate


class Arriving(Protocol):
    """A request whose document is on its way to the API."""

    def is_here(self) -> bool:
        """Whether `body` need not wait any more."""

    def body(self) -> bytes:
        """The request, with the id of the document. Raises InputError for one that the API does not take."""

    def wait(self) -> None:
        """Until it is known what became of it, which is not told."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """An item that can be sent. `size` is that of its request in bytes; `ceiling` the most it can cost in USD, None
    in a run without a limit. `body` is the request, where it is kept; where `upload` is there, it begins the upload of
    the document when it is certain that the item is sent.
    """

    candidate: Candidate
    fingerprint: str
    size: int
    ceiling: Decimal | None
    body: bytes | None = None
    upload: Callable[[], Arriving] | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """An item that needs no batch: it was answered before, which `saved` so many USD, or cannot be sent."""

    candidate: Candidate
    outcome: Outcome[Any]
    saved: Decimal


Measured = Weighed | Answered


@dataclass(frozen=True, slots=True)
class Measure:
    """Measure these items of job number `job`. `limited` says that the most they can cost has to be known."""

    job: int
    candidates: Sequence[Candidate]
    limited: bool
