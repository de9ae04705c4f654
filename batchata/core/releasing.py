"""Which of the waiting items may be sent now, and with which breakpoints: a beginning is written before it is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain

from batchata.core.caching import WORTH_MARKING, WORTH_WAITING, Offer, offer
from batchata.core.prefixes import Marks, Ttl
from batchata.core.sharing import Prefix, Sharing
from batchata.core.warmth import Heat, Warmth

AHEAD_IN_A_ROW = 2
"""So many jobs ahead are sent for one beginning while nobody comes to read it: then batches take too long for that."""

Items = Callable[[], Iterator[int]]
"""Goes over items in their order, each time anew."""

Marked = tuple[int, Marks | None]


@dataclass(frozen=True, slots=True)
class Release:
    """Items that may be sent now, each with its breakpoints. `ahead`: one for each beginning, `most` in all."""

    items: Iterator[Marked]
    ahead: bool = False
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """What is known when it is decided: `waiting` may be sent now if nothing else holds it back, `left` some time.

    `capacity` items can be in flight. A run that does not `wait` comes back at times that nobody knows, so that it
    sends one job ahead and not a second one. `spares` are offered beyond what a job ahead takes, for an item may turn
    out to be answered already.
    """

    sharing: Sharing
    warmth: Warmth
    now: float
    waiting: Items
    left: Items
    capacity: int
    waits: bool = True
    spares: int = 100

    def release(self) -> Release:
        """What was measured to cost more than it saves is not marked any more, unless it was asked for."""
        if self.sharing.mode == "auto" and self.warmth.is_a_loss:
            return Release((item, None) for item in self.waiting())
        heats = {each.key: self.warmth.heat(each.key, self.now) for each in self.sharing.prefixes}
        left = self._counted(self.left, heats) if Heat.COLD in heats.values() else Counter[str]()
        held = self._worth_writing({key: left[key] for key, heat in heats.items() if heat is Heat.COLD and left[key]})
        if held and (now := self._next(held, heats)):
            return self._first_of(now)
        marks = {each.key: self._marks(each, heats[each.key], left[each.key]) for each in self.sharing.prefixes}
        return Release(self._open(marks, {key for key, heat in heats.items() if heat is Heat.WRITING} | held.keys()))

    def _counted(self, items: Items, heats: Mapping[str, Heat]) -> Counter[str]:
        """How many items there are for each beginning."""
        found = (self.sharing.prefix_of(item) for item in items())
        return Counter(each.key for each in found if each is not None and each.key in heats)

    def _worth_writing(self, cold: Mapping[str, int]) -> dict[str, Ttl]:
        """The beginnings that a job ahead is to write, if what that saves over all of them is worth waiting for."""
        chosen: dict[str, Ttl] = {}
        saved = Decimal(0)
        for prefix in self.sharing.prefixes:
            found = self._better_ahead(prefix, cold[prefix.key]) if prefix.key in cold else None
            if found is not None:
                chosen[prefix.key] = found.ttl
                saved += found.gain
        return chosen if saved >= WORTH_WAITING else {}

    def _better_ahead(self, prefix: Prefix, left: int) -> Offer | None:
        """An offer whose gain is what it saves beyond what is saved without a job ahead."""
        sharing = self.sharing
        tries = AHEAD_IN_A_ROW if self.waits else 1
        if sharing.rates is None or not sharing.may_wait or self.warmth.tried(prefix.key) >= tries:
            return None
        ahead = offer(prefix.tokens, left, sharing.rates, sharing.mode, ahead=True)
        alone = offer(prefix.tokens, left, sharing.rates, sharing.mode, ahead=False)
        if ahead is None or ahead.gain <= 0:
            return None
        gain = ahead.gain - max(alone.gain if alone else Decimal(0), Decimal(0))
        return Offer(ahead.ttl, ahead=True, gain=gain) if gain > 0 else None

    def _next(self, held: Mapping[str, Ttl], heats: Mapping[str, Heat]) -> dict[str, Marks]:
        """Those to be written now: none while others wait to read, and no more than can be read soon."""
        waiting = self._counted(self.waiting, heats)
        if any(heats[key] is Heat.WARM for key in waiting):
            return {}
        soon = sum(count for key, count in waiting.items() if heats[key] is Heat.WRITING)
        chosen: dict[str, Marks] = {}
        for prefix in self.sharing.prefixes:
            if prefix.key in held and waiting[prefix.key] and soon < self.capacity:
                chosen[prefix.key] = Marks(prefix.key, prefix.depths, held[prefix.key])
                soon += waiting[prefix.key]
        return chosen

    def _first_of(self, chosen: Mapping[str, Marks]) -> Release:
        firsts: dict[str, Marked] = {}
        spares: list[Marked] = []
        for item in self.waiting():
            prefix = self.sharing.prefix_of(item)
            marks = None if prefix is None else chosen.get(prefix.key)
            if marks is None:
                continue
            if marks.prefix not in firsts:
                firsts[marks.prefix] = (item, marks)
            elif len(spares) < self.spares:
                spares.append((item, marks))
        return Release(chain(firsts.values(), spares), ahead=True, most=len(firsts))

    def _marks(self, prefix: Prefix, heat: Heat, left: int) -> Marks | None:
        """Without a job ahead. A lifetime that was asked for is taken, whatever comes of it."""
        sharing = self.sharing
        if heat is Heat.WARM:
            return Marks(prefix.key, prefix.depths, self.warmth.ttl(prefix.key))
        if sharing.mode == "5m" or sharing.mode == "1h":
            return Marks(prefix.key, prefix.depths, sharing.mode)
        if sharing.rates is None:
            return None
        found = offer(prefix.tokens, left, sharing.rates, sharing.mode, ahead=False)
        return Marks(prefix.key, prefix.depths, found.ttl) if found and found.gain >= WORTH_MARKING else None

    def _open(self, marks: Mapping[str, Marks | None], held: set[str]) -> Iterator[Marked]:
        if len(held) == len(self.sharing.prefixes) and self.sharing.has_all:
            return
        for item in self.waiting():
            prefix = self.sharing.prefix_of(item)
            if prefix is None or prefix.key not in held:
                yield item, None if prefix is None else marks[prefix.key]
