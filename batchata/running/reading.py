"""The records of a run, read back from where they were kept, in the order of the input."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import IO, Any, Self, TypeVar, overload

from batchata.core.processed import Processed, read_line, record_from
from batchata.core.records import Entry, Record, name_in_words
from batchata.core.reports import Failure
from batchata.core.state import RunState
from batchata.errors import InputError, ResultsError
from batchata.io.paths import PathOrUrl, Place, path_of
from batchata.io.results import ResultsFolder, names_in, reading_whole

T = TypeVar("T")

_INDEX = re.compile(rb'\{"index":(\d+),')
_MOST_OPEN = 64


def records(
    state: RunState, folder: ResultsFolder, response_model: Any, indexes: Iterable[int] | None = None
) -> Iterator[Record[Any]]:
    """One record for each item that has ended, or for each of `indexes`, which are in the order of the input.

    Memory holds one at a time. Raises ResultsError, InputError.
    """
    with _JobFiles(folder) as files:
        for index in range(state.total) if indexes is None else indexes:
            if state.kind_of(index) is not None:
                yield record_from(read_line(files.line(state.job_of(index), index), response_model))


def records_of_job(
    state: RunState, folder: ResultsFolder, response_model: Any, job: int, count: int
) -> Iterator[Record[Any]]:
    """The records of the `count` items that ended with a job, in the order of the input; one at a time in memory.

    Raises ResultsError, when they are fewer too.
    """
    found = 0
    try:
        with reading_whole(folder.job_file(job)) as file:
            for line in file:
                index = _INDEX.match(line)
                if index and state.job_of(int(index[1])) == job:
                    found += 1
                    yield record_from(read_line(line, response_model))
    except OSError as error:
        raise ResultsError(f"the results of job {job} cannot be read: {error}") from error
    if found != count:
        raise ResultsError(
            f"{folder.job_file(job)} holds the results of {found:,} of {count:,} items: it was changed or cut"
        )


def failures(state: RunState, folder: ResultsFolder, indexes: Sequence[int]) -> list[Failure]:
    """Why these items failed, in the order of the input; where a record cannot be read, that is the reason."""
    with _JobFiles(folder) as files:
        return [_failure(state, files, index) for index in sorted(indexes)]


def _failure(state: RunState, files: _JobFiles, index: int) -> Failure:
    try:
        record = read_line(files.line(state.job_of(index), index))
    except ResultsError as error:
        return Failure(index, None, state.kind_of(index) or "unknown", f"its record cannot be read: {error}")
    return Failure(index, name_in_words(record.source, record.label) or None, record.outcome, record.reason)


class _JobFiles:
    """Files of jobs, each read once from its beginning to its end while the items go by in order."""

    def __init__(self, folder: ResultsFolder) -> None:
        self._folder = folder
        self._open: OrderedDict[int, tuple[IO[bytes], ExitStack]] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            self._open.popitem()[1][1].close()

    def line(self, job: int, index: int) -> bytes:
        """The line about an item; those asked for in one job come in the order of the input."""
        for line in self._file(job):
            found = _INDEX.match(line)
            if found and int(found[1]) == index:
                return line
        raise ResultsError(f"{self._folder.job_file(job)} holds no result of item {index}: it was changed or cut")

    def _file(self, job: int) -> IO[bytes]:
        if job in self._open:
            self._open.move_to_end(job)
            return self._open[job][0]
        if len(self._open) >= _MOST_OPEN:
            self._open.popitem(last=False)[1][1].close()
        stack = ExitStack()
        try:
            file = stack.enter_context(reading_whole(self._folder.job_file(job)))
        except OSError as error:
            raise ResultsError(f"the results of job {job} cannot be read: {error}") from error
        self._open[job] = file, stack
        return file


class FolderReader:
    """The results of one run in a folder, without its ledger."""

    def __init__(self, folder: Place, response_model: Any, run_id: str | None) -> None:
        self._folder = folder / "processed"
        self._model = response_model
        self._run_id = run_id

    def entries(self) -> list[Entry[Any]]:
        """Those that succeeded, in the order of the input. Raises InputError, ResultsError."""
        last: dict[int, Processed[Any]] = {}
        for each in self._all():
            if each.index not in last or each.attempt >= last[each.index].attempt:
                last[each.index] = each
        found = [last[index] for index in sorted(last)]
        return [{"result": each.result, "citations": each.citations} for each in found if each.outcome == "succeeded"]

    def _all(self) -> Iterator[Processed[Any]]:
        try:
            for path in self._files():
                with reading_whole(path) as file:
                    yield from (read_line(line, self._model) for line in file)
        except OSError as error:
            raise ResultsError(f"the results in {self._folder} cannot be read: {error}") from error

    def _files(self) -> list[Place]:
        runs: dict[str, list[Place]] = {}
        for name in names_in(self._folder, "*-*.jsonl"):
            runs.setdefault(name.rsplit("-", 1)[0], []).append(self._folder / name)
        if not runs:
            raise InputError(f"there are no results in {self._folder}")
        if self._run_id is not None:
            if self._run_id not in runs:
                raise InputError(f"{self._folder} holds no run {self._run_id}; there are {', '.join(runs)}")
            return runs[self._run_id]
        if len(runs) > 1:
            raise InputError(
                f"{self._folder} holds the results of {len(runs)} runs, which are not mixed: {', '.join(runs)}. "
                "Say which one with run_id=..."
            )
        return next(iter(runs.values()))


@overload
def load_results_from_disk(
    results_dir: PathOrUrl, response_model: type[T], *, run_id: str | None = None
) -> list[Entry[T]]: ...


@overload
def load_results_from_disk(
    results_dir: PathOrUrl, response_model: None = None, *, run_id: str | None = None
) -> list[Entry[Any]]: ...


def load_results_from_disk(
    results_dir: PathOrUrl, response_model: Any = None, *, run_id: str | None = None
) -> list[Entry[Any]]:
    """The results that a `BatchManager` left in its `results_dir`, as its `results()` gives them.

    Those that succeeded, in the order of the input, as instances of `response_model` (the one of the run; without
    it as plain JSON). `run_id` is needed only when several runs share the folder. Raises InputError, and ResultsError
    when they are there and cannot be read.
    """
    return FolderReader(path_of(results_dir), response_model, run_id).entries()
