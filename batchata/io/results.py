"""Result lines on disk."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from batchata.errors import InputError

logger = logging.getLogger("batchata")


def check_directory(directory: Path) -> None:
    """Raises InputError when results could not be kept there, which is better known before they are paid for."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise InputError(f"raw_results_dir {directory} cannot be written to: {error} (nothing was sent)") from error


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
        partial.replace(target)
    except OSError as error:
        logger.warning("the raw results are not kept as %s: %s", target, error)
