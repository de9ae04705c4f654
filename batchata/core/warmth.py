"""What the prompt cache may hold: which beginnings were sent with breakpoints, when, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto
from itertools import chain

from batchata.core.caching import LIFETIMES
from batchata.core.events import Intent, Settled
from batchata.core.prefixes import Ttl

MARGIN = {ttl: min(life / 5, 300.0) for ttl, life in LIFETIMES.items()}
"""Seconds before its end at which an entry counts as gone: a batch does not begin at once."""

_ANSWERED = frozenset({"succeeded", "truncated", "refused", "invalid"})


class Heat(Enum):
    """Whether a beginning can be read: it is in use, it is being written by a job ahead, or it is in no cache."""

    WARM = auto()
    WRITING = auto()
    COLD = auto()


@dataclass(slots=True)
class Trace:
    """One beginning. `sent` is when the newest of its jobs that were answered was sent; it is kept for `ttl` from then.

    `ahead` and `others` count jobs that are open; `tried` the jobs ahead since others were sent last.
    """

    ttl: Ttl = "1h"
    sent: float | None = None
    ahead: int = 0
    others: int = 0
    tried: int = 0

    def heat(self, now: float) -> Heat:
        if self.ahead:
            return Heat.WRITING
        left = 0.0 if self.sent is None else self.sent + LIFETIMES[self.ttl] - MARGIN[self.ttl] - now
        return Heat.WARM if self.others or left > 0 else Heat.COLD


@dataclass(frozen=True, slots=True)
class MarkedJob:
    """The breakpoints of an open job: beginnings in the order of its items where it goes ahead of others."""

    prefixes: Mapping[str, Ttl]
    ahead: bool
    sent: float
    items: Sequence[int]


_COLD = Trace()


@dataclass(slots=True)
class Warmth:
    """Over a whole run. `gained` is what the jobs that were to read saved in USD, None where nobody can tell."""

    traces: dict[str, Trace] = field(default_factory=dict)
    gained: Decimal | None = Decimal(0)
    _open: dict[int, MarkedJob] = field(default_factory=dict)

    def heat(self, prefix: str, now: float) -> Heat:
        return self.traces.get(prefix, _COLD).heat(now)

    def tried(self, prefix: str) -> int:
        return self.traces.get(prefix, _COLD).tried

    def ttl(self, prefix: str) -> Ttl:
        return self.traces.get(prefix, _COLD).ttl

    def is_ahead(self, job: int) -> bool:
        """Whether it is an open job ahead."""
        return job in self._open and self._open[job].ahead

    @property
    def is_a_loss(self) -> bool:
        """Whether what was measured says that reads are too few."""
        return self.gained is not None and self.gained < 0

    def intend(self, event: Intent) -> None:
        """A job with breakpoints is about to be sent."""
        if not event.prefixes:
            return
        items = [each.item for each in event.items]
        self._open[event.job] = MarkedJob(event.prefixes, event.ahead, event.at.timestamp(), items)
        for prefix, ttl in event.prefixes.items():
            trace = self.traces.setdefault(prefix, Trace())
            trace.ttl = ttl
            trace.ahead += event.ahead
            trace.others += not event.ahead
            trace.tried = trace.tried + 1 if event.ahead else 0

    def unsend(self, job: int) -> None:
        """It was not sent after all."""
        marked = self._close(job)
        for prefix in marked.prefixes if marked and marked.ahead else ():
            self.traces[prefix].tried -= 1

    def cool(self, *gone: Iterable[str]) -> None:
        """These beginnings will be others when they are sent again."""
        for prefix in chain.from_iterable(gone):
            if prefix in self.traces:
                self.traces[prefix].sent = None

    def settle(self, event: Settled) -> None:
        """What was answered was written or read."""
        marked = self._close(event.job)
        if marked is None:
            return
        for prefix in _answered(marked, event):
            trace = self.traces[prefix]
            trace.sent = max(marked.sent, trace.sent or 0.0)
        if not marked.ahead and self.gained is not None:
            self.gained = None if event.prompt_saved is None else self.gained + event.prompt_saved

    def _close(self, job: int) -> MarkedJob | None:
        marked = self._open.pop(job, None)
        if marked is not None:
            for trace in map(self.traces.__getitem__, marked.prefixes):
                trace.ahead -= marked.ahead
                trace.others -= not marked.ahead
        return marked


def _answered(marked: MarkedJob, event: Settled) -> Sequence[str]:
    """The beginnings of a job ahead whose item was answered; of another job all, if anything was."""
    kinds = {item: kind for item, kind, _ in event.endings} | {each.item: each.kind for each in event.again}
    answered = {item for item, kind in kinds.items() if kind in _ANSWERED}
    if marked.ahead:
        pairs = zip(marked.items, marked.prefixes, strict=False)
        return [prefix for item, prefix in pairs if item in answered]
    return list(marked.prefixes) if answered else []
