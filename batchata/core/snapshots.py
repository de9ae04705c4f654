"""Where a run stands at one moment, for whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Items and batches by where they are; money in USD; `next_look` in seconds from now.

    `succeeded`, `failed`, `in_flight` and `pending` are items and add up to `total`; `cached` is the part of
    `succeeded` that was answered from the cache. `spent` is None where no price is known; `reserved` is the sum
    of the bounds of the batches in flight, None where they have none. `sampled` are the items of a sample while nothing
    else is sent. `asks` says that somebody is being asked, who may need the terminal.
    """

    total: int
    succeeded: int
    failed: int
    in_flight: int
    pending: int
    cached: int
    batches: int
    spent: Decimal | None
    reserved: Decimal | None
    limit: Decimal | None
    elapsed: float
    next_look: float | None
    sampled: int = 0
    asks: bool = False
