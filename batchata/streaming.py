"""A run in a thread of its own, whose records come out while it goes on."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Iterator
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any

from batchata.core.events import Event, Settled
from batchata.core.records import Record
from batchata.core.state import RunState
from batchata.engine import Engine
from batchata.errors import InputError
from batchata.io.ledger import Ledger
from batchata.io.results import ResultsFolder
from batchata.running.reading import records_of_job
from batchata.running.run import run_id_of
from batchata.running.signals import terminable

logger = logging.getLogger("batchata")

Running = Callable[..., object]
"""`Engine.run` with all that it is told but for `opened`."""

PATIENCE = 60.0
"""Seconds for a run to end that nobody wants any more: a create that is under way brings its id home."""

_Settled = tuple[int, int]
"""The number of a job, and how many items ended with it: all that is kept until somebody reads their records."""


def streamed(engine: Engine, run: Running) -> Iterator[Record[Any]]:
    """The records of a run that begins with the first one. Raises what the run raises, and InputError."""
    if engine.is_streamed:
        raise InputError(
            "this manager is being streamed already: read on there, or close that stream first; another one over the "
            "same ledger could only wait for it"
        )
    engine.is_streamed, engine.left = True, False
    stream = _Stream(engine, run)
    try:
        with terminable():
            yield from stream.records()
    finally:
        stream.close()
        engine.is_streamed = engine.left = False


class _Stream:
    def __init__(self, engine: Engine, run: Running) -> None:
        self._engine = engine
        self._run = run
        self._jobs: SimpleQueue[_Settled | None] = SimpleQueue()
        self._state = RunState()
        self._error: BaseException | None = None
        # Not joined at exit, where a run of hours would keep the process: it is left then, and named.
        self._thread = threading.Thread(target=copy_context().run, args=(self._work,), daemon=True, name="batchata-run")
        self._leaving = weakref.finalize(self, _leave, engine, self._thread)

    def records(self) -> Iterator[Record[Any]]:
        self._thread.start()
        while job := self._jobs.get():
            folder = ResultsFolder(self._engine.results_dir, run_id_of(self._state))
            yield from records_of_job(self._state, folder, self._engine.assignment.response_model, *job)
        error, self._error = self._error, None
        if error is not None:
            raise error

    def close(self) -> None:
        """Ends the run, if it has not. What went wrong with it and was not raised is told."""
        self._leaving()
        if isinstance(self._error, Exception):
            logger.warning("the run had ended: %s", self._error)

    def _work(self) -> None:
        try:
            self._run(opened=self._opened)
        except BaseException as error:  # noqa: BLE001 - it is raised again where the records are read
            self._error = error
        finally:
            self._jobs.put(None)

    def _opened(self, ledger: Ledger) -> None:
        self._state = ledger.state
        for job in sorted(ledger.state.jobs_of_outcomes().items()):
            self._jobs.put(job)
        ledger.told = self._told

    def _told(self, event: Event) -> None:
        if isinstance(event, Settled) and event.endings:
            self._jobs.put((event.job, len(event.endings)))


def _leave(engine: Engine, thread: threading.Thread) -> None:
    if thread.is_alive():
        engine.leave()
        thread.join(PATIENCE)
    if thread.is_alive():
        logger.warning("the run did not end within %g s; it does with the process, and the next one goes on", PATIENCE)
