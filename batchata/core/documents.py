"""Bytes and media type -> content block. Nothing is read from disk here."""

from __future__ import annotations

import base64
import io
import logging
from typing import Any

from batchata.core.items import Document
from batchata.errors import InputError

PDF = "application/pdf"
TEXT = "text/plain"
IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
MAX_IMAGE_BYTES = 10 * 1024 * 1024 // 4 * 3
"""10 MB of base64 for each image (doc:build-with-claude/vision)."""

_IMAGES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_OTHERS = (
    (b"PK\x03\x04", "a zip archive or an Office file; save it as PDF or text"),
    (b"\xd0\xcf\x11\xe0", "an old Office file; save it as PDF or text"),
    (b"II*\x00", "a TIFF image; convert it to PNG or PDF"),
    (b"MM\x00*", "a TIFF image; convert it to PNG or PDF"),
)


def media_type(data: bytes, name: str = "") -> str:
    """What the bytes are, by their content; the name's ending only says what they were meant to be.

    Raises InputError for what Claude takes no documents of: an empty file, a `.pdf` that is no PDF, an
    Office file, text that is not UTF-8.
    """
    if not data:
        raise InputError("the file is empty")
    if _is_pdf(data, name):
        return PDF
    if name.lower().endswith(".pdf"):
        raise InputError(f"not a PDF: it does not start with %PDF- but with {bytes(data[:8])!r}")
    return _image_type(data) or _text_type(data)


def document(data: bytes, *, name: str = "", citations: bool = False) -> Document:
    """The content block for a file's bytes: a PDF, an image or a text (doc:build-with-claude/citations)."""
    kind = media_type(data, name)
    pages = None
    if kind == PDF:
        pages = pdf_pages(data)
        block = pdf_to_document_block(data, enable_citations=citations)
    elif kind in IMAGES:
        block = {"type": "image", "source": _base64(data, kind)}
    else:
        block = _document_block({"type": "text", "media_type": TEXT, "data": _decoded(data)}, citations=citations)
    return Document(block, name or None, pages)


def uploaded(file_id: str, *, citations: bool = False) -> Document:
    """The content block for a PDF or text that was uploaded with the Files API (doc:build-with-claude/files)."""
    return Document(_document_block({"type": "file", "file_id": file_id}, citations=citations), file_id)


def pdf_to_document_block(pdf_bytes: bytes, enable_citations: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002
    """The document block of a PDF, to be put into a message (doc:build-with-claude/pdf-support)."""
    return _document_block(_base64(pdf_bytes, PDF), citations=enable_citations)


def pdf_pages(data: bytes) -> int:
    """The number of pages. Raises InputError for an encrypted PDF or one that cannot be opened."""
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.ERROR)
    try:
        reader = PdfReader(io.BytesIO(data))
        encrypted = reader.is_encrypted
        pages = 0 if encrypted else len(reader.pages)
    except (PyPdfError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"the PDF cannot be opened ({error}); save it again from a viewer") from error
    if encrypted:
        raise InputError("the PDF is encrypted; save it without a password or protection")
    if pages == 0:
        raise InputError("the PDF has no pages")
    return pages


def _is_pdf(data: bytes, name: str) -> bool:
    """A header may have some junk before it; a text that only speaks of %PDF- is still a text."""
    head = data[:1024]
    if head.lstrip().startswith(b"%PDF-"):
        return True
    return b"%PDF-" in head and (name.lower().endswith(".pdf") or not _is_text(head))


def _is_text(head: bytes) -> bool:
    try:
        return "\x00" not in head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4


def _document_block(source: dict[str, Any], *, citations: bool) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "document", "source": source}
    if citations:
        block["citations"] = {"enabled": True}
    return block


def _base64(data: bytes, kind: str) -> dict[str, Any]:
    return {"type": "base64", "media_type": kind, "data": base64.b64encode(data).decode("ascii")}


def _image_type(data: bytes) -> str | None:
    kind = next((kind for magic, kind in _IMAGES if data.startswith(magic)), None)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = "image/webp"
    if kind and len(data) > MAX_IMAGE_BYTES:
        raise InputError(f"the image has {len(data):,} bytes; the limit is {MAX_IMAGE_BYTES:,} (10 MB as base64)")
    return kind


def _text_type(data: bytes) -> str:
    for magic, what in _OTHERS:
        if data.startswith(magic):
            raise InputError(f"the file is {what}")
    if not _decoded(data).strip():
        raise InputError("the file is empty: it holds nothing but white space")
    return TEXT


def _decoded(data: bytes) -> str:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"neither PDF, image nor UTF-8 text (byte {error.start} cannot be decoded); save a text as UTF-8"
        ) from error
    if "\x00" in text:
        raise InputError("neither PDF, image nor text: it holds NUL bytes")
    return text
