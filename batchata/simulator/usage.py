"""How many tokens things are, by a rule that grows with the text."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

import orjson

from batchata.simulator.catalog import Model
from batchata.simulator.reading import Document, Page
from batchata.simulator.requests import Request

BYTES_PER_TOKEN = {"old": 4.0, "new": 3.0}
IMAGE_CAPS = {"high": 4784, "standard": 1568}
PATCH = 28
PIXELS_PER_POINT = 1.5
PER_REQUEST = 7
PER_MESSAGE = 4
FOR_TOOLS = 400
FOR_SCHEMA = 60
FOR_CITATIONS = 120


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the prompt, in the order in which prompts are cached: tools, system, messages.

    `key` is what has to be equal for a cache hit; `ttl` is set where a cache breakpoint ends the piece.
    """

    tokens: int
    key: bytes
    ttl: str | None


def text_tokens(text: str, model: Model) -> int:
    size = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return ceil(size / BYTES_PER_TOKEN[model.tokenizer])


def characters(tokens: int, model: Model) -> int:
    """How much plain text fits into so many tokens."""
    return int(tokens * BYTES_PER_TOKEN[model.tokenizer])


def input_tokens(request: Request) -> int:
    """All tokens of the prompt, cached or not."""
    documents = iter(request.documents)
    tokens = request.frame.tokens + added_tokens(request)
    for message in request.params["messages"]:
        for block in _as_list(message["content"]):
            tokens += _block_tokens(block, request.model, documents)
    return tokens


def added_tokens(request: Request) -> int:
    """What the API adds for each message and for citations."""
    tokens = PER_MESSAGE * len(request.params["messages"])
    return tokens + (FOR_CITATIONS * len(request.documents) if request.citations else 0)


def frame_tokens(params: dict[str, Any], model: Model) -> int:
    """The tokens of everything but the messages, with what the API adds for tools and structured output."""
    blocks = [*(params.get("tools") or ()), *_as_list(params.get("system"))]
    return fixed_tokens(params) + sum(_block_tokens(block, model, iter(())) for block in blocks)


def fixed_tokens(params: dict[str, Any]) -> int:
    tokens = PER_REQUEST + (FOR_TOOLS if params.get("tools") else 0)
    form = (params.get("output_config") or {}).get("format")
    return tokens + (FOR_SCHEMA + ceil(len(orjson.dumps(form)) / 4) if form else 0)


def parts(request: Request) -> Iterator[Part]:
    """The pieces of the prompt with their cache breakpoints."""
    documents = iter(request.documents)
    for block in _blocks(request.params):
        tokens = _block_tokens(block, request.model, documents)
        control = block.get("cache_control") if isinstance(block, dict) else None
        bare = {k: v for k, v in block.items() if k != "cache_control"} if isinstance(block, dict) else block
        yield Part(tokens, orjson.dumps(bare), control.get("ttl", "5m") if control else None)


def _blocks(params: dict[str, Any]) -> Iterator[Any]:
    yield from params.get("tools") or ()
    yield from _as_list(params.get("system"))
    for message in params["messages"]:
        yield from _as_list(message["content"])


def _as_list(content: Any) -> list[Any]:
    if content is None:
        return []
    return [content] if isinstance(content, str) else content


def _block_tokens(block: Any, model: Model, documents: Iterator[Document]) -> int:
    if isinstance(block, str):
        return text_tokens(block, model)
    match block.get("type"):
        case "text":
            return text_tokens(block["text"], model)
        case "document":
            return document_tokens(block, next(documents), model)
        case "image":
            return image_tokens(*_image_size(block.get("source") or {}), model)
    return text_tokens(orjson.dumps(block).decode(), model)


def document_tokens(block: dict[str, Any], document: Document, model: Model) -> int:
    labels = text_tokens(f"{block.get('title') or ''}{block.get('context') or ''}", model)
    return labels + sum(_page_tokens(page, model) for page in document.pages)


def _page_tokens(page: Page, model: Model) -> int:
    tokens = text_tokens(page.text, model)
    if page.size is None:
        return tokens
    width, height = page.size
    return tokens + image_tokens(width * PIXELS_PER_POINT, height * PIXELS_PER_POINT, model)


def image_tokens(width: float, height: float, model: Model) -> int:
    """`doc:build-with-claude/vision`: patches of 28 pixels, down to the cap of the model."""
    return min(IMAGE_CAPS[model.image_tier], ceil(width / PATCH) * ceil(height / PATCH))


def _image_size(source: dict[str, Any]) -> tuple[int, int]:
    """Width and height of a PNG; any other image counts as one large enough for the cap."""
    data = source.get("data")
    head = base64.b64decode(data[:44]) if isinstance(data, str) else b""
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        width, height = struct.unpack(">II", head[16:24])
        return width, height
    return 4000, 4000
