"""Result lines on disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def raw_results(directory: Path | None, batch_id: str) -> Iterator[tuple[IO[bytes], Callable[[], None]]]:
    """A file for the lines of a batch, and what to call when they are all there.

    With a directory they are kept as `{batch_id}.jsonl`, written under another name first, so that a file of
    that name is whole.
    """
    if directory is None:
        with tempfile.TemporaryFile(prefix="batchata-") as file:
            yield file, lambda: None
        return
    directory.mkdir(parents=True, exist_ok=True)
    partial = directory / f".{batch_id}.{os.getpid()}.partial"

    def keep() -> None:
        os.fsync(file.fileno())
        partial.replace(directory / f"{batch_id}.jsonl")

    try:
        with partial.open("w+b") as file:
            yield file, keep
    finally:
        partial.unlink(missing_ok=True)
