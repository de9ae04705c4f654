"""What the prompt cache may save in a run that has not been sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from batchata.core.caching import Offer, expected_cost, offer
from batchata.core.prefixes import Marks
from batchata.core.sharing import Prefix, Sharing

_ZERO = Decimal(0)
_PER_TOKEN_IN_BATCHES = Decimal("0.5") / 1_000_000
_LONGER = Decimal("1.05")
"""How much longer a beginning may be than is known."""


@dataclass(frozen=True, slots=True)
class Saving:
    """USD: `likely` by the hits that are reckoned with, `most` when all but the first read, `least` when few do;
    below 0 it costs.
    """

    items: int = 0
    likely: Decimal = _ZERO
    most: Decimal = _ZERO
    least: Decimal = _ZERO

    def __add__(self, other: Saving) -> Saving:
        return Saving(
            self.items + other.items, self.likely + other.likely, self.most + other.most, self.least + other.least
        )

    def times(self, factor: Decimal) -> Saving:
        """Of fewer items, or at another price."""
        return Saving(self.items, self.likely * factor, self.most * factor, self.least * factor)


def saving_of(sharing: Sharing, counts: Mapping[str, int]) -> Saving:
    """Over all beginnings, of which so many items are to be paid for."""
    found = (_of_one(sharing, prefix, counts.get(prefix.key, 0)) for prefix in sharing.prefixes)
    return sum(found, Saving())


def _of_one(sharing: Sharing, prefix: Prefix, items: int) -> Saving:
    way = _better(sharing, prefix, items)
    if way is None or sharing.rates is None:
        return Saving()
    rates = sharing.rates.for_prompt(prefix.tokens)
    write = rates.write_1h if way.ttl == "1h" else rates.write_5m
    scale = prefix.tokens * _PER_TOKEN_IN_BATCHES
    most = scale * _LONGER * (items * rates.input - write - (items - 1) * rates.read)
    least = scale * rates.input * (items - expected_cost(items, way.ttl, rates, ahead=False))
    return Saving(items, way.gain, most, least)


def _better(sharing: Sharing, prefix: Prefix, items: int) -> Offer | None:
    """None where it is not marked."""
    if sharing.rates is None:
        return None
    aheads = (False, True) if sharing.may_wait else (False,)
    ways = [offer(prefix.tokens, items, sharing.rates, sharing.mode, ahead=ahead) for ahead in aheads]
    best = max((way for way in ways if way is not None), key=lambda way: way.gain, default=None)
    return best if best is not None and (best.gain > 0 or sharing.mode != "auto") else None


def dearest_marks(sharing: Sharing | None, item: int) -> Marks | None:
    """The breakpoints of an item by which it costs the most; None where it has none."""
    prefix = None if sharing is None else sharing.prefix_of(item)
    if sharing is None or prefix is None:
        return None
    return Marks(prefix.key, prefix.depths, "5m" if sharing.mode == "5m" else "1h")
