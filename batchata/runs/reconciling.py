"""Does a ledger agree with the API, with the result lines on disk, and with itself? Reads only."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from hashlib import blake2b
from typing import IO, TYPE_CHECKING

from batchata.core.collecting import custom_id_of
from batchata.core.items import item_key
from batchata.core.parsing import parse
from batchata.core.reconciling import BatchBook, Books, Finding, Priced, books_of, count_findings, money_findings
from batchata.core.state import RunState
from batchata.core.stats import priced
from batchata.core.status import Status
from batchata.errors import IncompleteResultsError, InputError, NotEndedError, ResultsError
from batchata.io.batches import BatchStatus, find_batch
from batchata.io.client import using
from batchata.io.downloads import download_results, some_custom_id, whole_lines
from batchata.io.ledger import read_events
from batchata.io.lost import CLOCKS_APART, batches_since
from batchata.io.paths import Place
from batchata.io.results import ResultsFolder, reading_whole
from batchata.running.reading import records
from batchata.running.run import run_id_of
from batchata.runs.carrying import client_for
from batchata.runs.folder import RunFolder
from batchata.runs.looking import look, results_of

if TYPE_CHECKING:
    from anthropic import Anthropic

Progress = Callable[[str], None]
_Lines = Callable[[], AbstractContextManager[IO[bytes]]]


@dataclass(slots=True)
class Reconciled:
    """What was compared, and what does not agree. Money is in USD: `spent` by the ledger, `priced_again` by the lines.

    `open` are batches that the ledger has not settled. `notes` are no differences: what is worth knowing.
    """

    status: Status
    batches: int = 0
    lines: int = 0
    records: int = 0
    spent: Decimal = Decimal(0)
    priced_again: Decimal = Decimal(0)
    open: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return not self.findings


def reconcile(folder: RunFolder, *, deep: bool = False, watch: Progress = lambda _: None) -> Reconciled:
    """Compares the ledger with the API and the lines. With `deep` the API's results are read anew too.

    Raises the errors of `poll`, InputError, LedgerError.
    """
    status, state = look(folder), folder.state()
    books, found = books_of(read_events(folder.ledger) if folder.ledger.exists() else ()), Reconciled(status)
    results = ResultsFolder(results_of(folder), run_id_of(state))
    with using(client_for(folder.described().spec)) as client:
        reader = _Reader(client, results.raw, run_id_of(state), deep=deep)
        for number, book in enumerate(books.batches.values(), 1):
            watch(f"batch {number:,} of {len(books.batches):,}: {book.batch_id}")
            _reconcile_batch(reader, book, found)
        watch("batches of the workspace that the ledger does not know")
        found.findings += _strangers(client, books, run_id_of(state), found.notes)
    watch("records")
    found.findings += _ledger_findings(state, found)
    found.findings += _record_findings(state, results, found)
    return found


def _reconcile_batch(reader: _Reader, book: BatchBook, found: Reconciled) -> None:
    found.batches += 1
    status = find_batch(reader.client, book.batch_id)
    if status is None:
        found.findings.append(Finding(book.batch_id, "the API knows no such batch"))
    else:
        found.findings += count_findings(book, asdict(status.counts))
    if not book.is_settled:
        found.open.append(book.batch_id)
        return
    lines = reader.priced(book, status, found.findings)
    found.findings += money_findings(book, lines)
    found.spent += book.cost
    if lines is not None:
        found.lines += lines.items
        found.priced_again += lines.cost


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads what the API and the disk have of a batch."""

    client: Anthropic
    raw: Place
    run_id: str
    deep: bool = False

    def priced(self, book: BatchBook, status: BatchStatus | None, findings: list[Finding]) -> Priced | None:
        """The lines on disk, or with `deep` those of the API, priced anew; None where there are none."""
        at = status.created_at if status else book.created
        kept = self._kept(book.batch_id)
        if not self.deep or status is None:
            return None if kept is None else self._priced(kept, at)
        with tempfile.TemporaryFile(prefix="batchata-") as file:
            try:
                download_results(self.client, book.batch_id, file, status)
            except (IncompleteResultsError, NotEndedError) as error:
                findings.append(Finding(book.batch_id, str(error)))
                return None if kept is None else self._priced(kept, at)
            if kept is not None and (differing := self._differing(file, kept)):
                told = f"{differing:,} of its result lines on disk are not those that the API gives now"
                findings.append(Finding(book.batch_id, told))
            return self._priced(partial(_rewound, file), at)

    def _kept(self, batch_id: str) -> _Lines | None:
        place = self.raw / f"{batch_id}.jsonl"
        return partial(reading_whole, place) if place.exists() else None

    def _priced(self, lines: _Lines, at: datetime) -> Priced:
        seen, cost, unpriced = set[int](), Decimal(0), 0
        with lines() as file:
            for line in whole_lines(file):
                index = self._index_of(line)
                if index is None or index in seen:
                    continue
                seen.add(index)
                price = priced(parse(line), None, at)
                unpriced += price is None
                cost += price.total if price else 0
        return Priced(len(seen), cost, unpriced)

    def _differing(self, file: IO[bytes], kept: _Lines) -> int:
        with _rewound(file) as theirs:
            api = self._digests(whole_lines(theirs))
        with kept() as ours:
            disk = self._digests(whole_lines(ours))
        return sum(api.get(index) != disk.get(index) for index in api.keys() | disk.keys())

    def _digests(self, lines: Iterable[bytes]) -> dict[int, bytes]:
        named = ((self._index_of(line), line) for line in lines)
        return {index: blake2b(line.strip(), digest_size=8).digest() for index, line in named if index is not None}

    def _index_of(self, line: bytes) -> int | None:
        name = custom_id_of(line)
        key = item_key(name) if name else None
        return key.index if key is not None and key.run_id == self.run_id else None


