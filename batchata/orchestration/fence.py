"""Limits that hold over all runs of a Prefect server. They apply where somebody created them:

    prefect gcl create batchata-batches --limit 20
    prefect gcl create batchata-creates --limit 5 --slot-decay-per-second 0.5

The first is the number of message batches in flight. The second is the pace of creates: five at once, then one every
two seconds. What they hold:

- A run asks before each create, and what the server says counts: full means that the job waits.
- A server that is busy (it answers 503, as SQLite does under several runs, 429, another 5xx, or not within 10 s) is
  waited for, and nothing is sent meanwhile. After 120 s of nothing else the run says so and goes on without the limit
  until the server answers again.
- Where no server is reached, the run goes on at once without the limit: it holds while there is a server to hold it.
- A slot belongs to a run that is at work. A run that ends, is suspended or is killed gives its slots back (at once, or
  300 s after it last renewed them), although its batches may go on at the API.

After a restart of the server slots can stay taken, for it keeps leases in memory unless
PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE=prefect.server.concurrency.lease_storage.filesystem is set for it;
`prefect gcl update batchata-batches --active-slots 0` frees them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TypeVar
from uuid import UUID

from httpx import ConnectTimeout, HTTPError, HTTPStatusError, Response, TimeoutException
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import ConcurrencyLeaseHolder
from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger
from prefect.settings import PREFECT_API_URL

from batchata.orchestration.patience import BUSY_SECONDS, Patience
from batchata.orchestration.server import Line, own_flow_run_id

T = TypeVar("T")

BATCHES_LIMIT = "batchata-batches"
CREATES_LIMIT = "batchata-creates"
LEASE_SECONDS = 300.0
AWAY_SECONDS = 30.0
"""How long a server that did not answer is left alone."""

ABSENT_SECONDS = 30.0
"""How long a limit that the server does not have is not asked for again."""

FULL = frozenset({423, 422})  # 422: the limit is 0, so it has no slot to give at any time
GONE = 410
_BUSY = frozenset({429, 500, 502, 503, 504})
_LAST_TRIES, _BETWEEN_LAST_TRIES = 3, 0.5

_one_at_a_time = Lock()
_no_pace_until: dict[str | None, float] = {}
"""Until when a server, by its address, is taken to have no rate limit."""

_patience: dict[str | None, Patience] = {}
_told: set[tuple[UUID | None, str]] = set()
"""What was said of the rate limit in a flow run: each of its creates would say it again."""


@dataclass(slots=True)
class _Lease:
    id: UUID
    renewed: float


class Fence:
    """The slots of `batchata-batches` that this run holds, one per message batch in flight.

    For the thread of the flow's loop. It is a second fence beside the run's own window: without such a limit, or
    without a server, everybody may enter; while the server is busy nobody does, for two minutes at most. A slot that
    is not given back is free again 300 s later.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._leases: dict[int, _Lease] = {}
        self._left: dict[int, _Lease] = {}
        self._patience = Patience(clock)
        self._line: Line | None = None
        self._away_until = self._absent_until = float("-inf")
        self._has_warned = self._has_told = False

    def try_enter(self, job: int) -> bool:
        """Whether the job may go ahead; never waits for a slot. False: the limit is full or the server busy, ask again
        later.
        """
        if job in self._leases or self._is_away() or self._clock() < self._absent_until:
            return True
        if self._patience.is_resting():
            return False
        try:
            lease = self._call(_take)
        except HTTPError as error:
            return self._enters_after(error)
        if lease is not None:
            self._leases[job] = _Lease(lease, self._clock())
        else:
            self._absent_until = self._clock() + ABSENT_SECONDS
        return True

    def _enters_after(self, error: HTTPError) -> bool:
        if _says(error, FULL):
            return False
        if _is_busy(error) and not self._patience.is_over:
            self._tell_of_patience(error)
            return False
        self._go_on_without(error)
        return True

    def leave(self, job: int) -> None:
        """Gives the slot back, if the job has one; to a server that is busy a little later."""
        lease = self._leases.pop(job, None)
        if lease is not None:
            self._left[job] = lease
            self._give_back()

    def _give_back(self) -> None:
        for job, lease in list(self._left.items()):
            if self._is_away() or self._patience.is_resting():
                return
            try:
                self._call(partial(_release, lease.id))
            except HTTPError as error:
                if _is_busy(error):
                    return
                self._go_on_without(error)
            del self._left[job]

    def renew(self) -> None:
        """Keeps the slots and gives those back that could not be yet; call it as often as you like. A lease is renewed
        when a third of its time has passed.
        """
        self._give_back()
        for job, lease in list(self._leases.items()):
            if self._is_away() or self._patience.is_resting():
                return
            if self._clock() - lease.renewed >= LEASE_SECONDS / 3:
                self._renew(job, lease)

    def _renew(self, job: int, lease: _Lease) -> None:
        now = self._clock()
        try:
            self._call(lambda client: client.renew_concurrency_lease(lease.id, LEASE_SECONDS))
        except HTTPError as error:
            if _says(error, frozenset({GONE})):
                del self._leases[job]
                _warn(f"The slot of job {job} in the limit {BATCHES_LIMIT!r} was lost; its batch goes on without one.")
            elif not _is_busy(error):
                self._go_on_without(error)
        else:
            lease.renewed = now

    def close(self) -> None:
        """Gives back all slots. The fence can be used again."""
        self._left |= self._leases
        self._leases.clear()
        for _ in range(_LAST_TRIES):
            self._patience.rest_is_over()
            self._give_back()
            if not self._left or self._is_away():
                break
            time.sleep(_BETWEEN_LAST_TRIES)
        self._left.clear()
        if self._line is not None:
            self._line.close()
            self._line = None

    def _call(self, function: Callable[[SyncPrefectClient], T]) -> T:
        """Raises HTTPError. A call that found the server busy is followed by a rest."""
        began = self._clock()
        try:
            answer = self._open_line().call(function)
        except HTTPError as error:
            if _is_busy(error):
                self._patience.refused(began)
            elif isinstance(error, HTTPStatusError):
                self._patience.answered()
            raise
        self._patience.answered()
        return answer

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

    def _tell_of_patience(self, error: HTTPError) -> None:
        if not self._has_told:
            self._has_told = True
            _warn(_waiting(BATCHES_LIMIT, error))


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


