"""How a deployed flow ends when something is wrong that we have a sentence for: with this sentence."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Failed

from batchata.errors import BatchataError
from batchata.orchestration.server import is_deployed

_TELLING = ("prefect.flow_runs", "prefect.engine")


def concluded(body: Callable[[], State[Any]]) -> State[Any]:
    """The state that `body` returns; Failed with the sentence where it raises one of our errors.

    Outside of a run of a deployment errors pass: who calls a flow as a function gets the exception.
    """
    try:
        return body()
    except BatchataError as error:
        if not is_deployed():
            raise
        plain = error.with_traceback(None)
        plain.__cause__ = plain.__context__ = None
        get_run_logger().error("%s", error)
        for name in _TELLING:
            logging.getLogger(name).addFilter(_AlreadyTold(plain))
        return Failed(message=str(error), data=plain)


class _AlreadyTold(logging.Filter):
    """Prefect logs the state, and then the same error with a traceback, twice, while the process ends."""

    def __init__(self, error: BatchataError) -> None:
        super().__init__()
        self._error = error

    def filter(self, record: logging.LogRecord) -> bool:
        return not (isinstance(record.exc_info, tuple) and record.exc_info[1] is self._error)
