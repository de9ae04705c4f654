"""Result lines on disk: `raw/` as the API sent them, `processed/` as records."""

from __future__ import annotations

import logging
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from batchata.errors import InputError, ResultsError

logger = logging.getLogger("batchata")


def check_directory(directory: Path, name: str) -> None:
    """Raises InputError when results could not be kept there, which is better known before they are paid for."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise InputError(f"{name} {directory} cannot be written to: {error} (nothing was sent)") from error


@contextmanager
def raw_results(directory: Path | None, batch_id: str) -> Iterator[tuple[IO[bytes], Callable[[], None]]]:
    """A file for the lines of a batch, and what to call when they are all there.

    With a directory they are kept as `{batch_id}.jsonl`, written under another name first, so that a file of
    that name is whole. What was paid for is read even when it cannot be kept.
    """
    with ExitStack() as stack:
        partial = _partial(directory, batch_id)
        if directory is None or partial is None:
            yield stack.enter_context(tempfile.TemporaryFile(prefix="batchata-")), lambda: None
            return
        stack.callback(partial.unlink, missing_ok=True)
        file = stack.enter_context(partial.open("w+b"))
        yield file, lambda: _keep(file, partial, directory / f"{batch_id}.jsonl")


def _partial(directory: Path | None, batch_id: str) -> Path | None:
    if directory is None:
        return None
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


class ResultsFolder:
    """Where a run keeps its results. Its files carry the run's id, so that runs that share a folder do not mix."""

    def __init__(self, path: Path, run_id: str) -> None:
        self.path = path
        self.raw = path / "raw"
        self._processed = path / "processed"
        self._run_id = run_id

    def job_file(self, job: int) -> Path:
        """The records of one job, in the order of the input."""
        return self._processed / f"{self._run_id}-{job:06d}.jsonl"

    @contextmanager
    def writing(self, job: int) -> Iterator[IO[bytes]]:
        """A file that takes the place of the job's records when it is complete. Raises ResultsError."""
        target = self.job_file(job)
        own = secrets.token_hex(4)  # somebody else who seemed dead may write the same records
        partial = target.with_name(f".{target.name}.{own}.partial")
        try:
            self._processed.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        except OSError as error:
            raise ResultsError(
                f"the results of job {job} cannot be written to {target}: {error}. They stay with the API for 29 days; "
                "run again to go on"
            ) from error
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
