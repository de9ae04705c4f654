"""Can somebody elsewhere reach what the run reads and writes? Found out before anything is sent."""

from __future__ import annotations

import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchata.core.items import subject_of
from batchata.errors import InputError
from batchata.io import remote
from batchata.io.paths import Place, is_path, is_url, path_of
from batchata.io.results import ResultsFolder, check_directory, names_in
from batchata.running.assignment import Assignment

_TRIED = 50
"""So many of the files are looked at for one that is there: a run may have files that cannot be opened."""

_REMEDY = "Use a URL that every worker can open (s3://...), or mount the folder there under the same path"


@dataclass(frozen=True, slots=True)
class Probe:
    """A note in the results folder that all workers must find, and a file that they must be able to open."""

    name: str
    file: str | None

    def check(self, folder: ResultsFolder) -> None:
        """Raises InputError that names the machine, the path and the remedy."""
        note = folder.path / self.name
        try:
            is_there = remote.persistently(note.exists)
        except OSError as error:
            raise InputError(unreachable(folder.path, str(error))) from error
        if not is_there:
            raise InputError(unreachable(folder.path, "what the run put there is not seen"))
        check_directory(folder.path, "results_dir")
        if self.file is not None and not Path(self.file).is_file():
            raise InputError(unreachable(self.file, "there is no such file"))


def unreachable(path: object, why: str) -> str:
    """What to say of a path that the process we are in cannot reach."""
    return f"the worker on {socket.gethostname()} cannot reach {path}: {why}. {_REMEDY} (nothing was sent)"


def left_by(run_id: str, what: str) -> str:
    """A name for what is in the results folder only while a run works with others."""
    return f".batchata-{what}-{run_id}-{secrets.token_hex(6)}"


def sweep(folder: Place, run_id: str) -> None:
    """Removes what earlier processes of the run, which were killed, left in the results folder."""
    with suppress(OSError):
        for name in names_in(folder, f".batchata-*-{run_id}-*"):
            remove(folder / name)


def remove(place: Place) -> None:
    """A file, or a folder and what is in it, as far as that is possible."""
    with suppress(OSError):
        if not isinstance(place, Path):
            remote.remove_all(place)
        elif place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)


@contextmanager
def probe(folder: ResultsFolder, run_id: str, assignment: Assignment) -> Iterator[Probe]:
    """A note that is there while the run is."""
    name = left_by(run_id, "probe")
    note = folder.path / name
    check_directory(folder.path, "results_dir")
    remote.persistently(lambda: note.write_bytes(b"written by the run, for its workers to find\n"))
    try:
        yield Probe(name, _first_file(assignment))
    finally:
        remove(note)


def _first_file(assignment: Assignment) -> str | None:
    if not assignment.is_files:
        return None
    return next((path for item in assignment.items[:_TRIED] if (path := _local_file(subject_of(item)))), None)


def _local_file(item: Any) -> str | None:
    if not is_path(item) or is_url(item):
        return None
    path = path_of(item)
    return str(path.absolute()) if isinstance(path, Path) and path.is_file() else None
