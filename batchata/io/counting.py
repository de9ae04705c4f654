"""The tokens of many requests, counted by the API side by side and no faster than it allows."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batchata.errors import RequestRefusedError, ServiceError
from batchata.io.tokens import count_tokens

if TYPE_CHECKING:
    from anthropic import Anthropic

WIDTH = 8
"""So many are counted at a time."""

_TRIES = 6
_LONGEST_PAUSE = 60.0
"""The limits are per minute (doc:build-with-claude/token-counting)."""

_NO_ENDPOINT = (404, 405, 501)


@dataclass(frozen=True, slots=True)
class Uncounted:
    """The API would not count a request."""

    reason: str


class TokenCounter:
    """Counts for any number of threads; when the API asks one to wait, all do."""

    def __init__(self, client: Anthropic, headers: Mapping[str, str] | None = None) -> None:
        self._client = client.with_options(max_retries=0, default_headers=dict(headers or {}))
        self._lock = threading.Lock()
        self._not_before = 0.0
        self.missing: Uncounted | None = None
        """Why there is no counting here at all, once that is known."""

    def count(self, params: Mapping[str, Any]) -> int | Uncounted:
        """Raises CredentialsError and AccountError at once, ServiceError when the API stays busy or is not reached."""
        if self.missing is not None:
            return self.missing
        for number in range(_TRIES):
            self._wait()
            try:
                return count_tokens(self._client, params)
            except RequestRefusedError as error:
                return self._uncounted(error)
            except ServiceError as error:
                pause = _pause(error, number)
                if pause is None:
                    raise
                self._hold(pause)
        return count_tokens(self._client, params)

    def _uncounted(self, error: RequestRefusedError) -> Uncounted:
        found = Uncounted(str(error))
        if getattr(error.__cause__, "status_code", None) in _NO_ENDPOINT:
            self.missing = found
        return found

    def _wait(self) -> None:
        with self._lock:
            left = self._not_before - time.monotonic()
        if left > 0:
            time.sleep(left)

    def _hold(self, seconds: float) -> None:
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + seconds)


def _pause(error: ServiceError, number: int) -> float | None:
    """What the API asks for, or a little longer each time; None when it asks for more than anybody would wait."""
    headers = getattr(getattr(error.__cause__, "response", None), "headers", {})
    try:
        asked = float(headers.get("retry-after") or 0.5 * 2**number)
    except ValueError:
        asked = 0.5 * 2**number
    return asked if asked <= _LONGEST_PAUSE else None
