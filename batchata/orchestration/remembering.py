"""A flow run's own record of its ledgers, kept as inputs of the flow run: it outlives the process and the machine."""

from __future__ import annotations

import logging
import secrets
import socket
from collections.abc import Callable
from http import HTTPStatus
from uuid import UUID

from httpx import HTTPError, HTTPStatusError
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.context import FlowRunContext
from pydantic import ValidationError

from batchata.core.remembered import OPENED, PREFIX, Remembered, refusal, work_of
from batchata.core.reports import Facts
from batchata.core.state import RunState
from batchata.errors import LedgerError
from batchata.orchestration.server import Line, own_flow_run_id

logger = logging.getLogger("batchata")

_MOST = 200  # the server gives no more at a time
_PROCESS = secrets.token_hex(8)


class Memory:
    """What the flow run that we are in remembers of one ledger. Outside of a flow run it does nothing."""

    def __init__(self, facts: Facts, state: RunState) -> None:
        self._flow_run = own_flow_run_id()
        self._here = Remembered(
            ledger=facts.state_path,
            host=socket.gethostname(),
            run_id=facts.run_id,
            work=work_of(state.run.settings if state.run else {}, state.names),
            start=_start(),
            cancels=facts.cancels,
        )
        self._is_noted = self._flow_run is None

    def check(self) -> None:
        """Raises LedgerError when the flow run was started before, with a ledger that is not the one we have."""
        if self._flow_run is None:
            return
        try:
            with get_client(sync_client=True) as client:
                known = remembered(client, self._flow_run)
        except (HTTPError, ValueError) as error:
            logger.warning("the Prefect server could not be asked what this flow run did before: %s", error)
            return
        if reason := refusal(known, self._here):
            raise LedgerError(reason)

    def begin(self, line: Callable[[], Line]) -> None:
        """Remembers that the flow run works on the ledger, whether or not anything is sent."""
        if self._flow_run is None:
            return
        run_id, key = self._flow_run, self._here.key.replace(PREFIX, OPENED)
        try:
            line().call(lambda client: client.create_flow_run_input(run_id, key, self._here.model_dump_json()))
        except HTTPError as error:
            if not _is_there(error):
                logger.warning("the flow run could not take down where its ledger is: %s", error)

    def note(self, line: Callable[[], Line]) -> None:
        """Remembers the ledger; to be called before its first job is sent. Once it worked, it does nothing."""
        if self._is_noted or self._flow_run is None:
            return
        run_id, here = self._flow_run, self._here
        try:
            line().call(lambda client: client.create_flow_run_input(run_id, here.key, here.model_dump_json()))
            self._is_noted = True
        except HTTPError as error:
            self._is_noted = _is_there(error)
            if not self._is_noted:
                logger.warning("the flow run could not take down where its ledger is: %s", error)


def _is_there(error: HTTPError) -> bool:
    return isinstance(error, HTTPStatusError) and error.response.status_code == HTTPStatus.CONFLICT


def _start() -> str:
    """A retry of the flow is a start of its own, and so is every process."""
    context = FlowRunContext.get()
    count = context.flow_run.run_count if context is not None and context.flow_run is not None else 0
    return f"{_PROCESS}-{count}"


def remembered(client: SyncPrefectClient, flow_run: UUID, prefix: str = PREFIX) -> list[Remembered]:
    """What a flow run remembers. Raises httpx.HTTPError."""
    inputs = client.filter_flow_run_input(flow_run, key_prefix=prefix, limit=_MOST, exclude_keys=set())
    found = []
    for each in inputs:
        try:
            found.append(Remembered.model_validate_json(each.value))
        except ValidationError:
            logger.warning("the input %s of the flow run is none of batchata's", each.key)
    return found
