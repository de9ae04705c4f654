"""The API's rate limits: calls a minute over all batch endpoints, and items that wait to be processed."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field

from batchata.simulator.errors import ApiError
from batchata.simulator.progress import Clock, timestamp

ENDPOINTS = frozenset({"create", "retrieve", "list", "cancel", "delete", "results"})


class RateLimitError(ApiError):
    status = 429


@dataclass(frozen=True, slots=True)
class Limits:
    """What the simulated API lets through (doc:api/rate-limits). None: as much as anybody likes.

    `requests` a minute over all batch endpoints, from a bucket that is filled all the time; `waiting` items of
    message batches that have not ended. A `minute` may take less than 60 seconds, so that tests need not wait.
    """

    requests: int | None = None
    waiting: int | None = None
    minute: float = 60.0


@dataclass(slots=True)
class Bucket:
    """The calls that are left, on the simulator's clock."""

    limits: Limits
    clock: Clock
    used: float = 0.0
    at: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, endpoint: str) -> dict[str, str]:
        """The headers of the answer. Raises RateLimitError, with the same headers, when no call is left."""
        limit = self.limits.requests
        if limit is None or endpoint not in ENDPOINTS:
            return {}
        with self.lock:
            now, per_second = self.clock.now(), limit / self.limits.minute
            self.used = max(self.used - (now - self.at) * per_second, 0.0)
            self.at = now
            is_let_through = self.used + 1 <= limit
            self.used += is_let_through
            headers = self._headers(limit, now, per_second)
        if is_let_through:
            return headers
        seconds = (self.used + 1 - limit) / per_second
        headers["retry-after"] = str(math.ceil(seconds)) if self.limits.minute >= 60 else f"{seconds:.3f}"
        raise RateLimitError(
            f"This request would exceed your organization's rate limit of {limit} requests per minute for the Message "
            "Batches API. Please try again later.",
            headers=headers,
        )

    def _headers(self, limit: int, now: float, per_second: float) -> dict[str, str]:
        name = "anthropic-ratelimit-requests"
        return {
            f"{name}-limit": str(limit),
            f"{name}-remaining": str(int(limit - self.used)),
            f"{name}-reset": timestamp(now + self.used / per_second),
        }


def check_queue(limits: Limits, waiting: int, more: int) -> None:
    """Raises RateLimitError when so many `more` items do not fit beside those that wait. The real text is not known."""
    if limits.waiting is not None and waiting + more > limits.waiting:
        raise RateLimitError(
            f"This request would exceed your organization's limit of {limits.waiting} batch requests in the processing "
            f"queue: {waiting} are waiting to be processed. Please try again later."
        )
