"""The prompt cache: which prefix was written before, for how long, and what that means for usage."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass
from typing import Any, NamedTuple

from batchata.simulator.errors import InvalidRequestError
from batchata.simulator.progress import Clock
from batchata.simulator.requests import Request
from batchata.simulator.usage import Part, input_tokens, parts

LIFETIMES = {"5m": 300.0, "1h": 3600.0}
MOST_BREAKPOINTS = 4


class Seat(NamedTuple):
    """Whose item it is: the number of its message batch, and whether it starts together with the batch's first ones."""

    batch: int
    in_first_wave: bool


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


@dataclass(slots=True)
class _Entry:
    """Until when a prefix is kept, and until when it was as the message batch that touched it last began."""

    batch: int
    before: float
    until: float

    def is_seen(self, seat: Seat, now: float) -> bool:
        until = self.before if seat.in_first_wave and self.batch == seat.batch else self.until
        return until > now


class PromptCache:
    """One cache for all items, filled in the order in which they are processed.

    Items of one message batch that start together do not see what the others of them write: each writes it. What
    was written before the batch began, all of them read.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[bytes, _Entry] = {}

    def split(self, request: Request, seat: Seat) -> Split:
        if not has_breakpoints(request):
            return Split(input_tokens(request))
        pieces = list(parts(request))
        total = input_tokens(request)
        marks = [m for m in _marks(pieces, request) if m.tokens >= request.model.min_cacheable_tokens]
        return self._use(marks, total, seat)

    def _use(self, marks: list[_Mark], total: int, seat: Seat) -> Split:
        now = self._clock.now()
        with self._lock:
            known = [(mark, self._entries.get(mark.key)) for mark in marks]
            hits = [mark for mark, entry in known if entry is not None and entry.is_seen(seat, now)]
            for mark, entry in known:
                self._keep(mark, entry, seat, now)
        read = done = max((mark.tokens for mark in hits), default=0)
        written = {"5m": 0, "1h": 0}
        for mark in marks:
            if mark.tokens > done:
                written[mark.ttl] += mark.tokens - done
                done = mark.tokens
        return Split(total - done, written["5m"], written["1h"], read)

    def _keep(self, mark: _Mark, entry: _Entry | None, seat: Seat, now: float) -> None:
        """Each use counts as a write: it lives on from there."""
        before = 0.0 if entry is None else entry.before if entry.batch == seat.batch else entry.until
        self._entries[mark.key] = _Entry(seat.batch, before, now + LIFETIMES[mark.ttl])


def check_breakpoints(params: dict[str, Any]) -> None:
    """InvalidRequestError for too many breakpoints, or a lifetime of an hour behind one of five minutes."""
    lifetimes = [_lifetime(control) for control in _controls(params)]
    if len(lifetimes) > MOST_BREAKPOINTS:
        raise InvalidRequestError(
            f"A maximum of {MOST_BREAKPOINTS} blocks with cache_control may be provided. Found {len(lifetimes)}."
        )
    if lifetimes != sorted(lifetimes):
        raise InvalidRequestError(
            "cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block"
        )


def _controls(params: dict[str, Any]) -> list[Any]:
    """In the order of the prompt; the one beside the messages stands at its end."""
    system = params.get("system")
    contents = [params.get("tools"), system if isinstance(system, list) else None]
    contents.extend(message["content"] for message in params["messages"] if isinstance(message["content"], list))
    blocks = [block for content in contents for block in content or ()]
    return [each["cache_control"] for each in [*blocks, params] if each.get("cache_control") is not None]


def _lifetime(control: Any) -> str:
    if not isinstance(control, dict) or control.get("type") != "ephemeral":
        raise InvalidRequestError("cache_control.type: Input should be 'ephemeral'")
    lifetime = control.get("ttl") or "5m"
    if lifetime not in LIFETIMES:
        raise InvalidRequestError("cache_control.ttl: Input should be '5m' or '1h'")
    return str(lifetime)


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
