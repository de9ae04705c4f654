"""Where things lie: a `Path` on this machine, a `UPath` on a file system that is reached by URL."""

from __future__ import annotations

import re
import sys
from os import PathLike, fspath
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, TypeAlias, TypeGuard

from batchata.errors import InputError, StorageError

if TYPE_CHECKING:
    from upath import UPath

Place: TypeAlias = "Path | UPath"
PathOrUrl: TypeAlias = "str | PathLike[str] | UPath"
"""A path, or a URL that fsspec knows (`s3://`, `gs://`, `az://`, `memory://`, `file://` ...).

A `UPath` carries what a URL alone does not say, such as the address of the store or a key.
"""

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]+"
_URL = re.compile(rf"(?:{_SCHEME}::)*({_SCHEME})://")
_LOCAL = re.compile(r"(?:file|local)://(?:localhost(?=/))?", re.IGNORECASE)
_MANGLED = re.compile(r"(?:s3a?|gs|gcs|az|abfss?|adl|memory|file|https?|sftp|ftp|smb|hdfs):/(?!/)", re.IGNORECASE)


def is_path(source: object) -> TypeGuard[PathOrUrl]:
    """Whether it says where a file is, unlike bytes or a document."""
    return isinstance(source, str | PathLike) or _is_upath(source)


def is_url(source: object) -> bool:
    """Whether it lies on a file system that is reached by URL. `file://` is another way to write a local path."""
    if not (isinstance(source, str) or _is_upath(source)):
        return False
    return _URL.match(str(source)) is not None and not _LOCAL.match(str(source))


def path_of(source: PathOrUrl) -> Place:
    """Where it is. Raises InputError for a URL that nothing here can reach."""
    if not is_url(source):
        return _local(source)
    from upath import UPath

    scheme = scheme_of(source)
    try:
        path = UPath(_URL.sub(lambda found: found[0].lower(), source) if isinstance(source, str) else source)
        _ = path.fs
    except ImportError as error:
        raise InputError(f"a package that reads {scheme}:// is not installed: {error}") from error
    except ValueError as error:
        raise InputError(
            f"no file system is known for {scheme}:// ({error}); fsspec.available_protocols() lists those that are"
        ) from error
    except Exception as error:  # the SDK of each store has errors of its own
        raise StorageError(f"{scheme}:// cannot be reached: {type(error).__name__}: {error}") from error
    return path


def scheme_of(url: object) -> str:
    """`s3` of `s3://bucket/key`; empty for a local path."""
    found = _URL.match(str(url))
    return found[1].lower() if found else ""


def _local(source: PathOrUrl) -> Path:
    text = fspath(source)  # type: ignore[arg-type]  # a UPath that is local has a path of this machine
    bare = _LOCAL.sub("", text, count=1)
    if bare != text and not bare.startswith("/"):
        raise InputError(f"{text} names another machine; a file of this one is file:///path/of/the/file")
    if _MANGLED.match(text):
        how = "pathlib.Path took a slash from a URL" if isinstance(source, PurePath) else "a URL has two slashes"
        raise InputError(f"{text} is neither a path nor a URL: {how}; give it as a string such as {_mended(text)}")
    return Path(bare)


def _mended(text: str) -> str:
    return text.replace(":/", "://", 1)


def _is_upath(source: object) -> bool:
    """Without importing it: who has one has imported it."""
    module = sys.modules.get("upath")
    return module is not None and isinstance(source, module.UPath)
