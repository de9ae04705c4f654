"""The results of an ended batch -> records on disk, and what they mean for the ledger."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import IO, Any, assert_never

from batchata.core.collecting import custom_id_of
from batchata.core.events import Again, Ending, Sent, Settled
from batchata.core.items import custom_id, item_key
from batchata.core.outcomes import Missing, Outcome, Succeeded
from batchata.core.parsing import parse
from batchata.core.pricing import Cost, Tokens
from batchata.core.processed import line_of
from batchata.core.records import record_of
from batchata.core.retries import Final, NotAtFault, SendAgain, cause_of, verdict
from batchata.core.stats import billed, priced
from batchata.core.steps import Collect, Collected
from batchata.errors import IncompleteResultsError, NotEndedError, ResultsError, UnknownUsageError
from batchata.io.batches import BatchStatus, poll
from batchata.io.cache import ResultCache
from batchata.io.downloads import download_results
from batchata.io.paths import Place
from batchata.io.results import raw_results, reading_whole
from batchata.running.assignment import RunContext

logger = logging.getLogger("batchata")

_CACHED_AT_ONCE = 8_000_000
_NO_LINE = "no line of the results is about this item"


@dataclass(slots=True)
class _Sums:
    """What a job comes to, while its lines are read."""

    endings: list[Ending] = field(default_factory=list)
    again: list[Again] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)
    causes: list[str | None] = field(default_factory=list)
    trouble: str | None = None
    cost: Decimal = Decimal(0)
    discount: Decimal = Decimal(0)
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    prompt_read: int = 0
    prompt_written: int = 0
    prompt_saved: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Settler:
    """Brings ended batches home. `cache` is None where answers are not kept for later runs."""

    run: RunContext
    cache: ResultCache | None
    rounds: int

    def collect(self, step: Collect, status: BatchStatus | None) -> Collected:
        """Raises IncompleteResultsError for results that stay short, ResultsError, and the errors of `poll`."""
        status = status or poll(self.run.client, step.batch_id)
        with self._raw(step, status) as (file, why_missing):
            sums = self._settle(step, file, status, why_missing)
        held = max((step.bound or Decimal(0)) - sums.cost, Decimal(0)) if sums.unpriced else Decimal(0)
        settled = Settled(
            at=datetime.now(UTC),
            job=step.job,
            batch_id=step.batch_id,
            endings=sums.endings,
            again=sums.again,
            pending=sums.pending,
            cost=sums.cost,
            held=held,
            discount=sums.discount,
            input_tokens=sums.input_tokens,
            output_tokens=sums.output_tokens,
            prompt_read=sums.prompt_read,
            prompt_written=sums.prompt_written,
            prompt_saved=sums.prompt_saved,
        )
        return Collected(settled, sums.causes, sums.trouble)

    @contextmanager
    def _raw(self, step: Collect, status: BatchStatus) -> Iterator[tuple[IO[bytes], str]]:
        """The API's lines: those on disk from an earlier try, else downloaded; and why one may be missing."""
        with ExitStack() as stack:
            with _reachable(step.batch_id):
                file = _kept(self.run.folder.raw / f"{step.batch_id}.jsonl", stack)
            if file is not None:
                yield file, _NO_LINE
                return
            file, keep = stack.enter_context(raw_results(self.run.folder.raw, step.batch_id))
            with _reachable(step.batch_id):
                why = self._download(step, status, file)
            keep()
            file.seek(0)
            yield file, why

    def _download(self, step: Collect, status: BatchStatus, file: IO[bytes]) -> str:
        try:
            download_results(self.run.client, step.batch_id, file, status)
        except (IncompleteResultsError, NotEndedError) as error:
            gone = isinstance(error, NotEndedError) and status.archived_at is not None
            if not gone and not (step.settle_short and isinstance(error, IncompleteResultsError)):
                raise
            logger.warning("%s", error)
            return f"{_NO_LINE}: {error}"
        return _NO_LINE

    def _settle(self, step: Collect, file: IO[bytes], status: BatchStatus, why_missing: str) -> _Sums:
        places = _places(file, self.run.run_id, step.items)
        sums, to_keep = _Sums(), _ToKeep(self.cache, step.job)
        with self.run.folder.writing(step.job) as records:
            for item in sorted(step.items):
                line = _line_at(file, places.get(item.item))
                outcome = self._parsed(item, line, why_missing)
                price = priced(outcome, self.run.assignment.rates, status.created_at)
                cost = None if price is None else price.total
                about = self.run.assignment.about(item.item)
                record = record_of(outcome, item.item, about.source, step.batch_id, cost, about.label)
                records.write(line_of(record, run_id=self.run.run_id, attempt=item.attempt))
                _add_money(sums, outcome, price)
                self._judge(sums, item, outcome, cost, step.histories)
                to_keep.add(item, outcome, line)
        to_keep.flush()
        return sums

    def _parsed(self, item: Sent, line: bytes | None, why_missing: str) -> Outcome[Any]:
        each = self.run.assignment
        if line is None:
            return Missing(custom_id=custom_id(self.run.run_id, item.item, item.attempt), problem=why_missing)
        return parse(line, each.response_model, each.citations, sources=(each.about(item.item).file,))

    def _judge(
        self,
        sums: _Sums,
        item: Sent,
        outcome: Outcome[Any],
        cost: Decimal | None,
        histories: Mapping[int, Any],
    ) -> None:
        history = histories.get(item.item, ())
        asked = self.run.requests.max_tokens(item.max_tokens, item.item)
        found = verdict(outcome, history, max_tokens=asked, longest=self.run.info.max_tokens, rounds=self.rounds)
        match found:
            case Final():
                sums.endings.append(Ending(item.item, outcome.kind, cost))
            case SendAgain():
                sums.again.append(Again(item.item, outcome.kind, cost, found.max_tokens or item.max_tokens))
            case NotAtFault():
                sums.pending.append(item.item)
                sums.trouble = sums.trouble or outcome.reason
            case _:
                assert_never(found)
        if not isinstance(outcome, Succeeded) and not isinstance(found, NotAtFault):
            sums.causes.append(cause_of(outcome))


