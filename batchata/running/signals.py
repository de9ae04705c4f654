"""Being told to end: SIGTERM ends a run like Ctrl-C does, and what is in flight is named."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from batchata.io.ledger import Ledger

logger = logging.getLogger("batchata")

_TERMINATED = 128 + signal.SIGTERM
_SHOWN = 5


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM raises SystemExit(143) in the main thread, unless the program handles it already."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    sys.exit(_TERMINATED)


@contextmanager
def named_when_interrupted(
    ledger: Ledger, *, canceled: bool, by: tuple[type[BaseException], ...] = (KeyboardInterrupt, SystemExit)
) -> Iterator[None]:
    """Says on the way out of an interrupted run what goes on without it, and how to take it up again."""
    try:
        yield
    except by:
        logger.warning("%s", _left(ledger, canceled=canceled))
        raise


def _left(ledger: Ledger, *, canceled: bool) -> str:
    ids = [job.batch_id for job in ledger.state.open.values() if job.batch_id]
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    named = f" ({', '.join(ids[:_SHOWN])}{more})" if ids else ""
    again = f"Run the same with `state_path={str(ledger.path)!r}` to go on"
    if not ids:
        return f"the run was interrupted with nothing in flight. {again}"
    count = "1 batch" if len(ids) == 1 else f"{len(ids)} batches"
    if canceled:
        what = "told to stop; what they had answered is kept, the rest waits for `retry_failed()`"
    else:
        what = "in flight, going on without it and collected by the next run; `cancel()` stops them"
    return f"the run was interrupted. {count}{named}: {what}. {again}"
