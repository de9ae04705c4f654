"""How a message batch moves from `in_progress` to `ended`: the caller picks the pace."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Progress(Protocol):
    """A pace. The answer to create always says `in_progress`; the pace counts from there."""

    def share(self, looks: int, elapsed: float, items: int) -> float:
        """Which share (0 to 1) of so many items is processed after so many retrieve calls and so many seconds."""
        ...


@dataclass(frozen=True, slots=True)
class AtOnce:
    """Whoever looks after the create call finds the message batch ended."""

    def share(self, looks: int, elapsed: float, items: int) -> float:  # noqa: ARG002
        return 1.0


@dataclass(frozen=True, slots=True)
class AfterLooks:
    """Ended at the `n`-th retrieve call; list calls do not count."""

    n: int

    def share(self, looks: int, elapsed: float, items: int) -> float:  # noqa: ARG002
        return min(1.0, looks / self.n) if self.n > 0 else 1.0


@dataclass(frozen=True, slots=True)
class OnClock:
    """Ended `seconds` after creation, by a clock that `Simulator.advance` can push forward."""

    seconds: float

    def share(self, looks: int, elapsed: float, items: int) -> float:  # noqa: ARG002
        return min(1.0, elapsed / self.seconds) if self.seconds > 0 else 1.0


@dataclass(frozen=True, slots=True)
class BySize:
    """Ended `seconds` after creation, and `per_item` seconds more for each of its items, by the same clock."""

    seconds: float
    per_item: float

    def share(self, looks: int, elapsed: float, items: int) -> float:  # noqa: ARG002
        takes = self.seconds + self.per_item * items
        return min(1.0, elapsed / takes) if takes > 0 else 1.0


class Clock:
    """The time of day plus what was added with `advance`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ahead = 0.0

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._ahead += seconds


def timestamp(seconds: float) -> str:
    """RFC 3339 with microseconds, in UTC."""
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
