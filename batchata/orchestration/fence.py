"""Limits that hold over all runs of a Prefect server. They apply where somebody created them:

    prefect gcl create batchata-batches --limit 20
    prefect gcl create batchata-creates --limit 5 --slot-decay-per-second 0.5

The first is the number of message batches in flight. The second is the pace of creates: five at once, then one every
two seconds. After a restart of the server slots can stay taken, for it keeps leases in memory unless
PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE=prefect.server.concurrency.lease_storage.filesystem is set for it;
`prefect gcl update batchata-batches --active-slots 0` frees them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from threading import Lock
from uuid import UUID

from httpx import HTTPError, HTTPStatusError, Response
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import ConcurrencyLeaseHolder
from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_API_URL

from batchata.orchestration.server import Line, own_flow_run_id

BATCHES_LIMIT = "batchata-batches"
CREATES_LIMIT = "batchata-creates"
LEASE_SECONDS = 300.0
AWAY_SECONDS = 30.0
"""How long a server that did not answer is left alone."""

ABSENT_SECONDS = 30.0
"""How long a limit that the server does not have is not asked for again."""

FULL = frozenset({423, 422})  # 422: the limit is 0, so it has no slot to give at any time
GONE = 410

_one_at_a_time = Lock()
_no_pace_until: dict[str | None, float] = {}
"""Until when a server, by its address, is taken to have no rate limit."""


@dataclass(slots=True)
class _Lease:
    id: UUID
    renewed: float


class Fence:
    """The slots of `batchata-batches` that this run holds, one per message batch in flight.

    For the thread of the flow's loop. It is a second fence beside the run's own window: without such a limit, or
    without an answer of the server, everybody may enter. A slot that is not given back is free again 300 s later.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._leases: dict[int, _Lease] = {}
        self._line: Line | None = None
        self._away_until = self._absent_until = float("-inf")
        self._has_warned = False

    def try_enter(self, job: int) -> bool:
        """Whether the job may go ahead; never waits for a slot. False: the limit is full, ask again later."""
        if job in self._leases or self._is_away() or self._clock() < self._absent_until:
            return True
        try:
            lease = self._open_line().call(_take)
        except HTTPError as error:
            if _says(error, FULL):
                return False
            self._go_on_without(error)
            return True
        if lease is not None:
            self._leases[job] = _Lease(lease, self._clock())
        else:
            self._absent_until = self._clock() + ABSENT_SECONDS
        return True

    def leave(self, job: int) -> None:
        """Gives the slot back, if the job has one."""
        lease = self._leases.pop(job, None)
        if lease is None or self._is_away():
            return
        try:
            self._open_line().call(lambda client: client.release_concurrency_slots_with_lease(lease.id))
        except HTTPError as error:
            self._go_on_without(error)

    def renew(self) -> None:
        """Keeps the slots; call it as often as you like, a lease is renewed when a third of its time has passed."""
        for job, lease in list(self._leases.items()):
            if self._clock() - lease.renewed >= LEASE_SECONDS / 3 and not self._is_away():
                self._renew(job, lease)

    def _renew(self, job: int, lease: _Lease) -> None:
        now = self._clock()
        try:
            self._open_line().call(lambda client: client.renew_concurrency_lease(lease.id, LEASE_SECONDS))
        except HTTPError as error:
            if _says(error, frozenset({GONE})):
                del self._leases[job]
                _warn(f"The slot of job {job} in the limit {BATCHES_LIMIT!r} was lost; its batch goes on without one.")
            else:
                self._go_on_without(error)
        else:
            lease.renewed = now

    def close(self) -> None:
        """Gives back all slots. The fence can be used again."""
        for job in list(self._leases):
            self.leave(job)
        if self._line is not None:
            self._line.close()
            self._line = None

    def _open_line(self) -> Line:
        if self._line is None:
            self._line = Line()
        return self._line

    def _is_away(self) -> bool:
        return self._clock() < self._away_until

    def _go_on_without(self, error: HTTPError) -> None:
        self._away_until = self._clock() + AWAY_SECONDS
        if not self._has_warned:
            self._has_warned = True
            _warn(f"The limit {BATCHES_LIMIT!r} could not be asked and is not kept for now: {_reason(error)}")


def _take(client: SyncPrefectClient) -> UUID | None:
    """A slot for 300 s; None where the server has no such limit."""
    run = own_flow_run_id()
    answer = client.increment_concurrency_slots_with_lease(
        names=[BATCHES_LIMIT],
        slots=1,
        mode="concurrency",
        lease_duration=LEASE_SECONDS,
        holder=ConcurrencyLeaseHolder(type="flow_run", id=run) if run is not None else None,
    ).json()
    return UUID(answer["lease_id"]) if answer["limits"] else None


def rate_limited_create() -> None:
    """Waits until the rate limit `batchata-creates` lets one more create pass, if the server has this limit.

    Prefect's own `rate_limit` warns at each call when the limit is missing, and fails when the server is away.
    """
    server = PREFECT_API_URL.value()
    if time.monotonic() < _no_pace_until.get(server, 0):
        return
    with _one_at_a_time, closing(Line()) as line:  # each refusal makes the server name longer waits to all who ask
        while (seconds := _seconds_to_wait(line, server)) > 0:
            time.sleep(seconds)


def _seconds_to_wait(line: Line, server: str | None) -> float:
    try:
        if not line.call(_pass).json():
            _no_pace_until[server] = time.monotonic() + ABSENT_SECONDS
    except HTTPError as error:
        if isinstance(error, HTTPStatusError) and _says(error, frozenset({423})):
            return max(float(error.response.headers.get("Retry-After", 1)), 0.1)
        _warn(f"The rate limit {CREATES_LIMIT!r} could not be asked and is not kept for now: {_reason(error)}")
    return 0


def _pass(client: SyncPrefectClient) -> Response:
    return client.increment_concurrency_slots(names=[CREATES_LIMIT], slots=1, mode="rate_limit")


def _says(error: HTTPError, statuses: frozenset[int]) -> bool:
    return isinstance(error, HTTPStatusError) and error.response.status_code in statuses


def _reason(error: HTTPError) -> str:
    if isinstance(error, HTTPStatusError):
        return f"the Prefect server answered {error.response.status_code}: {error.response.text[:300]}"
    return f"the Prefect server did not answer ({type(error).__name__}: {error})"


def _warn(message: str) -> None:
    try:
        get_run_logger().warning(message)
    except MissingContextError:
        logging.getLogger("batchata").warning(message)
