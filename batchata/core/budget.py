"""The cost limit: what is spent, what batches in flight may still cost, and what is left."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Budget:
    """USD. `held` is what items of unknown cost may have cost; `reserved` the bounds of the batches in flight.

    The limit is kept because `spent + held + reserved` never passes it: a bound is reserved before its batch is
    created, and what the batch really cost takes its place afterwards.
    """

    limit: Decimal | None = None
    spent: Decimal = ZERO
    held: Decimal = ZERO
    reserved: Decimal = ZERO

    @property
    def left(self) -> Decimal | None:
        """What may still be reserved; None without a limit."""
        return None if self.limit is None else self.limit - self.spent - self.held - self.reserved

    def covers(self, bound: Decimal) -> bool:
        """Whether a batch of this bound may be created."""
        return self.left is None or bound <= self.left

    def reserve(self, bound: Decimal) -> Budget:
        """A batch is about to be created."""
        return Budget(self.limit, self.spent, self.held, self.reserved + bound)

    def release(self, bound: Decimal) -> Budget:
        """It was certainly not created."""
        return Budget(self.limit, self.spent, self.held, self.reserved - bound)

    def settle(self, bound: Decimal, cost: Decimal, held: Decimal = ZERO) -> Budget:
        """It ended, and this is what it cost."""
        return Budget(self.limit, self.spent + cost, self.held + held, self.reserved - bound)

    def limited_to(self, limit: Decimal | None) -> Budget:
        """The same with another limit."""
        return Budget(limit, self.spent, self.held, self.reserved)
