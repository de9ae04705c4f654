"""`batch()` and `BatchJob`: one message batch from input to results."""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from batchata.core.caching import Mode, checked_mode, hit_rate
from batchata.core.collecting import collect
from batchata.core.items import Document, Item
from batchata.core.marking import marked_requests
from batchata.core.outcomes import Missing, Outcome, Succeeded
from batchata.core.pricing import Cost
from batchata.core.rates import Rates
from batchata.core.records import Entry, Record, count_citations, entries, record_of
from batchata.core.requests import build_requests, new_run_id
from batchata.core.stats import Stats, Totals, cost_of_item, counted, mode_of, printed, totals
from batchata.core.waiting import next_delay
from batchata.errors import (
    IncompleteResultsError,
    InputError,
    NotEndedError,
    RequestRefusedError,
    ServiceError,
)
from batchata.io.batches import BatchStatus, poll
from batchata.io.batches import cancel as cancel_batch
from batchata.io.client import make_client
from batchata.io.downloads import download_results, whole_lines
from batchata.io.intake import checked_items, checked_submit, readable_documents, usable_model
from batchata.io.paths import PathOrUrl, Place, path_of
from batchata.io.results import check_directory, raw_results
from batchata.io.sources import Source

if TYPE_CHECKING:
    from anthropic import Anthropic

logger = logging.getLogger("batchata")

T = TypeVar("T")
U = TypeVar("U")

DEFAULT_MODEL = "claude-sonnet-5-5"
_MOST_MISSES = 10


@overload
def batch(
    messages: Sequence[Sequence[Mapping[str, Any]] | Item] | None = None,
    files: Sequence[Source | Item] | None = None,
    prompt: str | None = None,
    model: str = DEFAULT_MODEL,
    *,
    response_model: type[T],
    enable_citations: bool = False,
    max_tokens: int | None = None,
    raw_results_dir: PathOrUrl | None = None,
    client: Anthropic | None = None,
    rates: Rates | None = None,
    prompt_caching: Mode = "auto",
    **params: Any,
) -> BatchJob[T]: ...


@overload
def batch(
    messages: Sequence[Sequence[Mapping[str, Any]] | Item] | None = None,
    files: Sequence[Source | Item] | None = None,
    prompt: str | None = None,
    model: str = DEFAULT_MODEL,
    *,
    response_model: None = None,
    enable_citations: bool = False,
    max_tokens: int | None = None,
    raw_results_dir: PathOrUrl | None = None,
    client: Anthropic | None = None,
    rates: Rates | None = None,
    prompt_caching: Mode = "auto",
    **params: Any,
) -> BatchJob[str]: ...


def batch(
    messages: Sequence[Sequence[Mapping[str, Any]] | Item] | None = None,
    files: Sequence[Source | Item] | None = None,
    prompt: str | None = None,
    model: str = DEFAULT_MODEL,
    *,
    response_model: Any = None,
    enable_citations: bool = False,
    max_tokens: int | None = None,
    raw_results_dir: PathOrUrl | None = None,
    client: Anthropic | None = None,
    rates: Rates | None = None,
    prompt_caching: Mode = "auto",
    **params: Any,
) -> BatchJob[Any]:
    """Sends conversations, or files with a prompt, as one message batch and returns its job at once.

    Give either `messages`, a list of conversations, or `files`, a list of paths or URLs, bytes or file ids (PDF,
    text, image), with a `prompt`; an `Item` of one may ask for something else than the others. With `response_model`
    the results are its instances; with `enable_citations` they come with citations. `raw_results_dir` keeps the API's
    result lines as `{batch_id}.jsonl`. `client` is an `anthropic.Anthropic`; without it one is made from the
    environment, `.env` or a profile. `rates` replaces the price tables; `prompt_caching` is that of `BatchManager`, but
    nothing goes ahead. Any other parameter of the Messages API (`system`, `thinking`, `tools` ...) passes through;
    `extra_headers` go with the create call.

    Everything is checked first: InputError names each bad item, ModelError and CredentialsError say what to do,
    and nothing was sent. AmbiguousSubmitError means that the batch may exist although the answer was lost.
    """
    items = checked_items(messages, files, prompt)
    settings = _Settings(
        response_model, enable_citations, path_of(raw_results_dir) if raw_results_dir is not None else None, rates
    )
    if not items:
        return BatchJob(None, None, settings, ())
    if settings.raw_results_dir is not None:
        check_directory(settings.raw_results_dir, "raw_results_dir")
    headers = params.pop("extra_headers", None)
    owned = client is None
    client = client or make_client()
    info = usable_model(client, model, params)
    if headers:
        info = replace(info, max_tokens=None)  # a beta may allow longer answers
    if files is not None:
        items = readable_documents(items, info, citations=enable_citations)
    run_id = new_run_id()
    requests = build_requests(
        items, model=model, prompt=prompt, response_model=response_model, enable_citations=enable_citations,
        max_tokens=max_tokens, run_id=run_id, model_info=info, **params,
    )  # fmt: skip
    requests = marked_requests(requests, checked_mode(prompt_caching), info.id, rates)
    batch_id = checked_submit(client, requests, items, info.id, rates, headers)
    sources = tuple(item.source if isinstance(item, Document | Item) else None for item in items)
    labels = tuple(getattr(item, "label", None) for item in items)
    return BatchJob(client, batch_id, replace(settings, run_id=run_id, owns_client=owned, labels=labels), sources)


