"""The figures of a batch, and how they are printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypedDict

from batchata.core.money import rounded_usd
from batchata.core.outcomes import Answered, Invalid, Outcome, Refused, Succeeded, Truncated, is_unknown
from batchata.core.pricing import Cost, Tokens, price
from batchata.core.rates import Rates
from batchata.errors import UnknownPriceError, UnknownUsageError

Mode = Literal["Text", "Structured", "Text + Citations", "Structured + Citations"]


class Stats(TypedDict):
    """The figures of `BatchJob.stats()`. Times are in seconds, money in USD.

    `total_input_tokens` counts cached tokens too, whose part the two cache keys give; `prompt_cache_hit_rate` is the
    share of these that was read (None when there are none), `prompt_cache_saved` what that saved against plain input,
    below 0 when it cost more. Until the batch has ended
    nothing is known of tokens and cost: they are what the results read so far add up to, which is 0.
    """

    batch_id: str
    status: str
    is_complete: bool
    elapsed_seconds: float
    mode: Mode
    total_items: int
    total_results: int
    total_citations: int
    outcomes: dict[str, int]
    total_input_tokens: int
    total_output_tokens: int
    cache_write_tokens: int
    cache_read_tokens: int
    prompt_cache_hit_rate: float | None
    prompt_cache_saved: float
    total_cost: float
    batch_discount: float
    raw_results_dir: str | None


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums over the answers of a batch."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_write_tokens: int = 0
    cache_read_tokens: int = 0
    cost: Cost = field(default_factory=Cost)


def mode_of(*, structured: bool, citations: bool) -> Mode:
    if structured:
        return "Structured + Citations" if citations else "Structured"
    return "Text + Citations" if citations else "Text"


def billed(outcomes: Iterable[Outcome[Any]]) -> list[Answered]:
    """Those the model answered: only they are on the bill (doc:build-with-claude/batch-processing)."""
    return [each for each in outcomes if isinstance(each, Succeeded | Truncated | Refused | Invalid)]


def totals(outcomes: Iterable[Outcome[Any]], rates: Rates | None, at: datetime | None) -> Totals:
    """Raises UnknownPriceError when the model of an answer has no price."""
    answers = billed(outcomes)
    tokens = [Tokens.of(each.usage) for each in answers]
    cost = Cost()
    for each in answers:
        cost += price(each.usage, each.model, rates=rates, at=at)
    return Totals(
        input_tokens=sum(each.prompt for each in tokens),
        output_tokens=sum(each.output for each in tokens),
        cache_write_tokens=sum(each.write_5m + each.write_1h for each in tokens),
        cache_read_tokens=sum(each.read for each in tokens),
        cost=cost,
    )


def priced(outcome: Outcome[Any], rates: Rates | None, at: datetime | None) -> Cost | None:
    """Nothing for what was certainly not billed, None where nobody can tell."""
    if is_unknown(outcome):
        return None
    answers = billed([outcome])
    if not answers:
        return Cost()
    try:
        return price(answers[0].usage, answers[0].model, rates=rates, at=at)
    except (UnknownPriceError, UnknownUsageError):
        return None


def cost_of_item(outcome: Outcome[Any], rates: Rates | None, at: datetime | None) -> Decimal | None:
    """USD; 0 for what was certainly not billed, None where nobody can tell."""
    cost = priced(outcome, rates, at)
    return None if cost is None else cost.total


def counted(outcomes: Iterable[Outcome[Any]]) -> dict[str, int]:
    """How many items ended in each way; ways that did not occur are left out."""
    return dict(Counter(each.kind for each in outcomes))


def printed(stats: Mapping[str, Any]) -> Sequence[str]:
    """The documented lines of `stats(print_stats=True)`."""
    cost = _money(stats["total_cost"]) if stats["is_complete"] else "known when the batch has ended"
    lines = [
        "\U0001f4ca Batch Statistics",
        f"   ID: {stats['batch_id']}",
        f"   Status: {stats['status']}",
        f"   Complete: {chr(0x2705) if stats['is_complete'] else chr(0x274C)}",
        f"   Elapsed: {stats['elapsed_seconds']:.1f}s",
        f"   Mode: {stats['mode']}",
        f"   Results: {stats['total_results']:,}",
        f"   Citations: {stats['total_citations']:,}",
        f"   Input tokens: {stats['total_input_tokens']:,}",
        f"   Output tokens: {stats['total_output_tokens']:,}",
        f"   Total cost: {cost}",
        "   (50% batch discount applied)",
    ]
    failed = {kind: count for kind, count in stats["outcomes"].items() if kind != "succeeded"}
    if failed:
        lines.insert(7, f"   Failed: {', '.join(f'{count:,} {kind}' for kind, count in failed.items())}")
    if stats["prompt_cache_hit_rate"] is not None:
        lines.append(_printed_cache(stats["prompt_cache_hit_rate"], stats["prompt_cache_saved"]))
    if stats["raw_results_dir"]:
        lines.append(f"   Raw results: {stats['raw_results_dir']}")
    return lines


def _printed_cache(rate: float, saved: float) -> str:
    told = f"saved {_money(saved)}" if saved >= 0 else f"cost {_money(-saved)} more than it saved"
    return f"   Prompt cache: {rate:.0%} read, {told}"


def _money(amount: float) -> str:
    return rounded_usd(Decimal(str(amount)))
