"""The beginning of a request that others may share: how it is recognised, and how it is marked for the prompt cache.

A prompt is cached from its start: tools, system, then the blocks of the messages
(doc:build-with-claude/prompt-caching). Depth 0 is the end of tools and system, depth n that of the n-th content block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import orjson

from batchata.core.bounds import IMAGE_TOKENS

Ttl = Literal["5m", "1h"]

MOST_BREAKPOINTS = 4
"""The API takes no more in one request (doc:build-with-claude/prompt-caching)."""

MOST_DEPTH = 100
"""Content blocks beyond this number are not looked at: examples are a few dozen."""

_BESIDE_THE_PROMPT = frozenset({"messages", "max_tokens", "metadata", "stop_sequences", "service_tier"})
_MARKABLE = frozenset({"text", "image", "document", "search_result", "tool_use", "tool_result"})
_BYTES_PER_TOKEN = 4
_FEWEST_IMAGE_TOKENS = 100
_FEWEST_DOCUMENT_TOKENS = 1_000
_PLACEHOLDER = {"role": "user", "content": "."}
_PLACEHOLDER_TOKENS = 16


@dataclass(frozen=True, slots=True)
class Marks:
    """Where a request gets breakpoints, and for how long. `prefix` names the longest beginning that is marked."""

    prefix: str
    depths: tuple[int, ...]
    ttl: Ttl

    @property
    def content(self) -> str:
        """The same name where some of the content is part of it, empty where only what stands before that is."""
        return self.prefix if any(self.depths) else ""


class Beginning(NamedTuple):
    """One beginning of a request: two requests with the same `digest` begin with the same bytes."""

    depth: int
    digest: bytes


class Digests:
    """Digests of beginnings; a block that the request before had at the same place is not read again."""

    def __init__(self) -> None:
        self._last: list[tuple[Any, bytes, bytes]] = []

    def of(self, params: Mapping[str, Any]) -> Iterator[Beginning]:
        """The beginnings that can be marked, from the shortest on, without the whole; none where the caller marked."""
        if is_marked(params):
            return
        frame = {name: value for name, value in params.items() if name not in _BESIDE_THE_PROMPT}
        digest = self._digest(0, frame, b"")
        if has_frame(params):
            yield Beginning(0, digest)
        known = None
        for depth, piece in enumerate(_pieces(params["messages"]), start=1):
            if known is not None:
                yield known
            if depth > MOST_DEPTH:
                return
            digest = self._digest(depth, piece, digest)
            known = Beginning(depth, digest) if _is_markable(piece[1]) else None

    def _digest(self, depth: int, piece: Any, before: bytes) -> bytes:
        last = self._last[depth] if depth < len(self._last) else None
        if last is not None and last[1] == before and last[0] == piece:
            return last[2]
        digest = blake2b(before + orjson.dumps(piece, default=repr), digest_size=8).digest()
        self._last[depth:] = [(piece, before, digest)]
        return digest


def _pieces(messages: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    for number, message in enumerate(messages):
        for block in _blocks(message):
            yield f"{number} {message['role']}", block


def _blocks(message: Mapping[str, Any]) -> Sequence[Any]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _is_markable(block: Mapping[str, Any]) -> bool:
    return block.get("type") in _MARKABLE and block.get("text") != ""


def has_frame(params: Mapping[str, Any]) -> bool:
    """Whether there is anything before the messages."""
    return bool(params.get("system") or params.get("tools"))


def is_marked(params: Mapping[str, Any]) -> bool:
    """Whether the caller placed breakpoints; then none are added."""
    system = params.get("system")
    blocks = [*(params.get("tools") or ()), *(system if isinstance(system, list) else ()), params]
    if any(_control(block) for block in blocks):
        return True
    contents = (each["content"] for each in params["messages"] if not isinstance(each["content"], str))
    return any(_control(block) for content in contents for block in content)


def _control(block: Any) -> bool:
    """In a tool result it may be one level deeper."""
    if not isinstance(block, Mapping):
        return False
    inner = block.get("content")
    return block.get("cache_control") is not None or (isinstance(inner, list) and any(map(_control, inner)))


def marked(params: Mapping[str, Any], marks: Marks) -> dict[str, Any]:
    """The same request with breakpoints; what was given is not changed."""
    control = {"type": "ephemeral", "ttl": marks.ttl}
    found = dict(params)
    if 0 in marks.depths:
        _mark_frame(found, control)
    deeper = frozenset(marks.depths) - {0}
    if deeper:
        found["messages"] = list(_marked_messages(params["messages"], deeper, control))
    return found


def _mark_frame(params: dict[str, Any], control: Mapping[str, str]) -> None:
    """The end of system covers the tools before it."""
    name = "system" if params.get("system") else "tools"
    value = params[name]
    blocks = [{"type": "text", "text": value}] if isinstance(value, str) else value
    params[name] = [*blocks[:-1], {**blocks[-1], "cache_control": control}]


def _marked_messages(
    messages: Sequence[Mapping[str, Any]], depths: frozenset[int], control: Mapping[str, str]
) -> Iterator[Mapping[str, Any]]:
    first = 1
    for message in messages:
        blocks = _blocks(message)
        places = range(first, first + len(blocks))
        first += len(blocks)
        if depths.isdisjoint(places):
            yield message
            continue
        content = [
            {**block, "cache_control": control} if depth in depths else block
            for depth, block in zip(places, blocks, strict=True)
        ]
        yield {**message, "content": content}


def opening(params: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """A request that is no more than the beginning, to be counted."""
    messages: list[Mapping[str, Any]] = []
    for message in params["messages"]:
        blocks = list(_blocks(message))[:depth]
        depth -= len(blocks)
        if not blocks:
            break
        messages.append({**message, "content": blocks})
    if not messages or messages[-1]["role"] != "user":
        messages.append(_PLACEHOLDER)
    return {**params, "messages": messages}


def counted_tokens(count: int) -> int:
    """What the API counts for an `opening`, without what is in it to make it a request."""
    return max(count - _PLACEHOLDER_TOKENS, 0)


@dataclass(frozen=True, slots=True)
class Span:
    """The fewest and the most tokens that something can be."""

    fewest: int
    most: int

    def __add__(self, other: Span) -> Span:
        return Span(self.fewest + other.fewest, self.most + other.most)


def span_of(params: Mapping[str, Any]) -> Span:
    """The tokens of a prompt, by its bytes: text has at most one token a byte and seldom fewer than one in four."""
    names = ("tools", "system", "output_config")
    span = _text_span(sum(len(orjson.dumps(params[name], default=repr)) for name in names if params.get(name)))
    for _, block in _pieces(params["messages"]):
        span += _block_span(block)
    return span


def _text_span(size: int) -> Span:
    return Span(size // _BYTES_PER_TOKEN, size)


def _block_span(block: Mapping[str, Any]) -> Span:
    kind = block.get("type")
    if kind == "text":
        return _text_span(len(str(block["text"]).encode(errors="replace")))
    if kind == "image":
        return Span(_FEWEST_IMAGE_TOKENS, IMAGE_TOKENS)
    source = block.get("source")
    if kind == "document" and isinstance(source, Mapping):
        data = source.get("data") if source.get("type") == "text" else None
        if isinstance(data, str):
            return _text_span(len(data.encode(errors="replace")))
        return Span(_FEWEST_DOCUMENT_TOKENS, 10**6)
    return _text_span(len(orjson.dumps(block, default=repr)))