@dataclass(frozen=True, slots=True)
class _Settings:
    response_model: Any = None
    citations: bool = False
    raw_results_dir: Place | None = None
    rates: Rates | None = None
    run_id: str | None = None
    owns_client: bool = False
    labels: Sequence[str | None] = ()


class BatchJob(Generic[T]):
    """A message batch that was sent, and what becomes of it.

    `batch_id` is the API's id, None for a job without items. A job whose program ended is taken up again with
    `BatchJob.attach(batch_id, ...)`.
    """

    def __init__(
        self, client: Anthropic | None, batch_id: str | None, settings: _Settings, sources: Sequence[str | None]
    ) -> None:
        self.batch_id = batch_id
        self._client = client
        self._settings = settings
        self._sources = tuple(sources)
        self._status: BatchStatus | None = None
        self._misses = 0
        self._reading = threading.RLock()
        self._short = False
        self._outcomes: list[Outcome[T]] | None = None if batch_id else []
        self._started = datetime.now(UTC)

    @overload
    @classmethod
    def attach(
        cls,
        batch_id: str,
        *,
        response_model: type[U],
        enable_citations: bool = False,
        raw_results_dir: PathOrUrl | None = None,
        sources: Sequence[str | None] | None = None,
        client: Anthropic | None = None,
        rates: Rates | None = None,
    ) -> BatchJob[U]: ...

    @overload
    @classmethod
    def attach(
        cls,
        batch_id: str,
        *,
        response_model: None = None,
        enable_citations: bool = False,
        raw_results_dir: PathOrUrl | None = None,
        sources: Sequence[str | None] | None = None,
        client: Anthropic | None = None,
        rates: Rates | None = None,
    ) -> BatchJob[str]: ...

    @classmethod
    def attach(
        cls,
        batch_id: str,
        *,
        response_model: Any = None,
        enable_citations: bool = False,
        raw_results_dir: PathOrUrl | None = None,
        sources: Sequence[str | None] | None = None,
        client: Anthropic | None = None,
        rates: Rates | None = None,
    ) -> BatchJob[Any]:
        """The job of a batch that exists already; nothing is sent.

        `sources` are the names of all its files in their order; without them `Citation.source_file` and
        `Record.source` are None. Raises InputError when their number is not that of the requests.
        """
        directory = path_of(raw_results_dir) if raw_results_dir is not None else None
        settings = _Settings(response_model, enable_citations, directory, rates, owns_client=client is None)
        client = client or make_client()
        total = poll(client, batch_id).counts.total
        if sources is not None and len(sources) != total:
            raise InputError(f"{batch_id} has {total:,} requests, and {len(sources):,} sources are given")
        return BatchJob(client, batch_id, settings, [None] * total if sources is None else sources)

    def __repr__(self) -> str:
        state = self._status.state if self._status else "not looked at yet"
        return f"BatchJob({self.batch_id!r}, {len(self._sources)} items, {state})"

    def __len__(self) -> int:
        return len(self._sources)

    def status(self) -> BatchStatus:
        """Where the batch stands, asked anew until it has ended. Raises the errors of `poll`."""
        if self._status is None or not self._status.is_ended:
            self._status = poll(*self._connection())
        return self._status

    def is_complete(self) -> bool:
        """Whether the batch has ended, so that there are results.

        A look that fails, even with a 404, says nothing about the batch: it counts as "not yet". The tenth in a
        row raises what went wrong.
        """
        if self.batch_id is None:
            return True
        try:
            ended = self.status().is_ended
        except (ServiceError, RequestRefusedError) as error:
            self._misses += 1
            if self._misses >= _MOST_MISSES:
                raise
            logger.warning("%s (look %d of %d that failed)", error, self._misses, _MOST_MISSES)
            return False
        self._misses = 0
        return ended

    def wait(self, timeout: float | None = None, on_look: Callable[[BatchStatus | None], None] | None = None) -> None:
        """Returns when the batch has ended, looking less and less often, at least once a minute.

        Raises NotEndedError when `timeout` seconds have passed. `on_look` is called after each look.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        looks = 0
        while not self.is_complete():
            if on_look is not None:
                on_look(self._status)
            left = math.inf if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise NotEndedError(self._not_ended(timeout))
            time.sleep(min(left, next_delay(looks, random.random())))
            looks += 1

    def results(self, timeout: float | None = None) -> list[Entry[T]]:
        """The results of the items that succeeded, in the order of the input; the others are in `failures()`.

        Each is `{"result": ..., "citations": ...}`. Waits for the batch to end, for `timeout` seconds at most
        (0: not at all), then raises NotEndedError. Raises ForeignResultsUrlError.
        """
        self.wait(timeout)
        return entries(self._collected())

    def outcomes(self) -> list[Record[T]]:
        """One record for each item of the input, in its order, whatever became of it. Waits for the batch."""
        self.wait()
        return [self._record(index, each) for index, each in enumerate(self._collected())]

    def failures(self) -> list[Record[T]]:
        """The records of the items that did not succeed, each with its reason. Waits for the batch."""
        return [record for record in self.outcomes() if not record.succeeded]

    def cost(self) -> Cost:
        """What the answers cost, by class of token. Raises UnknownPriceError."""
        return self._totals().cost

    def stats(self, print_stats: bool = False) -> Stats:  # noqa: FBT001, FBT002 - the documented signature
        """The figures of the batch; does not wait. Raises UnknownPriceError once there is a cost nobody can tell."""
        complete = self.is_complete()
        outcomes = self._collected() if complete else []
        sums = self._totals() if complete else Totals()
        settings = self._settings
        stats: Stats = {
            "batch_id": self.batch_id or "",
            "status": "ended" if complete else (self._status.state if self._status else "unknown"),
            "is_complete": complete,
            "elapsed_seconds": self._elapsed(),
            "mode": mode_of(structured=settings.response_model is not None, citations=settings.citations),
            "total_items": len(self),
            "total_results": sum(isinstance(each, Succeeded) for each in outcomes),
            "total_citations": count_citations(outcomes),
            "outcomes": counted(outcomes),
            "total_input_tokens": sums.input_tokens,
            "total_output_tokens": sums.output_tokens,
            "cache_write_tokens": sums.cache_write_tokens,
            "cache_read_tokens": sums.cache_read_tokens,
            "prompt_cache_hit_rate": hit_rate(sums.cache_read_tokens, sums.cache_write_tokens),
            "prompt_cache_saved": float(sums.cost.saved_by_caching),
            "total_cost": float(sums.cost.total),
            "batch_discount": 0.5,
            "raw_results_dir": str(settings.raw_results_dir) if settings.raw_results_dir else None,
        }
        if print_stats:
            print("\n".join(printed(stats)))  # noqa: T201 - documented
        return stats

    def cancel(self) -> None:
        """Asks the API to stop the batch; what was processed by then is billed and has results."""
        client, batch_id = self._connection()
        if not self.is_complete():
            self._status = cancel_batch(client, batch_id)

    def _connection(self) -> tuple[Anthropic, str]:
        if self._client is None or self.batch_id is None:
            raise InputError("the job has no items, so there is no message batch")
        return self._client, self.batch_id

    def _not_ended(self, timeout: float | None) -> str:
        expires = f"; it ends by {self._status.expires_at:%Y-%m-%d %H:%M} UTC at the latest" if self._status else ""
        return f"{self.batch_id} has not ended after {timeout:g} s{expires}. It goes on; ask again later"

    def _elapsed(self) -> float:
        status = self._status
        if status is None:
            return 0.0 if self.batch_id is None else (datetime.now(UTC) - self._started).total_seconds()
        return ((status.ended_at or datetime.now(UTC)) - status.created_at).total_seconds()

    def _totals(self) -> Totals:
        return totals(self._collected(), self._settings.rates, self._priced_at())

    def _priced_at(self) -> datetime | None:
        return self._status.created_at if self._status else None

    def _record(self, index: int, outcome: Outcome[T]) -> Record[T]:
        cost = cost_of_item(outcome, self._settings.rates, self._priced_at())
        label = self._settings.labels[index] if self._settings.labels else None
        return record_of(outcome, index, self._sources[index], self.batch_id or "", cost, label)

    def _collected(self) -> list[Outcome[T]]:
        """The outcomes in the order of the input, read once; after a stream that stayed short, once again."""
        with self._reading:
            return self._read() if self._outcomes is None else self._outcomes

    def _read(self) -> list[Outcome[T]]:
        client, batch_id = self._connection()
        missing = "no line of the results is about this item"
        whole = True
        with raw_results(self._settings.raw_results_dir, batch_id) as (file, keep):
            try:
                download_results(client, batch_id, file)
            except IncompleteResultsError as error:
                logger.warning("%s", error)
                whole, missing = False, f"{missing}: {error}"
            file.seek(0)
            outcomes = self._parsed(whole_lines(file), missing)
            whole = whole and not any(isinstance(each, Missing) for each in outcomes)
            final = whole or self._short
            if final:
                keep()
        if final:
            self._outcomes = outcomes
            self._close()
        self._short = not whole
        return outcomes

    def _parsed(self, lines: Iterable[bytes], missing: str) -> list[Outcome[T]]:
        settings = self._settings
        return collect(
            lines, sources=self._sources, run_id=settings.run_id, response_model=settings.response_model,
            citations=settings.citations, missing=missing,
        )  # fmt: skip

    def _close(self) -> None:
        if self._client is not None and self._settings.owns_client:
            self._client.close()
