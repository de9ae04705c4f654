"""Records into a file whose name, or a word, says in which format."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from batchata.core.fingerprints import file_of
from batchata.core.outcomes import KINDS
from batchata.core.records import Record
from batchata.core.rows import Written
from batchata.core.state import RunState
from batchata.errors import InputError
from batchata.io.output import writing_output
from batchata.io.paths import PathOrUrl, Place, is_url, path_of
from batchata.io.results import ResultsFolder
from batchata.running.reading import records
from batchata.tables.gathering import Description

Writer = Callable[[Iterator[Record[Any]], Description, IO[bytes]], Written]
"""Writes the records into a file and says how many they were."""

ENDINGS: Mapping[str, str] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet", ".html": "html", ".htm": "html",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written where: `rows` of the run's `items`. `waiting` are those that have not ended yet;
    `export_errors` rows are without their result, for it cannot be said in JSON, and their `export_error` says why.
    """

    path: str
    rows: int
    items: int
    waiting: int
    export_errors: int = 0

    @property
    def left_out(self) -> int:
        """How many ended and are not in it, because only other outcomes were asked for."""
        return self.items - self.waiting - self.rows

    def __str__(self) -> str:
        why = ((self.waiting, "not ended yet"), (self.left_out, "another outcome"))
        told = [f"{count:,} {'has' if count == 1 else 'have'} {what}" for count, what in why if count]
        more = f"; of the {self.items:,} items {' and '.join(told)}" if told else ""
        return f"{self.rows:,} {'row' if self.rows == 1 else 'rows'} in {self.path}{more}{self._lacking()}"

    def _lacking(self) -> str:
        if not self.export_errors:
            return ""
        are = "1 row is" if self.export_errors == 1 else f"{self.export_errors:,} rows are"
        return f". {are} without a result, for it cannot be said in JSON: export_error says why"


@dataclass(frozen=True, slots=True)
class Exportable:
    """The results of a run. `keeps` are files that no export may take the place of, such as its ledger, beside the
    files that went in. Their relative paths are meant from `directory`, by default from where we are.
    """

    state: RunState
    folder: ResultsFolder
    items: int
    description: Description
    keeps: Collection[Place] = ()
    directory: Path | None = None


def export(
    run: Exportable, to: PathOrUrl, *, kind: str | None, outcomes: Collection[str], writers: Mapping[str, Writer]
) -> Exported:
    """Writes one row for each item that has ended, in the order of the input, as a whole or not at all.

    `kind` is the format, one of the `writers`; without it the ending of the name says it.
    Raises InputError for a format or an outcome that nobody knows, OutputError when it cannot be written, and
    ResultsError when the results cannot be read.
    """
    place, wanted = path_of(to), _checked_outcomes(outcomes)
    writer = _writer(place, kind, writers)
    _check_is_not_ours(place, run)
    ended = array("L", (index for index in range(run.state.total) if run.state.kind_of(index) is not None))
    chosen = (index for index in ended if run.state.kind_of(index) in wanted)
    with writing_output(place) as file:
        found = records(run.state, run.folder, run.description.response_model, chosen)
        rows, errors = writer(found, run.description, file)
    return Exported(str(place), rows, run.items, run.items - len(ended), errors)


def _checked_outcomes(outcomes: Collection[str]) -> Collection[str]:
    named = {outcomes} if isinstance(outcomes, str) else set(outcomes)
    if unknown := sorted(named.difference(KINDS)):
        raise InputError(f"there is no outcome {', '.join(unknown)}; there are {', '.join(KINDS)}")
    return named or KINDS


def _writer(place: Place, kind: str | None, writers: Mapping[str, Writer]) -> Writer:
    known = ", ".join(f"{each} ({' '.join(end for end in ENDINGS if ENDINGS[end] == each)})" for each in writers)
    name = kind if kind is not None else ENDINGS.get(place.suffix.lower(), "")
    if name in writers:
        return writers[name]
    if kind is not None:
        raise InputError(f"there is no format {kind!r} to export to; there are {known}")
    raise InputError(f"{place} does not say in which format; give a name that ends so, or `format`: {known}")


def _check_is_not_ours(place: Place, run: Exportable) -> None:
    """An export may be repeated over what it wrote before, and over nothing that a run needs."""
    ours = [run.folder.raw, run.folder.job_file(0).parent]
    there = _resolved(place)
    kept = map(_resolved, [*run.keeps, *_inputs_called(place.name, run)])
    if there in kept or any(_resolved(each) in there.parents for each in ours):
        raise InputError(f"{place} is a file that the run itself needs; export to another one")


def _inputs_called(name: str, run: Exportable) -> Iterator[Place]:
    """The files of this name that went in: a run has too many to look at each."""
    for each in run.state.names:
        given = file_of(each)
        if given.endswith(name):
            yield path_of(given) if is_url(given) else (run.directory or Path()) / given


def _resolved(place: Place) -> Place:
    return place.resolve() if isinstance(place, Path) else place


def _json_lines(records: Iterator[Record[Any]], description: Description, file: IO[bytes]) -> Written:
    from batchata.tables.textual import write_json_lines

    return write_json_lines(records, description, file)


def _csv(records: Iterator[Record[Any]], description: Description, file: IO[bytes]) -> Written:
    from batchata.tables.textual import write_csv

    return write_csv(records, description, file)


def _parquet(records: Iterator[Record[Any]], description: Description, file: IO[bytes]) -> Written:
    from batchata.tables.arrow import check_pyarrow, write_parquet

    check_pyarrow()
    return write_parquet(records, description, file)


WRITERS: Mapping[str, Writer] = {"jsonl": _json_lines, "csv": _csv, "parquet": _parquet}
"""By format. The report (`html`) needs to know more of a run than records: who calls `export` adds it."""
