"""What the API's answers say of its limits: how many requests are left, and when it may be asked again."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from batchata.core.pacing import Quota

if TYPE_CHECKING:
    from collections.abc import Callable

    from anthropic import APIRequest

_BATCHES = "/v1/messages/batches"
_REQUESTS = "anthropic-ratelimit-requests-"

LONGEST_PAUSE = 3_600.0
"""Seconds."""


class Meter:
    """A middleware of the SDK's client that keeps what the batch endpoints said last; for all threads of a run."""

    def __init__(self) -> None:
        self.quota: Quota | None = None

    def __call__(self, request: APIRequest, call_next: Callable[[APIRequest], Any]) -> Any:
        response = call_next(request)
        if _BATCHES in request.url:
            self.quota = quota_of(response.headers, time.time()) or self.quota
        return response


def quota_of(headers: Mapping[str, str], now: float) -> Quota | None:
    """None where they do not tell, or nothing that can be read. Source: doc:api/rate-limits."""
    try:
        limit, remaining = int(headers[f"{_REQUESTS}limit"]), int(headers[f"{_REQUESTS}remaining"])
        reset = datetime.fromisoformat(headers[f"{_REQUESTS}reset"])
    except (KeyError, ValueError):
        return None
    if limit <= 0 or reset.tzinfo is None:
        return None
    return Quota(limit, max(remaining, 0), now + _seconds_until(reset, headers, now))


def _seconds_until(reset: datetime, headers: Mapping[str, str], now: float) -> float:
    """By the clock of the API, which tells whole seconds; ours says more where the two agree."""
    ours = reset.timestamp() - now
    theirs = _date(headers.get("date", ""))
    if theirs is None:
        return max(ours, 0.0)
    most = reset.timestamp() - theirs
    return max(min(max(ours, most - 1), most), 0.0)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds after which it may be asked again (doc:api/rate-limits), at most an hour: the limits are per minute, and
    a proxy's mistake must not keep a run quiet for ever. None where that was not said.
    """
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        at, theirs = _date(value), _date(headers.get("date", ""))
        if at is None:
            return None
        seconds = at - (now if theirs is None else theirs)
    return None if math.isnan(seconds) else min(max(seconds, 0.0), LONGEST_PAUSE)


def has_none_left(headers: Mapping[str, str]) -> bool:
    """Whether all requests of this minute are used up."""
    return headers.get(f"{_REQUESTS}remaining") == "0"


def _date(value: str) -> float | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
