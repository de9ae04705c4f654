"""A run's side of its shards: starts them, gives them errands, notices when one is gone."""

from __future__ import annotations

import itertools
import logging
import queue
import threading
import time
from collections.abc import Iterable
from contextlib import closing, suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, TypeAlias
from uuid import UUID

from httpx import HTTPError, HTTPStatusError
from prefect.client.schemas.objects import TERMINAL_STATES
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import Cancelled

from batchata.core.measured import Measure
from batchata.core.steps import Send
from batchata.errors import InputError, LostWorkerError
from batchata.orchestration.crews import Told
from batchata.orchestration.exchange import Exchange, Mailbox, Notice, order_file, report_file
from batchata.orchestration.server import Line, own_flow_run_id, state_type
from batchata.orchestration.shards import ALIVE_SECONDS, LOOK_SECONDS
from batchata.running.errands import Errand, Packer, Parcel

logger = logging.getLogger("batchata")

_Outbox: TypeAlias = "queue.SimpleQueue[tuple[UUID, Notice] | None]"

SILENT_SECONDS = 60.0
"""A shard that was not heard of for so long counts as lost."""

WAIT_SECONDS = 0.0
"""How long a run waits for its shards before it begins; it works alone until they come."""

_STATE_SECONDS = 3.0
_END_SECONDS = 5.0


@dataclass(slots=True)
class _Shard:
    number: int
    flow_run: UUID
    heard: float | None = None
    is_lost: bool = False
    orders: dict[int, Told] = field(default_factory=dict)

    @property
    def is_there(self) -> bool:
        return self.heard is not None and not self.is_lost


