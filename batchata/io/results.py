"""Result lines in a folder or below a URL: `raw/` as the API sent them, `processed/` as records."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import IO, TYPE_CHECKING

from batchata.errors import InputError, ResultsError
from batchata.io import remote
from batchata.io.paths import Place

if TYPE_CHECKING:
    from upath import UPath

logger = logging.getLogger("batchata")


def check_directory(directory: Place, name: str) -> None:
    """Raises InputError when results could not be kept there, which is better known before they are paid for."""
    try:
        if not isinstance(directory, Path):
            _check_url(directory)
            return
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise InputError(f"`{name}` {directory} cannot be written to: {error} (nothing was sent)") from error


def _check_url(directory: UPath) -> None:
    """Results are read again to make them out, so what is written must be readable too."""
    probe, content = directory / f".batchata-{token_hex(6)}", b"batchata looks whether it can write here"
    with tempfile.NamedTemporaryFile(prefix="batchata-") as file:
        file.write(content)
        file.flush()
        remote.put(Path(file.name), probe)
    try:
        found = remote.read_bytes(probe, len(content))
    finally:
        _remove(probe)
    if found != content:
        raise OSError(f"what was written came back as {found[:40]!r}")


def _remove(probe: UPath) -> None:
    try:
        remote.remove(probe)
    except OSError as error:  # results are never removed, so it may well be forbidden
        logger.warning("%s is left behind: %s", probe, error)


@contextmanager
def reading_whole(place: Place) -> Iterator[IO[bytes]]:
    """A file to read and to seek in; what lies on a URL is copied first. Raises OSError."""
    with place.open("rb") if isinstance(place, Path) else remote.fetched(place) as file:
        yield file


def names_in(folder: Place, pattern: str) -> list[str]:
    """The names in a folder that match, sorted; none in one that is not there. Raises OSError."""
    if isinstance(folder, Path):
        return sorted(path.name for path in folder.glob(pattern))
    return remote.names_in(folder, pattern)


@contextmanager
def raw_results(directory: Place | None, batch_id: str) -> Iterator[tuple[IO[bytes], Callable[[], None]]]:
    """A file for the lines of a batch, and what to call when they are all there.

    With a directory they are kept as `{batch_id}.jsonl`, written under another name first, so that a file of
    that name is whole. What was paid for is read even when it cannot be kept.
    """
    with ExitStack() as stack:
        partial = _partial(directory, batch_id) if isinstance(directory, Path) else None
        if isinstance(directory, Path) and partial is not None:
            target = directory / f"{batch_id}.jsonl"
            stack.callback(partial.unlink, missing_ok=True)
            file = stack.enter_context(partial.open("w+b"))
            yield file, lambda: _keep(file, partial, target)
            return
        temporary = stack.enter_context(tempfile.NamedTemporaryFile(prefix="batchata-"))
        if directory is None or isinstance(directory, Path):
            yield temporary, lambda: None
            return
        url = directory / f"{batch_id}.jsonl"
        yield temporary, lambda: _upload(temporary, url)


def _partial(directory: Path, batch_id: str) -> Path | None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{batch_id}.", suffix=".partial", dir=directory)
    except OSError as error:
        logger.warning("the raw results of %s are not kept: %s", batch_id, error)
        return None
    os.close(handle)
    return Path(name)


def _keep(file: IO[bytes], partial: Path, target: Path) -> None:
    try:
        file.flush()
        os.fsync(file.fileno())
        partial.chmod(0o644)  # a temporary file is its owner's alone
        partial.replace(target)
    except OSError as error:
        logger.warning("the raw results are not kept as %s: %s", target, error)


def _upload(file: IO[bytes], target: UPath) -> None:
    try:
        file.flush()
        remote.put(Path(file.name), target)
    except OSError as error:
        logger.warning("the raw results are not kept as %s: %s", target, error)


class ResultsFolder:
    """Where a run keeps its results. Its files carry the run's id, so that runs that share a folder do not mix."""

    def __init__(self, path: Place, run_id: str) -> None:
        self.path = path
        self.raw = path / "raw"
        self._processed = path / "processed"
        self._run_id = run_id

    def job_file(self, job: int) -> Place:
        """The records of one job, in the order of the input."""
        return self._processed / f"{self._run_id}-{job:06d}.jsonl"

    @contextmanager
    def writing(self, job: int) -> Iterator[IO[bytes]]:
        """A file that takes the place of the job's records when it is complete. Raises ResultsError."""
        target = self.job_file(job)
        try:
            with replacing(target) if isinstance(target, Path) else uploading(target) as file:
                yield file
        except OSError as error:
            raise ResultsError(
                f"the results of job {job} cannot be written to {target}: {error}. They stay with the API for 29 days; "
                "run again to go on"
            ) from error


@contextmanager
def replacing(target: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of the target when it is complete. Raises OSError."""
    partial = target.with_name(f".{target.name}.{token_hex(4)}.partial")  # who seemed dead may write the same records
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def uploading(target: UPath) -> Iterator[IO[bytes]]:
    """A file that is uploaded when it is complete. Raises OSError."""
    with tempfile.NamedTemporaryFile(prefix="batchata-") as file:
        yield file
        file.flush()
        remote.put(Path(file.name), target)
