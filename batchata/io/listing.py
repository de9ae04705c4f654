"""Patterns, folders and URL prefixes -> files, and what tells whether a file is still the same."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b, file_digest
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING

from batchata.errors import InputError, StorageError
from batchata.io import remote
from batchata.io.ahead import LOOKS, in_order
from batchata.io.paths import PathOrUrl, is_path, is_url, path_of

if TYPE_CHECKING:
    from upath import UPath

_SHOWN = 10
_OURS = re.compile(r"\.partial$|\.jsonl\.lock$|^raw/msgbatch_\w+\.jsonl$|^processed/[\w-]+-\d{6,}\.jsonl$")
_MAGIC = re.compile(r"[*?\[]")
_LEDGER = re.compile(rb'\{"at":"[^"]+","event":"run","format":')

_DESCRIPTION = re.compile(rb'\{\s*"directory": *"[^"]*",\s*"spec": *\{')


@dataclass(frozen=True, slots=True)
class Listed:
    """A file that was found. `stamp` is another one when the file was written since: an ETag or a time.

    It is empty where the file system says nothing of the kind; then only the content tells. A few, such as web
    servers, do not say the size either.
    """

    path: str
    size: int | None
    stamp: str

    def is_same(self, other: Listed | None) -> bool:
        """Whether it is known, without a look into the file, to be as it was when `other` was listed."""
        return other is not None and bool(self.stamp) and self == other


def expand_files(patterns: Sequence[PathOrUrl]) -> list[str]:
    """The files that paths, globs (`invoices/*.pdf`, `**`), folders, and URLs of all three stand for.

    Sorted for each pattern, in the order of the patterns, each file once. A folder or URL prefix is gone through to
    the bottom; hidden files and what a run writes (ledger, results) are passed over unless a pattern names them.
    Paths stay relative or absolute as they were given, URLs are whole. Raises InputError that names every pattern
    which finds nothing, StorageError.
    """
    return [each.path for each in list_files(patterns)]


def list_files(patterns: Sequence[PathOrUrl], *, may_be_none: bool = False) -> list[Listed]:
    """The same files with their sizes and stamps. Raises as `expand_files` does, unless there `may_be_none`."""
    if is_path(patterns) or not all(map(is_path, patterns)):
        raise InputError("patterns is a list of paths and URLs; put the one you have in square brackets")
    width = LOOKS if any(map(is_url, patterns)) else 1
    found = [each() for each in in_order(_matches, patterns, width)]
    empty = [str(pattern) for pattern, files in zip(patterns, found, strict=True) if not files]
    if empty and not may_be_none:
        more = f" and {len(empty) - _SHOWN:,} more" if len(empty) > _SHOWN else ""
        raise InputError(f"no file is found for {', '.join(empty[:_SHOWN])}{more} (looked from {Path.cwd()})")
    unique: dict[str, Listed] = {}
    for each in chain.from_iterable(found):
        unique.setdefault(identity(each.path), each)
    return list(unique.values())


def content_hash(path: PathOrUrl) -> str:
    """32 hex digits that are others when the content is. The file is never in memory as a whole.

    Raises InputError, StorageError.
    """
    with opened(path) as file:
        return file_digest(file, partial(blake2b, digest_size=16)).hexdigest()  # type: ignore[arg-type]


def is_missing_folder(pattern: PathOrUrl) -> bool:
    """Whether nothing on this machine bears the name. In an object store a folder is there when it holds a file."""
    place = path_of(pattern)
    return isinstance(place, Path) and not _MAGIC.search(str(pattern)) and not place.exists()


def read_text(path: PathOrUrl) -> str:
    """A text file in UTF-8, of any size. Raises InputError, StorageError."""
    try:
        with opened(path) as file:
            return file.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error}") from error


@contextmanager
def opened(path: PathOrUrl) -> Iterator[IO[bytes]]:
    """A file that can be read and moved in; one on a URL as a copy. Raises InputError, StorageError."""
    place = path_of(path)
    try:
        with place.open("rb") if isinstance(place, Path) else remote.fetched(place) as file:
            yield file
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError(f"{path} is not there, or is a folder (looked from {Path.cwd()})") from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error}") from error


def _matches(pattern: PathOrUrl) -> list[Listed]:
    place = path_of(pattern)
    if isinstance(place, Path):
        as_given = isinstance(pattern, str) and "://" not in pattern
        return _local(str(pattern) if as_given else str(place))
    try:
        return _remote(str(pattern), place)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageError(f"{pattern} cannot be listed: {error}") from error


def identity(path: str) -> str:
    """The same for one file that is written in two ways."""
    return path if is_url(path) else os.path.abspath(path)  # noqa: PTH100 - Path keeps "a/../b"


def _local(pattern: str) -> list[Listed]:
    try:
        if os.path.isfile(pattern):  # noqa: PTH113
            return [_seen(pattern)]
        below = _below(pattern) if os.path.isdir(pattern) else glob.iglob(pattern, recursive=True)  # noqa: PTH112, PTH207
        files = sorted(each for each in below if os.path.isfile(each))  # noqa: PTH113
        others = (each for each in files if not (_is_ours(each) or _is_ledger(each) or _is_description(each)))
        return [seen for each in others if (seen := _still_seen(each)) is not None]
    except (OSError, ValueError) as error:
        raise InputError(f"{pattern} cannot be listed: {error}") from error


def _seen(path: str) -> Listed:
    status = os.stat(path)  # noqa: PTH116
    return Listed(path, status.st_size, f"{status.st_mtime_ns}-{status.st_ctime_ns}")


def _still_seen(path: str) -> Listed | None:
    """None for a file that went away since the folder was read."""
    try:
        return _seen(path)
    except FileNotFoundError:
        return None


def _below(folder: str) -> Iterator[str]:
    for root, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = [each for each in folders if not each.startswith(".")]
        yield from (os.path.join(root, each) for each in names if not each.startswith("."))  # noqa: PTH118


def _raise(error: OSError) -> None:
    raise error


def _is_ours(path: str) -> bool:
    return _OURS.search("/".join(path.rsplit("/", 2)[-2:])) is not None


def _is_ledger(path: str) -> bool:
    return path.endswith((".jsonl", ".json")) and _LEDGER.match(_head(path)) is not None


def _is_description(path: str) -> bool:
    """Whether it is what a run says of itself beside its ledger: otherwise the folder of a run is input of the next."""
    folder, name = os.path.split(path)
    described = os.path.join(folder, "run.json")  # noqa: PTH118
    if name not in ("run.json", "summary.json") or not os.path.isfile(described):  # noqa: PTH113
        return False
    return _DESCRIPTION.match(_head(described)) is not None


def _head(path: str) -> bytes:
    """Nothing of a file that cannot be read: whoever sends it is told."""
    try:
        with Path(path).open("rb") as file:
            return file.read(4_200)
    except (FileNotFoundError, PermissionError):
        return b""


def _remote(url: str, place: UPath) -> list[Listed]:
    """Raises OSError."""
    try:
        info = remote.look_up(place)
    except FileNotFoundError:
        magic = _MAGIC.search(url)
        return _globbed(url, place, url[: magic.start()].rfind("/") + 1) if magic else []
    if not info.is_folder:
        return [Listed(url, info.size, info.stamp)]
    return _named(remote.files_below(place), url.rstrip("/") + "/", place.path, hidden=False)


def _globbed(url: str, place: UPath, start: int) -> list[Listed]:
    """`start` is where the part with the pattern begins."""
    hidden = any(each.startswith(".") for each in url[start:].split("/"))
    return _named(remote.files_matching(place), url[:start], place.path.removesuffix(url[start:]), hidden=hidden)


def _named(files: Mapping[str, remote.Info], prefix: str, base: str, *, hidden: bool) -> list[Listed]:
    """With their URLs: the file system's own names lack what is before the path, such as a host."""
    ends = {path: path.removeprefix(base.rstrip("/")).removeprefix("/") for path in sorted(files)}
    return [
        Listed(prefix + end, files[path].size, files[path].stamp)
        for path, end in ends.items()
        if not _is_ours(end) and (hidden or not any(each.startswith(".") for each in end.split("/")))
    ]
