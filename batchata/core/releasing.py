"""Which of the waiting items may be sent now, and with which breakpoints: a beginning is written before it is read."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, islice

from batchata.core.caching import WORTH_MARKING, WORTH_WAITING
from batchata.core.prefixes import Marks, Ttl
from batchata.core.queues import Queues
from batchata.core.sharing import NONE, Sharing
from batchata.core.warmth import Heat, Warmth

AHEAD_IN_A_ROW = 2
"""So many jobs ahead are sent for one beginning while nobody comes to read it: then batches take too long for that."""

Items = Callable[[], Iterator[int]]
"""Goes over items in their order, each time anew."""

Marked = tuple[int, Marks | None]


@dataclass(frozen=True, slots=True)
class Release:
    """Items that may be sent now, each with its breakpoints. `ahead`: one for each beginning, `most` in all.

    `forgone` are the USD that a job ahead was expected to save, where nobody waits for one.
    """

    items: Iterator[Marked]
    ahead: bool = False
    most: int | None = None
    forgone: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Gate:
    """What is known when it is decided: `waiting` may be sent now if nothing else holds it back; they are all that is
    left, or those of a `sample`.

    `capacity` items can be in flight. `spares` are offered beyond what a job ahead takes, for an item may turn out to
    be answered already.

    Who does not `waits` comes back at a time that nobody knows, maybe the next night. What a job ahead writes is kept
    for an hour, so that it would most often be gone: then the write, the dearest way to send an item, was paid for
    nothing, and everything else had waited for it. Even where it is still there, a job ahead is expected to save less
    than half of the input (`expected_cost` of many requests: 0.48 with, 0.9 without). So no job goes ahead there, and
    one that is in flight is only waited for while it `holds`, that is until it was looked at; breakpoints are placed
    where they pay without it, and what is warm is read. `forgone` says what that costs, and waiting is the remedy.
    """

    queues: Queues
    warmth: Warmth
    now: float
    waiting: Items
    capacity: int
    sample: bool = False
    waits: bool = True
    holds: bool = True
    spares: int = 100

    @property
    def sharing(self) -> Sharing:
        return self.queues.sharing

    def release(self) -> Release:
        """What was measured to cost more than it saves is not marked any more, unless it was asked for."""
        if self.sharing.mode == "auto" and self.warmth.is_a_loss:
            return Release((item, None) for item in self.waiting())
        heats = self._heats()
        written, saved = self._worth_writing(heats)
        if not self.waits:
            return Release(self._open(heats, {}), forgone=saved if written else Decimal(0))
        counts = self.queues.counted(self.waiting()) if self.sample else self.queues.left
        if written and (now := self._next(written, heats, counts)):
            return self._first_of(now)
        held = written.keys() | {place for place, heat in heats.items() if heat is Heat.WRITING}
        count = sum(counts) - sum(counts[place] for place in held)  # so that nothing is gone through for the last one
        return Release(islice(self._open(heats, written), count))

    def _heats(self) -> dict[int, Heat]:
        """Those of the beginnings that are not cold, by their places."""
        places = self.queues.places
        found = {places[key]: trace.heat(self.now) for key, trace in self.warmth.traces.items() if key in places}
        return {place: heat for place, heat in found.items() if heat is not Heat.COLD}

    def _worth_writing(self, heats: Mapping[int, Heat]) -> tuple[dict[int, Ttl], Decimal]:
        """The beginnings that a job ahead is to write, if what that saves over all of them is worth waiting for."""
        chosen: dict[int, Ttl] = {}
        saved = Decimal(0)
        if not self.sharing.may_wait:
            return chosen, saved
        for place, (prefix, left) in enumerate(zip(self.sharing.prefixes, self.queues.left, strict=False)):
            if not left or place in heats or self.warmth.tried(prefix.key) >= AHEAD_IN_A_ROW:
                continue
            found = self.queues.better_ahead(prefix.tokens, left)
            if found is not None:
                chosen[place] = found.ttl
                saved += found.gain
        return (chosen if saved >= WORTH_WAITING else {}), saved

    def _next(self, written: Mapping[int, Ttl], heats: Mapping[int, Heat], counts: Sequence[int]) -> dict[int, Marks]:
        """Those to be written now: none while others wait to read, and no more than can be read soon."""
        if any(heat is Heat.WARM and counts[place] for place, heat in heats.items()):
            return {}
        soon = sum(counts[place] for place, heat in heats.items() if heat is Heat.WRITING)
        chosen: dict[int, Marks] = {}
        for place, ttl in written.items():
            if soon >= self.capacity:
                break
            if counts[place]:
                prefix = self.sharing.prefixes[place]
                chosen[place] = Marks(prefix.key, prefix.depths, ttl)
                soon += counts[place]
        return chosen

    def _first_of(self, chosen: Mapping[int, Marks]) -> Release:
        firsts: dict[int, Marked] = {}
        spares: list[Marked] = []
        for item in self.waiting():
            place = self.sharing.place_of(item)
            if place not in chosen:
                continue
            if place not in firsts:
                firsts[place] = item, chosen[place]
                continue
            if len(spares) < self.spares:
                spares.append((item, chosen[place]))
            elif len(firsts) == len(chosen):
                break
        return Release(chain(firsts.values(), spares), ahead=True, most=len(firsts))

    def _marks(self, place: int, heat: Heat) -> Marks | None:
        """Without a job ahead. A lifetime that was asked for is taken, whatever comes of it."""
        sharing, prefix = self.sharing, self.sharing.prefixes[place]
        if heat is Heat.WARM:
            return Marks(prefix.key, prefix.depths, self.warmth.ttl(prefix.key))
        if sharing.mode == "5m" or sharing.mode == "1h":
            return Marks(prefix.key, prefix.depths, sharing.mode)
        found = self.queues.offer(prefix.tokens, self.queues.left[place], ahead=False)
        return Marks(prefix.key, prefix.depths, found.ttl) if found and found.gain >= WORTH_MARKING else None

    def _open(self, heats: Mapping[int, Heat], written: Container[int]) -> Iterator[Marked]:
        """Those that need not wait to read."""
        marks: dict[int, Marks | None] = {NONE: None}
        for item in self.waiting():
            place = self.sharing.place_of(item)
            heat = heats.get(place, Heat.COLD)
            if place in written or (self.holds and heat is Heat.WRITING):
                continue
            if place not in marks:
                marks[place] = self._marks(place, heat)
            yield item, marks[place]
