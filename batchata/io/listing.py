"""Temporary."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from batchata.errors import InputError


def expand_files(patterns: Sequence[str]) -> list[str]:
    found: list[str] = []
    for each in patterns:
        if Path(each).is_dir():
            found += sorted(str(p) for p in Path(each).rglob("*") if p.is_file())
        else:
            found += sorted(glob.glob(each))
    if not found and not all(Path(p).is_dir() for p in patterns):
        raise InputError(f"nothing found: {patterns}")
    return list(dict.fromkeys(found))


class Listed(NamedTuple):
    path: str
    size: int
    stamp: str


def list_files(patterns: Sequence[str]) -> list[Listed]:
    return [Listed(p, Path(p).stat().st_size, str(Path(p).stat().st_mtime_ns)) for p in expand_files(patterns)]


def content_hash(path: str) -> str:
    return blake2b(Path(path).read_bytes(), digest_size=16).hexdigest()
