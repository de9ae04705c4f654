"""The documents that items were made of, as far as they are at hand."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from batchata.core.documents import IMAGES, PDF
from batchata.core.items import Document
from batchata.errors import BatchataError, InputError, StorageError
from batchata.io.paths import is_url
from batchata.io.sources import is_file_id, read_document
from batchata.report.pdfs import Pdf, open_pdf
from batchata.report.pictures import Picture, picture_of

_TICK = 2.0
"""Seconds by which the clocks of a file system and of this machine may differ."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Reads documents by their names. Relative paths are meant from `directory`, by default from where we are.

    `sent_at` has for each item the time it was sent, in seconds of the epoch, 0 where that is not known. Without
    `are_files` the items are conversations, whose names are no files, though there may be a file of that name.
    """

    directory: Path | None = None
    sent_at: Sequence[float] = ()
    are_files: bool = True

    def read(self, name: str) -> Document:
        """The document as it was sent. Raises InputError, StorageError when it is not at hand."""
        if not self.are_files:
            raise InputError("it was part of a conversation, so its pages are not at hand")
        return read_document(name if is_file_id(name) else self._place(name), citations=True)

    def note(self, name: str, index: int) -> str:
        """A sentence when the file was written to after its item was sent; URLs are not asked."""
        sent = self.sent_at[index] if index < len(self.sent_at) else 0.0
        if not sent or is_url(name):
            return ""
        try:
            written = Path(self._place(name)).stat().st_mtime
        except OSError:
            return ""
        if written <= sent + _TICK:
            return ""
        told = datetime.fromtimestamp(written, UTC)
        return (
            f"The file was changed on {told:%Y-%m-%d %H:%M} UTC, after it was sent: what is shown may be another text."
        )

    def _place(self, name: str) -> str:
        return name if is_url(name) or self.directory is None else str(self.directory / name)


class Shelf:
    """Opens documents, one at a time; items that follow each other often share one."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._name: str | None = None
        self._opened: Pdf | Picture | str | BatchataError | None = None

    def open(self, name: str) -> Pdf | Picture | str:
        """A PDF, a picture, or the text of a document. Raises InputError, StorageError when it cannot be shown."""
        if name != self._name:
            self.close()
            self._name = name
            try:
                self._opened = _shown(self._sources.read(name).block)
            except (InputError, StorageError) as error:
                self._opened = error
        if isinstance(self._opened, BatchataError):
            raise self._opened.with_traceback(None)
        assert self._opened is not None  # noqa: S101 - it was just opened
        return self._opened

    def note(self, name: str, index: int) -> str:
        return self._sources.note(name, index)

    def close(self) -> None:
        if isinstance(self._opened, Pdf):
            self._opened.close()
        self._name = self._opened = None


def _shown(block: Mapping[str, Any]) -> Pdf | Picture | str:
    source = block.get("source") or {}
    match source.get("type"), source.get("media_type"):
        case "base64", kind if kind == PDF:
            return open_pdf(base64.b64decode(source["data"]))
        case "base64", kind if kind in IMAGES:
            return picture_of(base64.b64decode(source["data"]))
        case "text", _:
            return str(source["data"])
        case "file", _:
            raise InputError("it was uploaded with the Files API, so its pages are not at hand")
        case kind, _:
            raise InputError(f"a document of the kind {kind!r} cannot be shown")
