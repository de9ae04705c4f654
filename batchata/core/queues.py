"""How many items wait with each beginning, and what caching it is expected to save: worked out once, then kept.

A run asks before each job. What changed since it asked last is all that is counted again.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from batchata.core.caching import Offer, offer
from batchata.core.sharing import Sharing

_CHANGED = re.compile(rb"[^\x00]")


@dataclass(slots=True)
class Queues:
    """`left` has the number of items that wait for each of the beginnings, and last that of those without one.

    `waits` are the standings (one byte each) of an item that waits.
    """

    sharing: Sharing
    waits: bytes
    left: array[int] = field(init=False)
    places: dict[str, int] = field(init=False)
    _seen: bytes = b""
    _offers: dict[tuple[int, int, bool], Offer | None] = field(default_factory=dict, repr=False)
    _ahead: dict[tuple[int, int], Offer | None] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.left = self._none()
        self.places = {each.key: place for place, each in enumerate(self.sharing.prefixes)}

    def look(self, standings: bytes) -> None:
        """Takes in where each item stands. Costs what has changed."""
        was, now = (_bits(each, self.waits) for each in (self._seen, standings))
        size = max(len(was), len(now))
        changed = int.from_bytes(was, "little") ^ int.from_bytes(now, "little")
        of, left = self.sharing.of, self.left
        for found in _CHANGED.finditer(changed.to_bytes(size, "little")):
            item = found.start()
            place = of[item] if item < len(of) else -1  # which is the last one
            left[place] += 1 if item < len(now) and now[item] else -1
        self._seen = standings

    def counted(self, items: Iterable[int]) -> array[int]:
        """The same as `left` for these items only."""
        counts, of = self._none(), self.sharing.of
        for item in items:
            counts[of[item] if item < len(of) else -1] += 1
        return counts

    def _none(self) -> array[int]:
        return array("l", bytes(8 * (len(self.sharing.prefixes) + 1)))

    def offer(self, tokens: int, requests: int, *, ahead: bool) -> Offer | None:
        """As `caching.offer`; None where no price is known."""
        key = tokens, requests, ahead
        if key not in self._offers:
            rates, mode = self.sharing.rates, self.sharing.mode
            self._offers[key] = None if rates is None else offer(tokens, requests, rates, mode, ahead=ahead)
        return self._offers[key]

    def better_ahead(self, tokens: int, requests: int) -> Offer | None:
        """An offer whose gain is what it saves beyond what is saved without a job ahead."""
        key = tokens, requests
        if key not in self._ahead:
            self._ahead[key] = self._better_ahead(tokens, requests)
        return self._ahead[key]

    def _better_ahead(self, tokens: int, requests: int) -> Offer | None:
        ahead = self.offer(tokens, requests, ahead=True)
        alone = self.offer(tokens, requests, ahead=False)
        if ahead is None or ahead.gain <= 0:
            return None
        gain = ahead.gain - max(alone.gain if alone else Decimal(0), Decimal(0))
        return Offer(ahead.ttl, ahead=True, gain=gain) if gain > 0 else None


def _bits(standings: bytes, waits: bytes) -> bytes:
    """1 for each item that waits, 0 for the others."""
    return standings.translate(bytes(each in waits for each in range(256)))
