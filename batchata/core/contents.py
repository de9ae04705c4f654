"""What the messages of a request hold, as far as it can be told without a tokenizer."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

logger = logging.getLogger("batchata")

PATCH_PIXELS = 28
_HEAD = 1 << 16
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""The markers of a JPEG that are followed by its height and width."""


@dataclass(slots=True)
class Contents:
    """`blocks` counts messages and content blocks, `text` bytes of text. `pages` has the bytes of text of each PDF
    page, `images` of each image the patches of 28 pixels that it takes, None where its size is not known. `unknown`
    counts what may be anything: files that only the API has, PDFs that cannot be read.

    Source: doc:build-with-claude/vision, doc:build-with-claude/pdf-support.
    """

    blocks: int = 0
    text: int = 0
    pages: list[int] = field(default_factory=list)
    images: list[int | None] = field(default_factory=list)
    unknown: int = 0

    @property
    def all_text(self) -> int:
        """Bytes of text, that on the pages included."""
        return self.text + sum(self.pages)


def contents_of(messages: Iterable[Mapping[str, Any]]) -> Contents:
    """Of the messages of one request. PDFs are opened for it, which is what takes time."""
    found = Contents()
    for message in messages:
        found.blocks += 1
        _add(found, message["content"])
    return found


def _add(found: Contents, content: Any) -> None:
    if isinstance(content, str):
        found.text += len(content.encode())
    elif isinstance(content, list | tuple):
        for block in content:
            found.blocks += 1
            _add(found, block)
    else:
        _add_block(found, content)


def _add_block(found: Contents, block: Mapping[str, Any]) -> None:
    kind = block.get("type")
    if kind == "image":
        found.images.append(_patches(block.get("source") or {}))
    elif kind == "document":
        _add_document(found, block)
    elif kind == "tool_result" and not isinstance(block.get("content"), str | None):
        _add(found, block["content"])
    else:
        found.text += len(orjson.dumps(block))


def _add_document(found: Contents, block: Mapping[str, Any]) -> None:
    source = block["source"]
    found.text += len(orjson.dumps({key: value for key, value in block.items() if key != "source"}))
    match source["type"]:
        case "base64":
            _add_pdf(found, source["data"])
        case "text":
            found.text += len(source["data"].encode())
        case "content":
            _add(found, source["content"])
        case _:
            found.unknown += 1


def _add_pdf(found: Contents, encoded: str) -> None:
    pages = _page_bytes(encoded)
    if not pages:
        found.unknown += 1
    found.pages += pages


@lru_cache(maxsize=1)
def _page_bytes(encoded: str) -> tuple[int, ...]:
    """Requests that follow each other are often about one document, and reading it takes seconds."""
    from pypdf import PdfReader

    logging.getLogger("pypdf").setLevel(logging.ERROR)
    data = base64.b64decode(encoded)
    try:
        texts = [page.extract_text() for page in PdfReader(io.BytesIO(data)).pages]
    except Exception as error:  # noqa: BLE001 - pypdf raises whatever a broken file makes it stumble over
        logger.info("a PDF that cannot be read is bounded by the context window: %s", error)
        return ()
    return tuple(len(text.encode(errors="replace")) for text in texts)


def _patches(source: Mapping[str, Any]) -> int | None:
    data = source.get("data")
    if not isinstance(data, str):
        return None
    try:
        size = _pixels(base64.b64decode(data[:_HEAD]))
    except ValueError:
        return None  # the API will say what is wrong with it
    return None if size is None else -(-size[0] // PATCH_PIXELS) * -(-size[1] // PATCH_PIXELS)


def _pixels(head: bytes) -> tuple[int, int] | None:
    """Width and height, from the first bytes of the file."""
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) >= 24:
        return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])
    if head.startswith(b"GIF8") and len(head) >= 10:
        return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    return _jpeg_pixels(head) if head.startswith(b"\xff\xd8") else None


def _jpeg_pixels(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        if head[at + 1] in _FRAMES:
            return int.from_bytes(head[at + 7 : at + 9]), int.from_bytes(head[at + 5 : at + 7])
        at += 2 + int.from_bytes(head[at + 2 : at + 4])
    return None
