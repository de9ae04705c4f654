"""What the library logs is in the log of the flow run, without any setting."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, copy_context
from copy import copy
from threading import Lock
from types import MappingProxyType
from uuid import UUID

from prefect.context import TaskRunContext
from prefect.logging.handlers import APILogHandler

from batchata.core.wording import spelled
from batchata.orchestration.server import own_flow_run_id

Words = Mapping[str, str]

_library = logging.getLogger("batchata")


class _Forward(logging.Filter):
    """Sends what is logged to the flow runs, and lets pass to the other handlers what passed before.

    It is a filter and no handler because the logger's level is lowered to INFO: a handler more would show records
    on the console which the user's own levels kept away from there.
    """

    def __init__(self) -> None:
        super().__init__()
        self._api = APILogHandler()
        self._lock = Lock()
        self._flow_runs: list[tuple[UUID, Context, Words]] = []
        self._own_level = self._passing = logging.NOTSET

    def add(self, flow_run: UUID, words: Words) -> None:
        with self._lock:
            if not self._flow_runs:
                self._own_level, self._passing = _library.level, _library.getEffectiveLevel()
                if self._own_level == logging.NOTSET:
                    _library.setLevel(min(self._passing, logging.INFO))
                _library.addFilter(self)
            self._flow_runs = [*self._flow_runs, (flow_run, copy_context(), words)]

    def remove(self, flow_run: UUID) -> None:
        with self._lock:
            place = [each for each, _, _ in self._flow_runs].index(flow_run)
            self._flow_runs = [*self._flow_runs[:place], *self._flow_runs[place + 1 :]]
            if not self._flow_runs:
                _library.removeFilter(self)
                _library.setLevel(self._own_level)

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.INFO:
            self._send(record)
        return record.levelno >= self._passing

    def _send(self, record: logging.LogRecord) -> None:
        """A thread without a context may be anybody's, and knows neither the server nor the flow run."""
        own = own_flow_run_id()
        for flow_run, (context, words) in {each[0]: each[1:] for each in self._flow_runs}.items():
            if own == flow_run:
                self._api.handle(_addressed(record, flow_run, words))
            elif own is None:
                context.copy().run(self._api.handle, _addressed(record, flow_run, words))
            record.send_to_api = False  # PREFECT_LOGGING_EXTRA_LOGGERS=batchata would send it a second time


def _addressed(record: logging.LogRecord, flow_run: UUID, words: Words) -> logging.LogRecord:
    sent = copy(record)
    sent.msg, sent.args = spelled(record.getMessage(), words), None
    sent.send_to_api = True
    sent.flow_run_id = str(flow_run)
    task = TaskRunContext.get()
    if task is not None:
        sent.task_run_id = str(task.task_run.id)
    return sent


_forward = _Forward()


@contextmanager
def logged_in_the_flow_run(words: Words = MappingProxyType({})) -> Iterator[None]:
    """While it lasts, INFO and up of the logger "batchata" goes to the flow run that we are in.

    There parameters are called as `words` tell, see `core/wording.py`.
    A level that the user set for this logger is kept. Runs may overlap; the last one to end restores everything.
    """
    flow_run = own_flow_run_id()
    if flow_run is None:
        yield
        return
    _forward.add(flow_run, words)
    try:
        yield
    finally:
        _forward.remove(flow_run)
