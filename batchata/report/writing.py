"""Records -> a report in a file, written whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any

from batchata.core.records import Record
from batchata.core.reportfacts import ReportFacts, Tally, summary_of
from batchata.core.rows import Written
from batchata.io.output import writing_output
from batchata.io.paths import PathOrUrl, path_of
from batchata.report.album import Album
from batchata.report.items import Row, compose
from batchata.report.page import check_libraries, item_island, page, picture_island
from batchata.report.pictures import Picture
from batchata.report.sources import Shelf, Sources

PICTURES = 600
LISTED = 10_000
_CHUNK = 1 << 20


def write_report(
    records: Iterable[Record[Any]],
    to: PathOrUrl,
    *,
    facts: ReportFacts,
    sources: Sources | None = None,
    pictures: int = PICTURES,
    listed: int = LISTED,
) -> int:
    """Writes one HTML file that needs nothing else, and returns how many records went into it.

    The first `listed` items are in it, with their pages until there are `pictures` of them (a page has some 30 kB);
    the page says what was left out. `sources` finds the documents. One document is open at a time, and pages go to
    disk as they are drawn. A file that is there is replaced when all is written. Raises InputError when the libraries
    are missing or the place is none, OutputError when it cannot be written.
    """
    with writing_output(path_of(to)) as file:
        return report_writer(facts, sources, pictures, listed)(records, None, file).rows


def report_writer(
    facts: ReportFacts, sources: Sources | None = None, pictures: int = PICTURES, listed: int = LISTED
) -> Callable[[Iterable[Record[Any]], object, IO[bytes]], Written]:
    """As `write_report`, as a writer that an export calls with the records, their description and a file."""

    def write(records: Iterable[Record[Any]], _: object, file: IO[bytes]) -> Written:
        check_libraries()
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace", prefix="batchata-") as spool:
            draft = _Draft(spool, pictures, listed)
            draft.take(records, Shelf(sources or Sources()))
            summary = summary_of(facts, draft.tally, datetime.now(UTC))
            for piece in page(summary, draft.rows, draft.notes(facts), _read_back(spool)):
                file.write(piece.encode(errors="replace"))
        return Written(draft.tally.records)

    return write


@dataclass(slots=True)
class _Draft:
    """What the records come to. Items and pictures go to `spool`, for the summary stands before them."""

    spool: IO[str]
    pictures: int
    listed: int
    tally: Tally = field(default_factory=Tally)
    rows: list[Row] = field(default_factory=list)
    illustrated: int | None = None

    def take(self, records: Iterable[Record[Any]], shelf: Shelf) -> None:
        album = Album(self._keep, self.pictures)
        try:
            for record in records:
                self.tally.add(record)
                if len(self.rows) < self.listed:
                    self._add(record, shelf, album)
        finally:
            shelf.close()

    def _add(self, record: Record[Any], shelf: Shelf, album: Album) -> None:
        if album.is_full and self.illustrated is None:
            self.illustrated = len(self.rows)
        composed = compose(record, len(self.rows), shelf, album, self.pictures)
        self.rows.append(composed.row)
        self.tally.values += composed.values
        self.tally.cited += composed.cited
        self.spool.write(item_island(composed.row.number, composed.sheet))

    def _keep(self, number: int, picture: Picture) -> None:
        self.spool.write(picture_island(number, picture))

    def notes(self, facts: ReportFacts) -> list[str]:
        """What this report leaves out, each as a sentence."""
        notes, records = [], self.tally.records
        if facts.total is not None and records < facts.total:
            notes.append(f"{records:,} of the {facts.total:,} items of the run are in this report.")
        if len(self.rows) < records:
            notes.append(
                f"The first {len(self.rows):,} of {records:,} items are listed; the figures are about all of them."
            )
        if self.illustrated is not None:
            notes.append(
                f"Pages are shown for the first {self.illustrated:,} items: a report holds at most {self.pictures:,} "
                "pictures of pages, so that a browser can open it."
            )
        return notes


def _read_back(spool: IO[str]) -> Iterator[str]:
    spool.seek(0)
    while chunk := spool.read(_CHUNK):
        yield chunk
