"""Large message batches make millions of small objects, none of them in a cycle."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_pauses: list[bool] = []


@contextmanager
def collection_paused() -> Iterator[None]:
    """No search for cycles inside the block, which would take longer than the work itself."""
    with _lock:
        _pauses.append(gc.isenabled())
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            if _pauses.pop():
                gc.enable()
