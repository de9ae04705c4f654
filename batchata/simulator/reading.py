"""What is in a document: pages, rows and cells with their places. Nothing is understood here."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from batchata.simulator.errors import InvalidRequestError
from batchata.simulator.files import Files

KEPT = 512
LONG_TEXT = 20_000
SPACED = re.compile(r"[^\s|]+(?: [^\s|]+)*")
COMMAS = re.compile(r'"[^"]*"|[^,]+')
ONE_SPACE = re.compile(r"\s+")
NO_SIZES: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class Cell:
    """Words that stand together; `left` and `right` count characters of the laid-out row.

    `size` is that of the letters in points, 0 where it is not known.
    """

    text: str
    left: int
    right: int
    size: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a page. `start` and `end` are offsets in the text of a text document."""

    page: int
    cells: tuple[Cell, ...]
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a PDF (`number` from 1), the whole of a text document, or one content block (from 0).

    `text` is what may be cited. `size` is that of a PDF page in points; None where there is no image.
    """

    number: int
    text: str
    rows: tuple[Row, ...]
    size: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A document block of a request. `index` counts the documents of the request from 0."""

    index: int
    kind: Literal["pdf", "text", "blocks"]
    pages: tuple[Page, ...]
    title: str | None = None
    file_id: str | None = None


class _Shelf:
    """The PDFs read lately, by the hash of their bytes: the same file is often sent many times."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: OrderedDict[bytes, tuple[Page, ...]] = OrderedDict()

    def pages(self, data: bytes, where: str) -> tuple[Page, ...]:
        key = hashlib.sha256(data).digest()
        with self._lock:
            known = self._pages.get(key)
        if known is None:
            known = read_pdf(data, where)
            with self._lock:
                self._pages[key] = known
                while len(self._pages) > KEPT:
                    self._pages.popitem(last=False)
        return known


_shelf = _Shelf()


def read_document(block: dict[str, Any], index: int, where: str, files: Files) -> Document:
    """The document of a block; InvalidRequestError when it cannot be read. `where` names its place."""
    source = block.get("source")
    if not isinstance(source, dict):
        raise InvalidRequestError(f"{where}.source: Field required")
    title = block.get("title")
    match source.get("type"):
        case "base64":
            return Document(index, "pdf", _shelf.pages(_decoded(source, where), where), title)
        case "text":
            return Document(index, "text", (_text_page(_string(source, "data", where)),), title)
        case "content":
            return Document(index, "blocks", _block_pages(source.get("content"), where), title)
        case "file":
            return _stored(source, index, where, files, title)
        case "url":
            raise InvalidRequestError(f"{where}.source.url: Unable to download the file: the simulator fetches nothing")
    raise InvalidRequestError(f"{where}.source.type: Input should be 'base64', 'text', 'content', 'url' or 'file'")


def _stored(source: dict[str, Any], index: int, where: str, files: Files, title: str | None) -> Document:
    stored = files.get(source.get("file_id"))
    if stored.mime_type == "application/pdf":
        return Document(index, "pdf", _shelf.pages(stored.data, where), title, stored.id)
    if stored.mime_type.startswith("text/"):
        return Document(index, "text", (_text_page(stored.data.decode("utf-8", "replace")),), title, stored.id)
    raise InvalidRequestError(f"{where}.source.file_id: {stored.mime_type} files cannot be used as documents")


def _decoded(source: dict[str, Any], where: str) -> bytes:
    if source.get("media_type") != "application/pdf":
        raise InvalidRequestError(f"{where}.source.base64.media_type: Input should be 'application/pdf'")
    try:
        return base64.b64decode(_string(source, "data", where), validate=True)
    except binascii.Error as error:
        raise InvalidRequestError(f"{where}.source.base64.data: Invalid base64 data") from error


def _string(source: dict[str, Any], key: str, where: str) -> str:
    value = source.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidRequestError(f"{where}.source.{key}: Field required")
    return value


def read_pdf(data: bytes, where: str) -> tuple[Page, ...]:
    """Page by page, with the columns of the layout kept apart."""
    from pypdf import PdfReader

    invalid = f"{where}.pdf.source.base64.data: The PDF specified was not valid."
    if b"%PDF-" not in data[:1024]:
        raise InvalidRequestError(invalid)
    try:
        reader = PdfReader(io.BytesIO(data))
        if not reader.is_encrypted:
            return tuple(_pdf_page(number, page) for number, page in enumerate(reader.pages, start=1))
    # A damaged file makes the reader fail in any way at all.
    except Exception as error:
        raise InvalidRequestError(invalid) from error
    raise InvalidRequestError(f"{where}.pdf.source.base64.data: The PDF specified is password protected.")


def _pdf_page(number: int, page: Any) -> Page:
    laid_out = page.extract_text(extraction_mode="layout", layout_mode_space_vertically=False)
    size = (float(page.mediabox.width), float(page.mediabox.height))
    sizes: dict[str, float] = {}

    def visit(text: str, matrix: list[float], position: list[float], _: object, points: float) -> None:
        words = flat(text)
        sizes[words] = max(sizes.get(words, 0.0), points * _scale(matrix) * _scale(position))

    text = page.extract_text(visitor_text=visit)
    return Page(number, text, rows_of(laid_out, number, sizes=sizes), size)


def _scale(matrix: list[float]) -> float:
    return max(abs(matrix[0]), abs(matrix[3]))


def _text_page(text: str) -> Page:
    return _long_text_page(text) if len(text) > LONG_TEXT else _fresh_text_page(text)


def _fresh_text_page(text: str) -> Page:
    return Page(0, text, rows_of(text, 0, _cell_pattern(text)))


_long_text_page = lru_cache(maxsize=16)(_fresh_text_page)
"""A long text is often sent many times, with a question each."""


def _block_pages(content: object, where: str) -> tuple[Page, ...]:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if not isinstance(blocks, list):
        raise InvalidRequestError(f"{where}.source.content: Field required")
    texts = [block.get("text", "") if isinstance(block, dict) else "" for block in blocks]
    return tuple(Page(number, text, rows_of(text, number)) for number, text in enumerate(texts))


def rows_of(
    text: str, page: int, pattern: re.Pattern[str] = SPACED, sizes: Mapping[str, float] = NO_SIZES
) -> tuple[Row, ...]:
    """The lines that are not blank, cut into cells."""
    rows = []
    start = 0
    for line in text.split("\n"):
        bare = line.strip()
        if bare:
            first = start + line.index(bare)
            rows.append(Row(page, _cells(line, pattern, sizes), flat(bare), first, first + len(bare)))
        start += len(line) + 1
    return tuple(rows)


def _cells(line: str, pattern: re.Pattern[str], sizes: Mapping[str, float]) -> tuple[Cell, ...]:
    found = ((_unquoted(match[0].strip()), match) for match in pattern.finditer(line))
    return tuple(Cell(text, match.start(), match.end(), sizes.get(text, 0.0)) for text, match in found if text)


def _unquoted(text: str) -> str:
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] == '"' else text


def _cell_pattern(text: str) -> re.Pattern[str]:
    """Commas part the cells of a CSV file: three or more in each of its first lines."""
    lines = text.lstrip().split("\n", 3)[:3]
    counts = {line.count(",") for line in lines if line.strip()}
    is_csv = len(lines) > 1 and min(counts, default=0) >= 2 and not any(": " in line for line in lines)
    return COMMAS if is_csv and ". " not in lines[0] else SPACED


def flat(text: str) -> str:
    """With single spaces only."""
    return ONE_SPACE.sub(" ", text).strip()
