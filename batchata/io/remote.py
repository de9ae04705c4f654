"""File systems that are reached by URL: a call takes its time, may fail, and brings errors of the store's own SDK."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from fnmatch import fnmatch
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from upath import UPath

logger = logging.getLogger("batchata")

T = TypeVar("T")

OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss"})
"""Where an upload is there as a whole or not at all; elsewhere it goes under another name first."""

PAUSES = (0.5, 2.0)
"""Seconds before a call that failed is tried again."""

_FINAL = (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError, io.UnsupportedOperation)
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "Last-Modified", "modified")
_TAGS = ("ETag", "etag", "e_tag", "generation")


@dataclass(frozen=True, slots=True)
class Info:
    """What a file system says of a file. `modified` is in Unix seconds; None and "" are what it does not say."""

    size: int | None
    is_folder: bool
    modified: float | None
    stamp: str


def look_up(path: UPath) -> Info:
    """Raises OSError."""
    return persistently(lambda: _looked_up(path))


def read_bytes(path: UPath, size: int | None) -> bytes:
    """The whole content, `size` bytes of it at least. Raises OSError."""

    def attempt() -> bytes:
        data: bytes = _connection(path).cat_file(path.path)
        _check_whole(len(data), size)
        return data

    return persistently(attempt)


@contextmanager
def fetched(path: UPath) -> Iterator[IO[bytes]]:
    """A copy on this machine while it is needed. Raises OSError."""
    with NamedTemporaryFile(prefix="batchata-") as file:
        persistently(lambda: _fetch(path, Path(file.name)))
        yield file


def put(local: Path, target: UPath) -> None:
    """Uploads a file, so that what bears its name is whole. Raises OSError."""
    persistently(lambda: _put(local, target))


def remove(path: UPath) -> None:
    """Raises OSError."""
    persistently(lambda: _connection(path).rm_file(path.path))


def remove_all(path: UPath) -> None:
    """A file, or a folder and all that is in it; there may be nothing. Raises OSError."""
    with suppress(FileNotFoundError):
        persistently(lambda: _connection(path).rm(path.path, recursive=True))


def names_in(folder: UPath, pattern: str) -> list[str]:
    """The names in a folder that match, sorted; none in one that is not there. Raises OSError."""

    def attempt() -> list[str]:
        fs = _connection(folder)
        fs.invalidate_cache(folder.path)
        return [str(each).rstrip("/").rsplit("/", 1)[-1] for each in fs.ls(folder.path, detail=False)]

    try:
        return sorted(name for name in persistently(attempt) if fnmatch(name, pattern))
    except FileNotFoundError:
        return []


def files_below(folder: UPath) -> dict[str, Info]:
    """The files in a folder and all that are in it, by the path that the file system has for them. Raises OSError."""
    return persistently(lambda: _found(folder, _connection(folder).find))


def files_matching(pattern: UPath) -> dict[str, Info]:
    """The files that a glob stands for. Raises OSError."""
    return persistently(lambda: _found(pattern, _connection(pattern).glob))


def persistently(call: Callable[[], T]) -> T:
    """Makes a call that does no harm when it is made again, up to three times. Raises OSError, whatever went wrong."""
    for pause in PAUSES:
        try:
            return _called(call)
        except _FINAL:
            raise
        except OSError as error:
            logger.info("%s; it is tried again", error)
            time.sleep(pause)
    return _called(call)


def info_from(fs: Any, found: Mapping[str, Any]) -> Info:
    """What the entry of a listing, or the answer about one file, says."""
    modified = next((found[name] for name in _TIMES if found.get(name) is not None), None)
    is_folder = found.get("type") == "directory"
    if modified is None and not is_folder:
        with suppress(NotImplementedError, AttributeError, FileNotFoundError):
            modified = fs.modified(found["name"])
    tag = next((found[name] for name in _TAGS if found.get(name)), None)
    size = found.get("size")
    seconds = _seconds(modified)
    stamp = str(tag) if tag is not None else "" if seconds is None else repr(seconds)
    return Info(None if size is None else int(size), is_folder, seconds, stamp)


def _called(call: Callable[[], T]) -> T:
    try:
        return call()
    except OSError:
        raise
    except NotImplementedError as error:
        raise io.UnsupportedOperation(f"this file system cannot do that ({error})") from error
    except Exception as error:  # those of botocore, aiohttp, google.auth and others share no base
        raise OSError(f"{type(error).__name__}: {error}") from error


def _connection(path: UPath) -> Any:
    """The thread's own, unless the file system is made to be shared by threads. fsspec keeps them."""
    fs = path.fs
    return fs if fs.async_impl else type(fs)(*fs.storage_args, **fs.storage_options)


def _looked_up(path: UPath) -> Info:
    fs = _connection(path)
    fs.invalidate_cache(path.path)  # another process may have written since a folder was listed
    return info_from(fs, fs.info(path.path))


def _found(path: UPath, search: Callable[..., Any]) -> dict[str, Info]:
    fs = _connection(path)
    fs.invalidate_cache()
    found: dict[str, Mapping[str, Any]] = search(path.path, detail=True)
    infos = {name: info_from(fs, entry) for name, entry in found.items() if not name.endswith("/")}
    return {name: info for name, info in infos.items() if not info.is_folder}


def _check_whole(got: int, size: int | None) -> None:
    """More than was said is a store that unpacks what it sends."""
    if size is not None and got < size:
        raise OSError(f"it ended after {got:,} of {size:,} bytes")


def _fetch(path: UPath, local: Path) -> None:
    info = _looked_up(path)
    if info.is_folder:
        raise IsADirectoryError(f"{path} is a folder")
    _connection(path).get_file(path.path, str(local))
    _check_whole(local.stat().st_size, info.size)


def _put(local: Path, target: UPath) -> None:
    fs = _connection(target)
    if target.protocol in OBJECT_STORES:
        fs.put_file(str(local), target.path)
    else:
        _put_and_move(fs, local, target)
    size, arrived = local.stat().st_size, _looked_up(target).size
    if arrived is not None and arrived != size:
        raise OSError(f"{arrived:,} of {size:,} bytes arrived")


def _put_and_move(fs: Any, local: Path, target: UPath) -> None:
    folder = target.parent.path
    partial = f"{folder.rstrip('/')}/.{target.name}.partial"
    fs.makedirs(folder, exist_ok=True)
    try:
        fs.put_file(str(local), partial)
        try:
            fs.mv(partial, target.path)
        except FileExistsError:  # some move only where nothing is
            fs.rm_file(target.path)
            fs.mv(partial, target.path)
    except BaseException:
        with suppress(OSError):
            _called(lambda: fs.rm_file(partial))
        raise


def _seconds(modified: Any) -> float | None:
    if isinstance(modified, str):
        modified = _parsed(modified)
    if isinstance(modified, datetime):
        return (modified if modified.tzinfo else modified.replace(tzinfo=UTC)).timestamp()
    return float(modified) if isinstance(modified, int | float) else None


def _parsed(text: str) -> datetime | None:
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        with suppress(ValueError):
            return parse(text)
    return None
