"""A shard: a flow run on any machine that carries out errands of another flow run, until there are no more."""

from __future__ import annotations

import logging
import queue
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from httpx import HTTPError
from prefect.client.schemas.objects import TERMINAL_STATES, StateType
from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner
from prefect.tasks import Task

from batchata.errors import BatchataError, InputError, ServiceError
from batchata.orchestration.exchange import Exchange, Mailbox, Notice, order_file, report_file
from batchata.orchestration.server import Line, own_flow_run_id, state_type
from batchata.orchestration.tasks import collect_job, measure_items, submit_job
from batchata.running.errands import Parcel

logger = logging.getLogger("batchata")

THREADS = 4
LOOK_SECONDS = 0.3
ALIVE_SECONDS = 10.0
"""How often each side tells the other that it is alive."""

ALONE_SECONDS = 180.0
"""A shard that heard nothing for so long ends: its run is gone, or cannot be reached."""

_TASKS: dict[str, Task[..., Any]] = {"measure": measure_items, "submit": submit_job, "collect": collect_job}
_ENDED = TERMINAL_STATES | {StateType.PAUSED}


@dataclass(slots=True)
class _Shard:
    own: UUID
    coordinator: UUID
    number: int
    exchange: Exchange
    runner: ThreadPoolTaskRunner[Any]
    mailbox: Mailbox
    reports: queue.SimpleQueue[tuple[Notice, Any]] = field(default_factory=queue.SimpleQueue)
    unsaid: list[Notice] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    done: int = 0

    def work(self) -> str:
        """Until it is told to end, or nobody is there to tell it; why it ends."""
        heard, said = time.monotonic(), float("-inf")
        while True:
            if time.monotonic() - said >= ALIVE_SECONDS:
                self.unsaid.append(Notice(shard=self.number))
                said = time.monotonic()
            notices = self._look()
            if any(each.end for each in notices):
                return "its run needs no more"
            heard = time.monotonic() if notices else heard
            if why := self._forsaken(time.monotonic() - heard):
                return why

    def _forsaken(self, silent: float) -> str:
        """Why there is nobody to work for after so many seconds without a notice; empty while there may be."""
        if silent <= 3 * ALIVE_SECONDS:
            return ""
        state = state_type(self.mailbox.line, self.coordinator)
        if state in _ENDED:
            self.exchange.remove()  # a run that is killed leaves it
            return "its run has ended"
        if self.exchange.is_gone():
            return "its run was killed, and went on without it"
        if silent <= ALONE_SECONDS:
            return ""
        if state is not None:  # the server is there, so the run is not
            self.exchange.remove()
        return f"nothing was heard of its run for {ALONE_SECONDS:g} s"

    def _look(self) -> list[Notice]:
        """One round: tell what is done, begin what is new."""
        self._gather()
        try:
            while self.unsaid:
                self.mailbox.post(self.coordinator, f"shard-{self.own}", self.unsaid[0])
                self.unsaid.pop(0)
            notices = self.mailbox.read(self.own, "order")
        except HTTPError as error:
            logger.warning("the Prefect server does not answer (%r); the shard tries again", error)
            time.sleep(1)
            return []
        for notice in notices:
            self._begin(notice)
        return notices

    def _gather(self) -> None:
        """Waits a moment for work to be done, and writes down what came of it."""
        try:
            notice, report = self.reports.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            return
        self.exchange.put(report_file(notice.number or 0), report)
        self.unsaid.append(notice)
        self.done += 1

    def _begin(self, notice: Notice) -> None:
        if notice.number is None or notice.number in self.seen:
            return
        self.seen.add(notice.number)
        answer = notice.model_copy(update={"shard": self.number})
        try:
            parcel: Parcel = self.exchange.take(order_file(notice.number))
        except InputError as error:
            self.reports.put((answer, error))
            return
        except OSError as error:
            self.reports.put((answer, ServiceError(f"an order of the run cannot be read: {error}")))
            return
        parameters: dict[str, Any] = {"job": notice.job, "carry_out": parcel}
        if notice.key:
            parameters["key"] = notice.key
        future: PrefectFuture[Any] = self.runner.submit(_TASKS[notice.kind], parameters=parameters)
        future.add_done_callback(lambda finished: self.reports.put((answer, _outcome_of(finished))))


def _outcome_of(future: PrefectFuture[Any]) -> Any:
    try:
        return future.result(raise_on_failure=False)
    except BaseException as error:  # noqa: BLE001 - whatever it is, the run is told
        return error


def serve(coordinator: str, shard: int, exchange: str) -> str:
    """The body of the flow `work_shard`: carries out errands for the flow run `coordinator`; why it ended.

    `exchange` is the folder or URL through which they talk. Raises InputError when it cannot be reached.
    """
    own = own_flow_run_id()
    if own is None:
        raise BatchataError("a shard is a flow run; it is started by a run with shards=...")
    place = Exchange.at(exchange)
    with closing(Line()) as line, ThreadPoolTaskRunner[Any](max_workers=THREADS) as runner:
        if trouble := place.trouble():
            Mailbox(line).post(UUID(coordinator), f"shard-{own}", Notice(shard=shard, trouble=trouble))
            raise InputError(trouble)
        each = _Shard(own, UUID(coordinator), shard, place, runner, Mailbox(line))
        why = each.work()
    return f"shard {shard} carried out {each.done:,} errands and ended: {why}"
