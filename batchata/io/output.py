"""A file that a person asked for: there as a whole, or what was there before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

from batchata.errors import OutputError
from batchata.io.paths import Place
from batchata.io.results import replacing, uploading


@contextmanager
def writing_output(place: Place) -> Iterator[IO[bytes]]:
    """A file that takes its place when it is complete; one that is there is replaced. Raises OutputError.

    What is no regular file, such as `/dev/stdout`, is written to as it is.
    """
    _check(place)
    try:
        with _opened(place) as file:
            yield file
    except OSError as error:
        raise OutputError(f"{place} cannot be written: {error}. Nothing was left behind or overwritten") from error


def _opened(place: Place) -> AbstractContextManager[IO[bytes]]:
    if not isinstance(place, Path):
        return uploading(place)
    is_special = place.exists() and not place.is_file()
    return place.open("wb") if is_special else replacing(place)


def _check(place: Place) -> None:
    if not isinstance(place, Path):
        return
    if place.is_dir():
        raise OutputError(f"{place} is a folder; give the name of a file in it, such as {place / 'results.parquet'}")
    if not place.parent.is_dir():
        raise OutputError(f"the folder {place.parent} is not there; make it first, or give another place than {place}")
