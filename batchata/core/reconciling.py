"""Do the books agree? What a ledger says of each message batch, beside the API's counts and the raw lines. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, assert_never

from batchata.core.events import (
    Decided,
    Deleted,
    Ended,
    Event,
    Intent,
    ItemsAdded,
    Opened,
    RunStarted,
    Settled,
    Submitted,
    Unsent,
    Uploaded,
)

_CLASS_OF: Mapping[str, str] = {
    "succeeded": "succeeded", "truncated": "succeeded", "refused": "succeeded", "invalid": "succeeded",
    "errored": "errored", "expired": "expired", "canceled": "canceled", "missing": "missing",
}  # fmt: skip
"""The API counts every answer as succeeded, whatever became of it here."""


class Finding(NamedTuple):
    """Something that does not agree, or cannot be checked, as a sentence; `about` is a batch id, "items" or "money"."""

    about: str
    sentence: str


@dataclass(slots=True)
class BatchBook:
    """What the ledger says of one message batch. `counts` are by the API's own classes, and `missing`."""

    batch_id: str
    job: int
    requests: int
    created: datetime
    counts: Counter[str] | None = None
    cost: Decimal = Decimal(0)
    unpriced: int = 0

    @property
    def is_settled(self) -> bool:
        return self.counts is not None


@dataclass(slots=True)
class Books:
    """A ledger by its message batches. `sizes` are the requests of every batch that was ever about to be created."""

    started: datetime | None = None
    batches: dict[str, BatchBook] = field(default_factory=dict)
    sizes: set[int] = field(default_factory=set)


def books_of(events: Iterable[Event]) -> Books:
    """The books of a ledger. Memory follows the number of its batches, not that of its items."""
    books, intents = Books(), dict[int, Intent]()
    for event in events:
        match event:
            case RunStarted():
                books.started = event.at
            case Intent():
                intents[event.job] = event
                books.sizes.add(event.total)
            case Submitted():
                intent = intents[event.job]
                books.batches[event.batch_id] = BatchBook(event.batch_id, event.job, intent.total, intent.at)
            case Settled() if event.batch_id is not None:
                _settle(books.batches[event.batch_id], event)
                intents.pop(event.job, None)
            case Unsent():
                intents.pop(event.job, None)
            case ItemsAdded() | Opened() | Ended() | Settled() | Decided() | Uploaded() | Deleted():
                pass
            case _:
                assert_never(event)
    return books


def _settle(book: BatchBook, event: Settled) -> None:
    counts = Counter(_CLASS_OF[kind] for _, kind, _ in event.endings)
    counts.update(_CLASS_OF[each.kind] for each in event.again)
    counts["errored"] += len(event.pending)  # account trouble: the items wait, the API counts an error
    costs = [*(cost for _, _, cost in event.endings), *(each.cost for each in event.again)]
    book.counts, book.cost, book.unpriced = counts, event.cost, costs.count(None)


class Priced(NamedTuple):
    """The result lines of a batch, priced anew: how many items they are about, what they come to, how many nobody can
    price.
    """

    items: int
    cost: Decimal
    unpriced: int


def count_findings(book: BatchBook, api: Mapping[str, int]) -> Iterator[Finding]:
    """Where the API's counts of a batch differ from what the ledger made of it; a batch in flight has its size only."""
    total = sum(api.values())
    if total != book.requests:
        yield Finding(book.batch_id, f"the API counts {total:,} requests, the ledger sent {book.requests:,}")
    if book.counts is None:
        return
    if api.get("processing"):
        yield Finding(book.batch_id, f"settled in the ledger, but the API still processes {api['processing']:,} of it")
        return
    for name in ("succeeded", "errored", "expired", "canceled"):
        ours, theirs = book.counts[name], api.get(name, 0)
        if ours != theirs:
            missing = f" ({book.counts['missing']:,} are missing there)" if book.counts["missing"] else ""
            yield Finding(book.batch_id, f"the API counts {theirs:,} {name}, the ledger {ours:,}{missing}")


def money_findings(book: BatchBook, priced: Priced | None) -> Iterator[Finding]:
    """Where the lines come to another amount than the ledger has, to the last digit."""
    if priced is None:
        yield Finding(book.batch_id, "its result lines are not on disk, so they cannot be priced again; see --deep")
        return
    expected = book.requests - (book.counts["missing"] if book.counts else 0)
    if priced.items != expected:
        yield Finding(book.batch_id, f"its lines are about {priced.items:,} items, the ledger has {expected:,}")
    if priced.cost != book.cost:
        told = f"its lines come to ${priced.cost:f}, the ledger has ${book.cost:f}"
        yield Finding(book.batch_id, f"{told} (${priced.cost - book.cost:+f})")
    known_missing = book.counts["missing"] if book.counts else 0
    if priced.unpriced + known_missing != book.unpriced:
        ours, theirs = book.unpriced, priced.unpriced + known_missing
        yield Finding(book.batch_id, f"{theirs:,} items have no price now, {ours:,} had none in the ledger")
