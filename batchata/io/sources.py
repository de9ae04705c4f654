"""Paths, URLs, bytes and file ids -> documents."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from batchata.core.documents import document, uploaded
from batchata.core.encoding import MAX_ITEM_BYTES, check_bytes, too_large
from batchata.core.items import Document
from batchata.errors import InputError, Problem, StorageError
from batchata.io import remote
from batchata.io.ahead import LOOKS, READS, in_order
from batchata.io.converting import WORD, converted
from batchata.io.paths import is_path, is_url, path_of
from batchata.io.uploading import MAX_UPLOAD_BYTES

if TYPE_CHECKING:
    from upath import UPath

Source: TypeAlias = "str | PathLike[str] | UPath | bytes | Document"
"""A path or URL, the bytes of a file, the id of a file that was uploaded with the Files API, or a document of one."""

T = TypeVar("T")

IS_FOLDER = "it is a folder, not a file; `expand_files([...])` lists the files in it"
_LONGEST_NAME = 200
_FILE_ID = re.compile(r"file_[A-Za-z0-9_-]{4,}")


def read_documents(sources: Sequence[Source], *, citations: bool = False) -> list[Document]:
    """The documents in order. Raises InputError that names every file that cannot be sent."""
    _check_sizes(sources)
    problems: list[Problem] = []
    documents: list[Document] = []
    for index, read in enumerate(_calls(partial(read_document, citations=citations), sources, READS)):
        try:
            documents.append(read())
        except InputError as error:
            problems.append(Problem(source_name(sources[index], index), str(error)))
            if isinstance(error, StorageError):
                raise StorageError.of_items(problems[-1:], len(sources)) from error
    if problems:
        raise InputError.of_items(problems, len(sources))
    return documents


def _calls(function: Callable[[Source], T], sources: Sequence[Source], width: int) -> Iterator[Callable[[], T]]:
    return in_order(function, sources, width if any(map(is_url, sources)) else 1)


def read_document(source: Source, *, citations: bool = False, uploads: bool = False) -> Document:
    """One document; its type is told from its bytes. What `uploads` may be larger. Raises InputError, StorageError."""
    if isinstance(source, Document):
        return source
    if isinstance(source, bytes | bytearray | memoryview):
        return _document(bytes(source), "", citations=citations)
    if is_file_id(source):
        return uploaded(str(source), citations=citations)
    if not is_path(source):
        raise InputError(f"a file is a path, bytes or a file_id, not {type(source).__name__}")
    place = path_of(source)
    data = _read(place, uploads=uploads) if isinstance(place, Path) else _read_url(place, uploads=uploads)
    return _document(data, str(source), citations=citations)


def _document(data: bytes, name: str, *, citations: bool) -> Document:
    return converted(data, name, citations=citations) or document(data, name=name, citations=citations)


def is_file_id(source: object) -> bool:
    """Whether it names an uploaded file; a file of that name on disk comes first."""
    return isinstance(source, str) and _FILE_ID.fullmatch(source) is not None and not _size(source)


def source_name(source: object, index: int) -> str:
    """How an error names the item."""
    what = str(source) if is_path(source) else type(source).__name__
    return f"item {index} ({what if len(what) <= _LONGEST_NAME else what[:_LONGEST_NAME] + ' ...'})"


def size_problem(name: str, size: int, *, uploads: bool) -> str | None:
    """Why a file is too large. What is converted to text shrinks."""
    if not size:
        return "the file is empty"
    if uploads or name.lower().endswith(WORD):
        most = MAX_UPLOAD_BYTES
        return f"it has {size / 1e6:,.0f} MB; the limit is {most / 1e6:.0f} MB. Split it" if size > most else None
    return too_large(size * 4 // 3) if size * 4 // 3 > MAX_ITEM_BYTES else None


def _read(path: Path, *, uploads: bool) -> bytes:
    try:
        size = path.stat().st_size
        problem = size_problem(path.name, size, uploads=uploads)
        data = b"" if path.is_dir() or problem else path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"there is no such file (looked in {Path.cwd()})") from error
    except (OSError, ValueError) as error:
        raise InputError(f"it cannot be read: {error}") from error
    if path.is_dir():
        raise InputError(IS_FOLDER)
    if problem:
        raise InputError(problem)
    return data


def _read_url(path: UPath, *, uploads: bool) -> bytes:
    info = looked_up(path)
    if reason := url_problem(info, str(path), uploads=uploads):
        raise InputError(reason)
    try:
        return remote.read_bytes(path, info.size)
    except FileNotFoundError as error:
        raise InputError("there is no such file") from error
    except OSError as error:
        raise _unreachable(path, error) from error


def looked_up(path: UPath) -> remote.Info:
    """What its file system says of a file. Raises InputError for one that is not there, else StorageError."""
    try:
        return remote.look_up(path)
    except FileNotFoundError as error:
        raise InputError("there is no such file") from error
    except OSError as error:
        raise _unreachable(path, error) from error


def url_problem(info: remote.Info, name: str, *, uploads: bool) -> str | None:
    """Why it cannot be sent, as far as that shows without reading it."""
    if info.is_folder:
        return IS_FOLDER
    return None if info.size is None else size_problem(name, info.size, uploads=uploads)


def _unreachable(path: UPath, error: OSError) -> StorageError:
    return StorageError(f"{path} cannot be read: {error or type(error).__name__}")


def _check_sizes(sources: Sequence[Source]) -> None:
    """Refuses what cannot fit into one batch before gigabytes are read."""
    total = 0
    for index, size in enumerate(_calls(_size, sources, LOOKS)):
        try:
            total += size()
        except StorageError as error:
            raise StorageError.of_items(
                [Problem(source_name(sources[index], index), str(error))], len(sources)
            ) from error
    check_bytes(total)


def _size(source: Source) -> int:
    """What cannot be looked at counts nothing here: reading it will say what is wrong. Raises StorageError."""
    try:
        place = path_of(source) if is_path(source) else None
        if place is None:
            return 0
        if isinstance(place, Path):
            return place.stat().st_size if place.is_file() else 0
        return looked_up(place).size or 0
    except StorageError:
        raise
    except (OSError, ValueError):
        return 0