@contextmanager
def _rewound(file: IO[bytes]) -> Iterator[IO[bytes]]:
    file.seek(0)
    yield file


def _strangers(client: Anthropic, books: Books, run_id: str, notes: list[str]) -> Iterator[Finding]:
    """Batches of the size of one of ours that the ledger does not know; one line of each tells whose it is."""
    if books.started is None:
        return
    running = 0
    for status in batches_since(client, books.started - CLOCKS_APART):
        if status.batch_id in books.batches or status.counts.total not in books.sizes:
            continue
        if not status.is_ended:
            running += 1
        elif _run_of(client, status) == run_id:
            told = f"it belongs to this run ({status.counts.total:,} requests), and the ledger does not know it"
            yield Finding(status.batch_id, f"{told}: it may have been paid for beside the others")
    if running:
        notes.append(f"{running:,} batches of the workspace have a size of ours and have not ended: whose they are "
                     "is known then")  # fmt: skip


def _run_of(client: Anthropic, status: BatchStatus) -> str | None:
    try:
        key = item_key(some_custom_id(client, status))
    except NotEndedError:  # its results are gone
        return None
    return key.run_id if key else None


def _ledger_findings(state: RunState, found: Reconciled) -> Iterator[Finding]:
    """Items in are outcomes out, and the batches come to what was spent."""
    each = found.status
    ended = sum(each.outcomes.values())
    if ended + each.in_flight + each.pending != each.total:
        told = f"{each.total:,} went in; {ended:,} have ended, {each.in_flight:,} are in flight, {each.pending:,} wait"
        yield Finding("items", told)
    if found.spent != state.budget.spent:
        yield Finding("money", f"the batches come to ${found.spent:f}, the ledger spent ${state.budget.spent:f}")


def _record_findings(state: RunState, results: ResultsFolder, found: Reconciled) -> Iterator[Finding]:
    """Each item that has ended has a record, which says the same as the ledger."""
    try:
        for record in records(state, results, None):
            found.records += 1
            if record.outcome != state.kind_of(record.index):
                told = f"item {record.index} is {record.outcome} in its record, {state.kind_of(record.index)} here"
                yield Finding("items", told)
    except (ResultsError, InputError) as error:
        yield Finding("items", f"after {found.records:,} records: {error}")
