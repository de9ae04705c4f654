"""Hooks for deployed flows: what is to become of message batches when a flow run was cancelled or crashed.

Prefect runs them in another process, after the one that worked is gone, so all they know is what the flow run itself
remembers (`remembering`) and what the ledger says.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from httpx import HTTPError
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging.loggers import flow_run_logger

from batchata.core.remembered import Remembered
from batchata.errors import BatchataError
from batchata.io.client import make_client
from batchata.io.ledger import open_ledger
from batchata.orchestration.remembering import remembered
from batchata.running.loop import cancel_open

if TYPE_CHECKING:
    from anthropic import Anthropic

    Log = logging.Logger | logging.LoggerAdapter[logging.Logger]

Hook = Callable[[Flow[..., Any], FlowRun, State[Any]], None]


def cancel_open_batches(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """For `@flow(on_cancellation=[...], on_crashed=[...])`: cancels what a run with `cancel_on_exit` left in flight.

    Without `cancel_on_exit` batches go on, and the next run over the ledger collects them. Needs credentials in the
    environment of the worker; `cancelling_with` takes them from elsewhere. Raises nothing: the log says what failed.
    """
    cancelling_with(make_client)(flow, flow_run, state)


def cancelling_with(client: Callable[[], Anthropic]) -> Hook:
    """The hook `cancel_open_batches` with clients made by `client`."""

    def cancel_open_batches(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001
        log = flow_run_logger(flow_run, flow)
        try:
            with get_client(sync_client=True) as api:
                known = remembered(api, flow_run.id)
        except (HTTPError, ValueError) as error:
            log.warning("what the flow run remembers cannot be read, and its batches are left: %s", error)
            return
        for each in known:
            _cancel(each, client, log)

    return cancel_open_batches


def _cancel(each: Remembered, client: Callable[[], Anthropic], log: Log) -> None:
    if not each.cancels:
        log.info("the batches of %s go on; the next run over it collects them", each.ledger)
        return
    path = Path(each.ledger)
    if not path.exists():
        log.warning(
            "the ledger %s is on host %s and not here (host %s), so its batches go on; cancel() there stops them",
            each.ledger,
            each.host,
            socket.gethostname(),
        )
        return
    try:
        with open_ledger(path) as ledger:
            nameless = sum(job.batch_id is None for job in ledger.state.open.values())
            if nameless:
                log.warning("%d batches of %s may exist under an unknown id; the next run finds out", nameless, path)
            if ledger.state.canceled or nameless == len(ledger.state.open):
                log.info("the batches of %s that are known have ended or were told to stop", path)
                return
            with closing(client()) as api:
                canceled = cancel_open(api, ledger)
        log.warning("%d batches of %s were told to stop: %s", len(canceled), each.ledger, ", ".join(canceled))
    except BatchataError as error:
        log.warning("the batches of %s are left as they are: %s", each.ledger, error)
