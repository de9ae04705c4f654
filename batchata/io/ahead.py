"""Slow calls made ahead, a few at a time: one after the other, 10,000 looks over a network take minutes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TypeVar

LOOKS = 32
READS = 16
"""How many files are looked at, or read, at a time. A file takes up to 24 MB of memory."""

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    function: Callable[[T], R], items: Iterable[T], width: int, room: Callable[[], int] | None = None
) -> Generator[Callable[[], R]]:
    """For each item, in order, a call that returns the function's value or raises what it raised.

    It is to be made before the next one is asked for.
    With a `width` of more than 1 so many calls are made ahead in threads, but no more than there is `room` for: a
    consumer that stops then has asked for nothing in vain.
    """
    if width <= 1:
        yield from (partial(function, item) for item in items)
        return
    left = iter(items)
    pool = ThreadPoolExecutor(width, thread_name_prefix="batchata-ahead")
    started: deque[Future[R]] = deque()
    try:
        while True:
            wanted = width if room is None else min(width, room())
            for item in islice(left, max(wanted - len(started), 0)):
                started.append(pool.submit(function, item))
            if not started:
                return
            yield started.popleft().result
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
