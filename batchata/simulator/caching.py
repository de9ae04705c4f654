"""The prompt cache: which prefix was written before, for how long, and what that means for usage."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass

from batchata.simulator.progress import Clock
from batchata.simulator.requests import Request
from batchata.simulator.usage import Part, input_tokens, parts

LIFETIMES = {"5m": 300.0, "1h": 3600.0}


@dataclass(frozen=True, slots=True)
class Split:
    """The tokens of a prompt by what they cost."""

    plain: int
    written_5m: int = 0
    written_1h: int = 0
    read: int = 0


@dataclass(frozen=True, slots=True)
class _Mark:
    key: bytes
    tokens: int
    ttl: str


class PromptCache:
    """One cache for all items, filled in the order in which they are processed.

    The real cache hits only some of the time when items run side by side; this one always does.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until: dict[bytes, float] = {}

    def split(self, request: Request) -> Split:
        if not has_breakpoints(request):
            return Split(input_tokens(request))
        pieces = list(parts(request))
        total = input_tokens(request)
        marks = [m for m in _marks(pieces, request) if m.tokens >= request.model.min_cacheable_tokens]
        return self._use(marks, total)

    def _use(self, marks: list[_Mark], total: int) -> Split:
        now = self._clock.now()
        with self._lock:
            hits = [mark for mark in marks if self._until.get(mark.key, 0.0) > now]
            for mark in marks:
                self._until[mark.key] = now + LIFETIMES.get(mark.ttl, 300.0)
        read = done = max((mark.tokens for mark in hits), default=0)
        written = {"5m": 0, "1h": 0}
        for mark in marks:
            if mark.tokens > done:
                written[mark.ttl] += mark.tokens - done
                done = mark.tokens
        return Split(total - done, written["5m"], written["1h"], read)


def has_breakpoints(request: Request) -> bool:
    contents = [message["content"] for message in request.params["messages"]]
    blocks = (block for content in contents if not isinstance(content, str) for block in content)
    return request.frame.breakpoints or any(block.get("cache_control") for block in blocks)


def _marks(pieces: list[Part], request: Request) -> list[_Mark]:
    """One mark per breakpoint; a cache_control beside the messages stands at the end of the prompt."""
    whole = request.params.get("cache_control")
    digest = hashlib.sha256(request.model.id.encode())
    marks = []
    tokens = 0
    for index, piece in enumerate(pieces):
        digest.update(b"%d:" % len(piece.key) + piece.key)
        tokens += piece.tokens
        last = index == len(pieces) - 1
        ttl = piece.ttl or (whole.get("ttl", "5m") if whole and last else None)
        if ttl:
            marks.append(_Mark(digest.digest(), tokens, ttl))
    return marks
