"""Calls beside each other: a few at a time, and of no more bytes together than memory has to spare."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

WIDTH = 4
MOST_BYTES = 64 << 20
"""A call that holds more than this by itself is made alone."""


@dataclass(slots=True)
class Lanes:
    """For any number of threads that have calls made."""

    width: int = WIDTH
    most_bytes: int = MOST_BYTES
    _running: int = 0
    _bytes: int = 0
    _change: threading.Condition = field(default_factory=threading.Condition)
    _pool: ThreadPoolExecutor | None = None

    def start(self, call: Callable[[], None], size: int) -> None:
        """Waits until there is room for a call that holds `size` bytes, and has it made. It must not raise."""
        with self._change:
            self._change.wait_for(lambda: self._has_room(size))
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self.width, thread_name_prefix="batchata-lane")
            self._running += 1
            self._bytes += size
            self._pool.submit(self._make, call, size)

    def _has_room(self, size: int) -> bool:
        return not self._running or (self._running < self.width and self._bytes + size <= self.most_bytes)

    def _make(self, call: Callable[[], None], size: int) -> None:
        try:
            call()
        finally:
            del call  # and what it holds, before others take its place
            with self._change:
                self._running -= 1
                self._bytes -= size
                self._change.notify_all()