@contextmanager
def _reachable(batch_id: str) -> Iterator[None]:
    """Where its results are kept. Raises ResultsError."""
    try:
        yield
    except OSError as error:
        raise ResultsError(f"the results of {batch_id} cannot be kept: {error}. Run again to go on") from error


def _kept(place: Place, stack: ExitStack) -> IO[bytes] | None:
    """The raw results of an earlier try."""
    try:
        return stack.enter_context(reading_whole(place))
    except (FileNotFoundError, NotADirectoryError):
        return None


@dataclass(slots=True)
class _ToKeep:
    """Answers on their way into the cache, a few megabytes at a time."""

    cache: ResultCache | None
    job: int
    lines: dict[str, bytes] = field(default_factory=dict)
    size: int = 0

    def add(self, item: Sent, outcome: Outcome[Any], line: bytes | None) -> None:
        if self.cache is None or line is None or not isinstance(outcome, Succeeded):
            return
        self.lines[item.fingerprint] = line
        self.size += len(line)
        if self.size >= _CACHED_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        if self.cache is not None and self.lines:
            self.cache.store(self.job, self.lines)
        self.lines, self.size = {}, 0


def _add_money(sums: _Sums, outcome: Outcome[Any], price: Cost | None) -> None:
    sums.unpriced += price is None
    if price is not None:
        sums.cost += price.total
        sums.discount += price.saved
        sums.prompt_saved += price.saved_by_caching
    for answer in billed([outcome]):
        try:
            tokens = Tokens.of(answer.usage)
        except UnknownUsageError:
            continue
        sums.input_tokens += tokens.prompt
        sums.output_tokens += tokens.output
        sums.prompt_read += tokens.read
        sums.prompt_written += tokens.write_5m + tokens.write_1h


def _places(file: IO[bytes], run_id: str, items: Any) -> dict[int, int]:
    """Where in the file each item's line begins; the API writes them in any order."""
    expected = {each.item: each.attempt for each in items}
    places: dict[int, int] = {}
    place = file.tell()
    for line in file:
        name = custom_id_of(line)
        key = item_key(name) if name else None
        if key is not None and key.run_id == run_id and expected.get(key.index) == key.attempt:
            places.setdefault(key.index, place)
        elif not line.isspace():
            logger.warning("a result line is about no item of this job: %r", line[:120])
        place += len(line)
    return places


def _line_at(file: IO[bytes], place: int | None) -> bytes | None:
    if place is None:
        return None
    file.seek(place)
    return file.readline()
