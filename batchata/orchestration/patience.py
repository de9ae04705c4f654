"""How long a Prefect server that is there but busy is waited for. Importing this module does not import Prefect."""

from __future__ import annotations

from collections.abc import Callable

BUSY_SECONDS = 120.0
"""How long a server may give nothing but refusals before nobody waits for it any more."""

_REST = 2.0
_REST_PER_SECOND = 3.0
"""A server that takes long to refuse is asked less often: whoever asks stands still until then."""


class Patience:
    """With one server, over calls in a row."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since: float | None = None
        self._until = float("-inf")
        self.rest = _REST

    def refused(self, began: float) -> None:
        """A call that began then found the server busy."""
        now = self._clock()
        self._since = began if self._since is None else self._since
        self.rest = max(_REST, _REST_PER_SECOND * (now - began))
        self._until = now + self.rest

    def answered(self) -> None:
        self._since = None
        self.rest_is_over()

    def rest_is_over(self) -> None:
        self._until = float("-inf")

    def is_resting(self) -> bool:
        """Whether it is too early to ask again."""
        return self._clock() < self._until

    @property
    def is_over(self) -> bool:
        """Whether the server has been busy for so long that it is waited for no more, until it answers."""
        return self._since is not None and self._clock() - self._since >= BUSY_SECONDS
