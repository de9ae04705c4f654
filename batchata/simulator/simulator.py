"""The simulator as an object one starts, steers and stops."""

from __future__ import annotations

import time
from email.utils import formatdate
from types import TracebackType
from typing import Any

from batchata.simulator import control, routes
from batchata.simulator.backend import UNLIMITED, Backend
from batchata.simulator.errors import (
    ApiError,
    AuthenticationError,
    HangUpError,
    InvalidRequestError,
    NotFoundError,
    TooLargeError,
)
from batchata.simulator.faults import Delay, Drop, Failure, Faults
from batchata.simulator.limits import Limits, RateLimitError
from batchata.simulator.progress import AtOnce, Progress
from batchata.simulator.server import Call, Reply, Server
from batchata.simulator.writing import STYLES, Style

VERSIONS = ("2023-01-01", "2023-06-01", "2026-10-21")
HONEST = {"x-batchata-simulator": "rule-based, not a model"}


class Simulator:
    """The Message Batches API on loopback, answered by rules.

    `with Simulator() as url:` serves until the block is left; `port=0` picks a free port. `progress`
    is one of AtOnce, AfterLooks, OnClock, BySize; `style` is how cited answers are laid out; `seed`
    decides the order of results and the items that shares of faults hit; `latency` (seconds) delays
    every answer; `limits` are its rate limits, none by default. `cache_hits` is the share of a message
    batch's items that find in the prompt cache what others of the same batch write: those before them
    start together. What was stored outlives `stop`, so the same object can be started again.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        progress: Progress | None = None,
        style: Style = "bullets",
        seed: int = 0,
        faults: Faults | None = None,
        latency: float = 0.0,
        limits: Limits | None = None,
        cache_hits: float = 0.5,
    ) -> None:
        if style not in STYLES:
            raise ValueError(f"unknown style {style!r}; known are {', '.join(STYLES)}")
        if not 0 <= cache_hits <= 1:
            raise ValueError(f"cache_hits is a share from 0 to 1, not {cache_hits}")
        self.faults = faults or Faults()
        self.latency = latency
        self._asked_port = port
        self._backend = Backend(
            progress=progress or AtOnce(),
            style=style,
            seed=seed,
            faults=self.faults,
            cache_hits=cache_hits,
            limits=limits or UNLIMITED,
        )
        self._server: Server | None = None

    def start(self) -> str:
        """Serve, and return the url to give to the client as base_url."""
        if self._server is None:
            self._server = Server(self._asked_port, self._answer)
            self._asked_port = self._server.port
        return self.url

    def stop(self) -> None:
        """Close the listening socket and every open connection."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def __enter__(self) -> str:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port in use, or the one asked for before the first start."""
        return self._asked_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def advance(self, seconds: float) -> None:
        """Push the clock forward: what is `OnClock` moves on, caches and message batches age."""
        self._backend.clock.advance(seconds)

    def state(self) -> dict[str, Any]:
        """What happened so far: calls by endpoint, batches created, items processed and billed by content and id."""
        return self._backend.state()

    def _answer(self, call: Call) -> Reply:
        if call.path.startswith("/_simulator/"):
            return control.answer(self._backend, call)
        if self.latency:
            time.sleep(self.latency)
        found = routes.find_route(call)
        endpoint = found[0] if found else "unknown"
        request_id = f"req_sim_{self._backend.count_call(endpoint):08d}"
        limits: dict[str, str] = {}
        try:
            limits = self._backend.bucket.take(endpoint)
            reply = self._checked(call, found)
        except ApiError as error:
            reply = Reply.of(error.body(request_id), error.status, error.headers)
            if isinstance(error, RateLimitError):
                self._backend.count_refusal(endpoint)
        reply.headers |= {**limits, "date": formatdate(self._backend.clock.now(), usegmt=True)}
        workspace = call.headers.get("anthropic-workspace-id", "wrkspc_sim")
        reply.headers |= {"anthropic-organization-id": "org_sim", "anthropic-workspace-id": workspace}
        reply.headers |= {"request-id": request_id, **HONEST}
        if self.faults.take(Drop, endpoint, "after") is not None:
            raise HangUpError
        return reply

    def _checked(self, call: Call, found: tuple[str, routes.Route, str] | None) -> Reply:
        if call.too_large:
            raise TooLargeError
        _check_headers(call)
        if found is None:
            raise NotFoundError("Not found")
        endpoint, route, name = found
        self._go_wrong(endpoint)
        return route(self._backend, call, name)

    def _go_wrong(self, endpoint: str) -> None:
        if delay := self.faults.take(Delay, endpoint):
            time.sleep(delay.seconds)
        if self.faults.take(Drop, endpoint, "before") is not None:
            raise HangUpError
        if failure := self.faults.take(Failure, endpoint):
            raise failure.error()


def _check_headers(call: Call) -> None:
    bearer = call.headers.get("authorization", "").removeprefix("Bearer ").strip()
    if not (call.headers.get("x-api-key") or bearer):
        raise AuthenticationError("Authentication is required: send a bearer token or an x-api-key header")
    version = call.headers.get("anthropic-version")
    if version is None:
        raise InvalidRequestError("anthropic-version: header is required")
    if version not in VERSIONS:
        raise InvalidRequestError(f'anthropic-version: "{version}" is not a valid version')
