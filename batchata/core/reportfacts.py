"""The summary of a report: what the ledger says of the run, and what the records add up to."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from batchata.core.costchart import Chart, cost_chart
from batchata.core.money import rounded_usd, usd
from batchata.core.outcomes import KINDS
from batchata.core.pricing import Tokens
from batchata.core.records import Record
from batchata.core.reports import outcomes
from batchata.core.state import RunState, Standing
from batchata.errors import UnknownUsageError

IN_FLIGHT, WAITING = "in flight", "waiting"


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What is known of a run apart from its records. Money is in USD.

    `outcomes` counts how all items of the run ended, `in_flight` and `waiting` those that have not: together they
    are `total`. `spent` is the bill without `unpriced` items, whose cost nobody can tell. `cached` items were
    answered in earlier runs, which saved `saved`; `discount` is what the batch discount saved.
    """

    title: str
    model: str = ""
    run_id: str = ""
    began: datetime | None = None
    total: int | None = None
    outcomes: Mapping[str, int] = field(default_factory=dict)
    in_flight: int = 0
    waiting: int = 0
    spent: Decimal | None = None
    limit: Decimal | None = None
    unpriced: int = 0
    cached: int = 0
    saved: Decimal = Decimal(0)
    discount: Decimal | None = None
    batches: int = 0


def facts_of(state: RunState, title: str, total: int = 0) -> ReportFacts:
    """The facts of a run as its ledger has them; `total` counts items that are not in it yet too."""
    tally, budget, run = state.tally, state.budget, state.run
    new = max(total - state.total, 0)
    return ReportFacts(
        title=title,
        model=run.model if run else "",
        run_id=run.run_id if run else "",
        began=run.at if run else None,
        total=state.total + new,
        outcomes=outcomes(state),
        in_flight=state.count(Standing.HELD),
        waiting=state.count(Standing.PENDING, Standing.AGAIN) + new,
        spent=budget.spent,
        limit=budget.limit,
        unpriced=tally.unpriced,
        cached=tally.cached,
        saved=tally.saved,
        discount=tally.discount,
        batches=tally.jobs,
    )


@dataclass(slots=True)
class Tally:
    """Sums over the records of a report. `values` are fields that say something, `cited` of them have a citation."""

    kinds: Counter[str] = field(default_factory=Counter)
    spent: Decimal = Decimal(0)
    unpriced: int = 0
    prompt: int = 0
    output: int = 0
    read: int = 0
    values: int = 0
    cited: int = 0
    good: array[float] = field(default_factory=lambda: array("d"))
    bad: array[float] = field(default_factory=lambda: array("d"))

    def add(self, record: Record[Any]) -> None:
        self.kinds[record.outcome] += 1
        self.unpriced += record.cost is None
        self.spent += record.cost or Decimal(0)
        if record.cost is not None:
            (self.good if record.succeeded else self.bad).append(float(record.cost))
        if record.usage is not None:
            self._count(record.usage)

    def _count(self, usage: Mapping[str, Any]) -> None:
        try:
            tokens = Tokens.of(usage)
        except UnknownUsageError:
            return
        self.prompt += tokens.prompt
        self.output += tokens.output
        self.read += tokens.read

    @property
    def records(self) -> int:
        return self.kinds.total()

    def chart(self) -> Chart | None:
        return cost_chart(self.good, self.bad)


class Figure(NamedTuple):
    """A number of the summary, what it is, and what there is to say about it."""

    name: str
    value: str
    more: str


