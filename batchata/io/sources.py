"""Paths, bytes and file ids -> documents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from batchata.core.documents import document, uploaded
from batchata.core.items import Document
from batchata.core.requests import MAX_ITEM_BYTES, check_bytes, too_large
from batchata.errors import InputError, Problem

Source = str | PathLike[str] | bytes | Document
"""A path, the bytes of a file, the id of a file that was uploaded with the Files API, or a document made of one."""

_LONGEST_NAME = 200
_FILE_ID = re.compile(r"file_[A-Za-z0-9_-]{4,}")


def read_documents(sources: Sequence[Source], *, citations: bool = False) -> list[Document]:
    """The documents in order. Raises InputError that names every file that cannot be sent."""
    problems: list[Problem] = []
    documents: list[Document] = []
    _check_sizes(sources)
    for index, source in enumerate(sources):
        try:
            documents.append(read_document(source, citations=citations))
        except InputError as error:
            problems.append(Problem(source_name(source, index), str(error)))
    if problems:
        raise InputError.of_items(problems, len(sources))
    return documents


def read_document(source: Source, *, citations: bool = False) -> Document:
    """One document; its type is told from its bytes. Raises InputError."""
    if isinstance(source, Document):
        return source
    if isinstance(source, bytes | bytearray | memoryview):
        return document(bytes(source), citations=citations)
    if is_file_id(source):
        return uploaded(str(source), citations=citations)
    if not isinstance(source, str | PathLike):
        raise InputError(f"a file is a path, bytes or a file_id, not {type(source).__name__}")
    return document(_read(Path(source)), name=str(source), citations=citations)


def read_text(source: str) -> str:
    """A text file in UTF-8. Raises InputError that names it."""
    try:
        return _read(Path(source)).decode("utf-8-sig")
    except (InputError, UnicodeDecodeError) as error:
        raise InputError(f"{source}: {error}") from error


def is_file_id(source: object) -> bool:
    """Whether it names an uploaded file; a file of that name on disk comes first."""
    return isinstance(source, str) and _FILE_ID.fullmatch(source) is not None and not _size(Path(source))


def source_name(source: object, index: int) -> str:
    """How an error names the item."""
    what = str(source) if isinstance(source, str | PathLike) else type(source).__name__
    return f"item {index} ({what if len(what) <= _LONGEST_NAME else what[:_LONGEST_NAME] + ' ...'})"


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        data = b"" if path.is_dir() or size * 4 // 3 > MAX_ITEM_BYTES else path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"there is no such file (looked in {Path.cwd()})") from error
    except (OSError, ValueError) as error:
        raise InputError(f"it cannot be read: {error}") from error
    if path.is_dir():
        raise InputError("it is a folder, not a file")
    if size * 4 // 3 > MAX_ITEM_BYTES:
        raise InputError(too_large(size * 4 // 3))
    return data


def _check_sizes(sources: Sequence[Source]) -> None:
    """Refuses what cannot fit into one batch before gigabytes are read."""
    check_bytes(sum(_size(Path(each)) for each in sources if isinstance(each, str | PathLike)))


def _size(path: Path) -> int:
    """What cannot be looked at counts nothing here: reading it will say what is wrong."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except (OSError, ValueError):
        return 0
