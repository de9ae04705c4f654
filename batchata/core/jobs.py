"""Which of the waiting items form the next job: by count, bytes and what the budget still covers."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto

from batchata.core.encoding import MAX_BATCH_BYTES, MAX_REQUESTS

_FRAME_BYTES = 64
"""`{"requests":[]}` around all of them, and a comma for each."""


class Fit(Enum):
    """What became of an item that was offered to a job."""

    TAKEN = auto()
    FULL = auto()
    TOO_DEAR = auto()


@dataclass(slots=True)
class Packing:
    """A job that is being formed. `left` is what its bound may come to, None without a limit.

    Items are offered in the order in which they wait; FULL means that the job is complete without this one,
    TOO_DEAR that the rest of the budget does not cover it.
    """

    items: int
    left: Decimal | None = None
    bytes: int = MAX_BATCH_BYTES
    taken: int = 0
    size: int = _FRAME_BYTES
    bound: Decimal | None = field(init=False)

    def __post_init__(self) -> None:
        self.items = min(self.items, MAX_REQUESTS)
        self.bound = None if self.left is None else Decimal(0)

    @property
    def remains(self) -> Decimal | None:
        """What the budget still covers; None without a limit."""
        return None if self.left is None or self.bound is None else self.left - self.bound

    @property
    def room(self) -> int:
        """How many more items there is a place for."""
        return self.items - self.taken

    @property
    def is_full(self) -> bool:
        return self.room <= 0

    def offer(self, size: int, bound: Decimal | None) -> Fit:
        """Takes an item of `size` bytes as a request and of this bound, if there is room for it."""
        if self.is_full or (self.taken and self.size + size + 1 > self.bytes):
            return Fit.FULL
        if self.remains is not None and (bound is None or bound > self.remains):
            return Fit.TOO_DEAR
        self.taken += 1
        self.size += size + 1
        if self.bound is not None and bound is not None:
            self.bound += bound
        return Fit.TAKEN

    def give_back(self, size: int, bound: Decimal | None) -> None:
        """An item that was taken is not part of the job after all."""
        self.taken -= 1
        self.size -= size + 1
        if self.bound is not None and bound is not None:
            self.bound -= bound
