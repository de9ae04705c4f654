"""What a user is told of one item: how it ended, what came of it, where from and for how much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Generic, TypedDict, TypeVar

from batchata.core.citations import Citation
from batchata.core.outcomes import FieldCitations, Kind, Outcome, Succeeded

T = TypeVar("T")


class Entry(TypedDict, Generic[T]):
    """One entry of `results()`: the result and its citations (a list, `{path: list}`, or None)."""

    result: T
    citations: list[Citation] | FieldCitations | None


@dataclass(frozen=True, slots=True)
class Record(Generic[T]):
    """One item of the input and its outcome.

    `index` counts from 0 in the order of the input. `outcome` is the name of how it ended, `reason` the sentence
    why there is no result. `cost` is in USD, None where no price is known; what was not billed costs 0.
    `batch_id` is None for an answer of another run. `label` tells apart the items of one source, such as the prompts
    that one file goes with.
    """

    index: int
    source: str | None
    outcome: Kind
    result: T | None
    citations: list[Citation] | FieldCitations | None
    usage: Mapping[str, Any] | None
    cost: Decimal | None
    reason: str
    batch_id: str | None
    detail: Outcome[T]
    label: str | None = None

    @property
    def succeeded(self) -> bool:
        """Whether there is a result."""
        return self.outcome == "succeeded"

    @property
    def name(self) -> str:
        """Source and label in one, "" where there is neither."""
        return name_in_words(self.source, self.label)


def name_in_words(source: str | None, label: str | None) -> str:
    """What an item is called: its source, and what tells it apart from others of that."""
    return " · ".join(each for each in (source, label) if each)


def record_of(
    outcome: Outcome[T],
    index: int,
    source: str | None,
    batch_id: str | None,
    cost: Decimal | None,
    label: str | None = None,
) -> Record[T]:
    """The record of one item."""
    found = outcome if isinstance(outcome, Succeeded) else None
    return Record(
        index=index,
        source=source,
        outcome=outcome.kind,
        result=found.result if found else None,
        citations=found.citations if found else None,
        usage=getattr(outcome, "usage", None),
        cost=cost,
        reason=outcome.reason,
        batch_id=batch_id,
        detail=outcome,
        label=label,
    )


def entries(outcomes: Iterable[Outcome[T]]) -> list[Entry[T]]:
    """The results of those that succeeded, in their order."""
    return [{"result": each.result, "citations": each.citations} for each in outcomes if isinstance(each, Succeeded)]


def count_citations(outcomes: Iterable[Outcome[Any]]) -> int:
    """How many citations the results carry; one that serves two fields counts twice."""
    total = 0
    for each in outcomes:
        found = each.citations if isinstance(each, Succeeded) else None
        total += sum(map(len, found.values())) if isinstance(found, dict) else len(found or ())
    return total


def plain_record(record: Record[Any]) -> dict[str, Any]:
    """The record as plain values for JSON; what is None in a citation is left out, as in the results files."""
    return {
        "index": record.index,
        "source": record.source,
        "label": record.label,
        "outcome": record.outcome,
        "result": record.result,
        "citations": _plain_citations(record.citations),
        "cost": record.cost,
        "reason": record.reason,
        "usage": record.usage,
        "batch_id": record.batch_id,
        "custom_id": record.detail.custom_id,
    }


def _plain_citations(found: list[Citation] | FieldCitations | None) -> Any:
    if isinstance(found, dict):
        return {path: _plain_citations(each) for path, each in found.items()}
    if found is None:
        return None
    return [{name: value for name, value in asdict(each).items() if value is not None} for each in found]