class Share(NamedTuple):
    """An outcome, its items, and their share of all, from 0 to 1. `start` is the sum of the shares before it."""

    name: str
    items: int
    start: float
    share: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What stands at the top of a report. `share_spent` is of the limit, None without one."""

    title: str
    about: str
    figures: tuple[Figure, ...]
    shares: tuple[Share, ...]
    share_spent: float | None
    chart: Chart | None


def summary_of(facts: ReportFacts, tally: Tally, at: datetime) -> Summary:
    """Where the facts do not tell how the items of the run ended, those of the records do."""
    shares = _shares(facts, tally)
    spent = tally.spent if facts.spent is None else facts.spent
    return Summary(
        title=facts.title,
        about=" · ".join(filter(None, _about(facts, at))),
        figures=(
            _items(shares),
            _spent(facts, tally, spent),
            _each(tally),
            _tokens(tally),
            _cache(facts, tally),
            *_citations(tally),
        ),
        shares=shares,
        share_spent=float(min(spent / facts.limit, Decimal(1))) if facts.limit else None,
        chart=tally.chart(),
    )


def _shares(facts: ReportFacts, tally: Tally) -> tuple[Share, ...]:
    kinds = tally.kinds if facts.total is None else facts.outcomes
    ended = [(kind, kinds.get(kind, 0)) for kind in KINDS]
    counts = [*ended, (IN_FLIGHT, facts.in_flight), (WAITING, facts.waiting)]
    total = sum(count for _, count in counts)
    shares, start = [], 0.0
    for name, count in counts:
        if count:
            shares.append(Share(name, count, start, count / total))
            start += count / total
    return tuple(shares)


def _about(facts: ReportFacts, at: datetime) -> list[str]:
    batches = f"{facts.batches:,} message batch{'' if facts.batches == 1 else 'es'}" if facts.batches else ""
    began = f"begun {_day(facts.began)}" if facts.began else ""
    run = f"run {facts.run_id}" if facts.run_id else ""
    return [facts.model, batches, began, f"report of {_day(at)}", run]


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _items(shares: tuple[Share, ...]) -> Figure:
    total = sum(each.items for each in shares)
    return Figure("Items", f"{total:,}", ", ".join(f"{each.items:,} {each.name}" for each in shares) or "none")


def _spent(facts: ReportFacts, tally: Tally, spent: Decimal) -> Figure:
    unpriced = tally.unpriced if facts.spent is None else facts.unpriced
    told = [f"of {usd(facts.limit)} ({spent / facts.limit:.1%})" if facts.limit else "no limit"]
    if unpriced:
        told.append(f"and {unpriced:,} item{'' if unpriced == 1 else 's'} whose cost nobody can tell")
    if facts.discount:
        told.append(f"{rounded_usd(facts.discount)} saved by batches")
    return Figure("Spent", "unknown" if unpriced and not spent else rounded_usd(spent), ", ".join(told))


def _each(tally: Tally) -> Figure:
    billed = sum(each > 0 for costs in (tally.good, tally.bad) for each in costs)
    if not billed:
        return Figure("Cost per item", "–", "no item is known to have cost anything")  # noqa: RUF001
    return Figure("Cost per item", rounded_usd(tally.spent / billed), f"on average over {billed:,} billed items")


def _tokens(tally: Tally) -> Figure:
    return Figure("Tokens", _short(tally.prompt + tally.output), f"{tally.prompt:,} in, {tally.output:,} out")


def _cache(facts: ReportFacts, tally: Tally) -> Figure:
    saved = f", which saved {rounded_usd(facts.saved)}" if facts.saved else ""
    share = f"; {tally.read / tally.prompt:.0%} of the prompt tokens were cached" if tally.read else ""
    return Figure("From the cache", f"{facts.cached:,}", f"answers of earlier runs{saved}{share}")


def _citations(tally: Tally) -> list[Figure]:
    if not tally.values:
        return []
    more = f"{tally.cited:,} of {tally.values:,} values"
    return [Figure("With a citation", f"{int(tally.cited / tally.values * 1000) / 10:g} %", more)]


def _short(count: int) -> str:
    for size, letter in ((1_000_000_000, "B"), (1_000_000, "M"), (10_000, "k")):
        if count >= size:
            return f"{count / (1000 if letter == 'k' else size):,.1f} {letter}"
    return f"{count:,}"