def _release(lease: UUID, client: SyncPrefectClient) -> None:
    client.release_concurrency_slots_with_lease(lease)


def rate_limited_create() -> None:
    """Waits until the rate limit `batchata-creates` lets one more create pass, if the server has this limit.

    Prefect's own `rate_limit` warns at each call when the limit is missing, and fails when the server is away.
    """
    server = PREFECT_API_URL.value()
    if time.monotonic() < _no_pace_until.get(server, 0):
        return
    with _one_at_a_time, closing(Line()) as line:  # each refusal makes the server name longer waits to all who ask
        patience = _patience.setdefault(server, Patience(time.monotonic))
        while (seconds := _seconds_to_wait(line, server, patience)) > 0:
            time.sleep(seconds)


def _seconds_to_wait(line: Line, server: str | None, patience: Patience) -> float:
    began = time.monotonic()
    try:
        if not line.call(_pass).json():
            _no_pace_until[server] = time.monotonic() + ABSENT_SECONDS
    except HTTPError as error:
        return _seconds_after(error, patience, began)
    patience.answered()
    return 0


def _seconds_after(error: HTTPError, patience: Patience, began: float) -> float:
    if isinstance(error, HTTPStatusError) and _says(error, frozenset({423})):
        patience.answered()
        return max(float(error.response.headers.get("Retry-After", 1)), 0.1)
    if _is_busy(error):
        patience.refused(began)
        if not patience.is_over:
            _warn_once("busy", _waiting(CREATES_LIMIT, error))
            return patience.rest
    _warn_once("away", f"The rate limit {CREATES_LIMIT!r} could not be asked and is not kept for now: {_reason(error)}")
    return 0


def _warn_once(about: str, message: str) -> None:
    key = own_flow_run_id(), about
    if key not in _told:
        _told.add(key)
        _warn(message)


def _pass(client: SyncPrefectClient) -> Response:
    return client.increment_concurrency_slots(names=[CREATES_LIMIT], slots=1, mode="rate_limit")


def _says(error: HTTPError, statuses: frozenset[int]) -> bool:
    return isinstance(error, HTTPStatusError) and error.response.status_code in statuses


def _is_busy(error: HTTPError) -> bool:
    """Whether a server is there that cannot answer now."""
    if isinstance(error, HTTPStatusError):
        return error.response.status_code in _BUSY
    return isinstance(error, TimeoutException) and not isinstance(error, ConnectTimeout)


def _waiting(limit: str, error: HTTPError) -> str:
    return (
        f"The Prefect server is too busy to be asked about the limit {limit!r} ({_reason(error)}). No message batch is "
        f"created until it answers, for {BUSY_SECONDS:.0f} s at most"
    )


def _reason(error: HTTPError) -> str:
    if isinstance(error, HTTPStatusError):
        return f"the Prefect server answered {error.response.status_code}: {error.response.text[:300]}"
    return f"the Prefect server did not answer ({type(error).__name__}: {error})"


def _warn(message: str) -> None:
    try:
        get_run_logger().warning(message)
    except MissingContextError:
        logging.getLogger("batchata").warning(message)
