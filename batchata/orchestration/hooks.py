"""Hooks for deployed flows: what is to become of message batches when a flow run was cancelled or crashed.

Prefect runs them in another process, after the one that worked is gone, so all they know is what the flow run itself
remembers (`remembering`) and what the ledger says.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from httpx import HTTPError
from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging.loggers import flow_run_logger

from batchata.core.events import Decided
from batchata.core.remembered import OPENED, Remembered
from batchata.errors import BatchataError
from batchata.io.client import make_client
from batchata.io.ledger import Ledger, open_ledger
from batchata.orchestration.credentials import client_of
from batchata.orchestration.remembering import remembered
from batchata.running.loop import cancel_open

if TYPE_CHECKING:
    from anthropic import Anthropic

    Log = logging.Logger | logging.LoggerAdapter[logging.Logger]


def settle_cancelled(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001
    """For `@flow(on_cancellation=[...])`: what a cancel means for the runs that the flow run worked on.

    They are halted, so that nobody goes on with them unasked. A run with `cancel_on_exit` has its batches canceled,
    with the credentials block that the flow run was given or those of the worker's environment; others are left to be
    collected. Raises nothing: the log says what failed.
    """
    log = flow_run_logger(flow_run, flow)
    for each in _remembered(flow_run, log):
        _settle(each, log, _client_of(flow_run), halt=True)


def cancel_open_batches(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001
    """The same for `on_crashed`, where nobody asked for an end: whoever looks next may go on."""
    log = flow_run_logger(flow_run, flow)
    for each in _remembered(flow_run, log):
        _settle(each, log, _client_of(flow_run), halt=False)


def _remembered(flow_run: FlowRun, log: Log) -> list[Remembered]:
    try:
        with get_client(sync_client=True) as api:
            known = [*remembered(api, flow_run.id, OPENED), *remembered(api, flow_run.id)]
            return list({each.ledger: each for each in known}.values())
    except (HTTPError, ValueError) as error:
        log.warning("what the flow run remembers cannot be read, and its batches are left: %s", error)
        return []


def _client_of(flow_run: FlowRun) -> Callable[[], Anthropic]:
    name = flow_run.parameters.get("credentials")
    return partial(client_of, name) if isinstance(name, str) else make_client


def _settle(each: Remembered, log: Log, client: Callable[[], Anthropic], *, halt: bool) -> None:
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
            _end(ledger, log, client, cancels=each.cancels, halt=halt)
    except BatchataError as error:
        log.warning("the batches of %s are left as they are: %s", each.ledger, error)


def _end(ledger: Ledger, log: Log, client: Callable[[], Anthropic], *, cancels: bool, halt: bool) -> None:
    if halt and not ledger.state.halted:
        ledger.record(Decided(at=datetime.now(UTC), what="halted", reason="the flow run was cancelled"), sync=True)
    if cancels:
        _cancel(ledger, log, client)
    elif halt:
        log.info("%s sends nothing more; its batches go on and are collected by the next run", ledger.path)


def _cancel(ledger: Ledger, log: Log, client: Callable[[], Anthropic]) -> None:
    nameless = sum(job.batch_id is None for job in ledger.state.open.values())
    if nameless:
        log.warning("%d batches of %s may exist under an unknown id; the next run finds out", nameless, ledger.path)
    if ledger.state.canceled or nameless == len(ledger.state.open):
        log.info("the batches of %s that are known have ended or were told to stop", ledger.path)
        return
    with closing(client()) as api:
        canceled = cancel_open(api, ledger)
    log.warning("%d batches of %s were told to stop: %s", len(canceled), ledger.path, ", ".join(canceled))