class ShardCrew:
    """`count` flow runs of the deployment, on whatever machines its work pool has."""

    def __init__(self, count: int, deployment: str) -> None:
        self._count = count
        self._deployment = deployment
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._trouble = ""
        self._shards: dict[int, _Shard] = {}
        self._outbox: _Outbox = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._exchange: Exchange | None = None
        self._own: UUID | None = None

    def begin(self, packer: Packer) -> None:
        """Starts the shards: they come when their workers have the time."""
        self._own = own_flow_run_id()
        self._exchange = Exchange.of_run(packer.run.folder.path, packer.run.run_id)
        self._exchange.open()
        for number in range(self._count):
            if (shard := self._start(number, str(self._exchange.folder))) is not None:
                self._shards[number] = shard
        self._listen()
        until = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < until and not all(each.is_there or each.is_lost for each in self._shards.values()):
            time.sleep(LOOK_SECONDS)

    def _listen(self) -> None:
        self._outbox = queue.SimpleQueue()  # the thread of the time before a rest may still empty its own
        talk = partial(copy_context().run, self._talk, self._outbox)  # which server it is stands in the context
        self._thread = threading.Thread(target=talk, daemon=True, name="batchata-shards")
        self._thread.start()

    def _start(self, number: int, exchange: str) -> _Shard | None:
        """None when the server does not take it: the others, or the run alone, do the work."""
        parameters = {"coordinator": str(self._own), "shard": number, "exchange": exchange}
        try:
            run: Any = run_deployment(
                self._deployment,
                parameters=parameters,
                timeout=0,
                flow_run_name=f"shard-{number}",
                idempotency_key=f"{exchange}-{number}",
            )
        except ObjectNotFound as error:
            raise InputError(
                f"there is no deployment {self._deployment!r} to run shards: deploy flows/work_shard.py to a work pool "
                "(`prefect deploy`), or name yours with shard_deployment=... (nothing was sent)"
            ) from error
        except HTTPError as error:
            logger.warning("shard %d cannot be started: %s", number, error)
            return None
        return _Shard(number, run.id)

    def give(self, step: Errand, parcel: Parcel, key: str, told: Told) -> bool:
        """To the least busy one that is there. Raises InputError when one cannot reach the results."""
        if self._trouble:
            raise InputError(self._trouble)
        if self._exchange is None:
            return False
        with self._lock:
            there = [shard for shard in self._shards.values() if shard.is_there]
            if not there:
                return False
            shard = min(there, key=lambda each: len(each.orders))
            number = next(self._numbers)
            shard.orders[number] = told
        try:
            self._exchange.put(order_file(number), parcel)
        except OSError as error:
            logger.warning("an order for shard %d cannot be written, the run does it itself: %s", shard.number, error)
            with self._lock:
                return shard.orders.pop(number, None) is None
        kind = "measure" if isinstance(step, Measure) else "submit" if isinstance(step, Send) else "collect"
        self._outbox.put((shard.flow_run, Notice(number=number, kind=kind, job=step.job, key=key)))
        return True

    def _talk(self, outbox: _Outbox) -> None:
        """The only thread that talks to the server about shards. Whatever ends it, no errand is waited for in vain."""
        shards = list(self._shards.values())
        try:
            self._talk_until_told(outbox)
        finally:
            for shard in shards:
                if shard.heard is not None:
                    self._lose(shard)

    def _talk_until_told(self, outbox: _Outbox) -> None:
        with closing(Line()) as line:
            mailbox = Mailbox(line)
            looked = said = time.monotonic()
            while self._send(mailbox, outbox):
                with suppress(HTTPError):
                    self._hear(mailbox)
                now = time.monotonic()
                if now - said >= ALIVE_SECONDS:
                    said = now
                    self._say_alive()
                if now - looked >= _STATE_SECONDS:
                    looked = now
                    self._look_after(line)

    def _send(self, mailbox: Mailbox, outbox: _Outbox) -> bool:
        """Waits a moment for something to be sent; False when there will be nothing more."""
        try:
            post = outbox.get(timeout=LOOK_SECONDS)
        except queue.Empty:
            return True
        if post is None:
            return False
        until = time.monotonic() + SILENT_SECONDS
        while time.monotonic() < until:  # past that, the shard counts as lost anyway
            try:
                mailbox.post(post[0], "order", post[1])
            except HTTPError as error:
                if _is_unknown(error):
                    break
                time.sleep(1)
            else:
                break
        return True

    def _say_alive(self) -> None:
        for shard in self._shards.values():
            if shard.is_there:
                self._outbox.put((shard.flow_run, Notice()))

    def _hear(self, mailbox: Mailbox) -> None:
        if self._own is None:
            return
        for shard in self._shards.values():
            for notice in mailbox.read(self._own, f"shard-{shard.flow_run}"):
                if shard.heard is None:
                    logger.info("shard %d is there", shard.number)
                shard.heard, shard.is_lost = time.monotonic(), False
                self._trouble = self._trouble or notice.trouble
                if notice.number is not None:
                    self._deliver(shard, notice.number)

    def _deliver(self, shard: _Shard, number: int) -> None:
        with self._lock:
            told = shard.orders.pop(number, None)
        if told is None or self._exchange is None:
            return
        try:
            report = self._exchange.take(report_file(number))
        except (OSError, InputError) as error:
            report = LostWorkerError(error)
        told(report)

    def _look_after(self, line: Line) -> None:
        for shard in self._shards.values():
            state = state_type(line, shard.flow_run)
            if state is None and shard.heard is not None:  # the server is away, so nothing can be heard
                shard.heard = time.monotonic()
            silent = shard.heard is not None and time.monotonic() - shard.heard > SILENT_SECONDS
            if not shard.is_lost and (silent or state in TERMINAL_STATES):
                logger.warning(
                    "shard %d (flow run %s) is gone; it had %d errands", shard.number, shard.flow_run, len(shard.orders)
                )
                self._lose(shard)

    def _lose(self, shard: _Shard) -> None:
        with self._lock:
            shard.is_lost = True
            orders, shard.orders = shard.orders, {}
        for told in orders.values():
            told(LostWorkerError(f"shard {shard.number}"))

    def rest(self) -> None:
        """Ends the shards; after a rest the run works alone until it is started again."""
        self.close()

    def close(self) -> None:
        """Tells the shards to end, and takes back those that have not begun. Errands of theirs count as lost."""
        if self._thread is not None:
            self._outbox.put(None)
            self._thread.join(_END_SECONDS)
            self._thread = None
        shards, self._shards = self._shards, {}
        for shard in shards.values():
            if shard.heard is not None:
                self._lose(shard)
        if shards:
            self._end(shards.values())
        if self._exchange is not None:
            self._exchange.remove()
            self._exchange = None

    def _end(self, shards: Iterable[_Shard]) -> None:
        with closing(Line()) as line:
            mailbox = Mailbox(line, next(self._numbers) + 1_000_000)
            for shard in shards:
                with suppress(HTTPError, ObjectNotFound):
                    _end(mailbox, shard)


def _is_unknown(error: HTTPError) -> bool:
    """Whether the server says that it has no such flow run."""
    return isinstance(error, HTTPStatusError) and error.response.status_code == HTTPStatus.NOT_FOUND


def _end(mailbox: Mailbox, shard: _Shard) -> None:
    if shard.heard is not None:
        mailbox.post(shard.flow_run, "order", Notice(end=True))
    elif not shard.is_lost:
        mailbox.line.call(lambda client: client.set_flow_run_state(shard.flow_run, Cancelled(), force=True))
