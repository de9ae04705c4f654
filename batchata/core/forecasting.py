"""Everything that is known of a run before it is sent -> its estimate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from math import hypot

from batchata.core.estimates import Amount, Estimate
from batchata.core.money import rounded_usd
from batchata.core.pricing import US_GEO
from batchata.core.reckoning import Answers, Crowd, Part, Pricing, Seen, Spread, read_of, repeated, written_of
from batchata.core.savings import Saving
from batchata.core.state import RunState, Standing

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Paid:
    """What the ledger tells, if there is one, in USD. `held` is what items of unknown cost may have cost, `reserved`
    what those in flight may still cost, None where some were sent without a limit; `saved` is what batches saved so
    far, None where the ledger does not tell.
    """

    ended: int = 0
    in_flight: int = 0
    spent: Decimal = _ZERO
    held: Decimal = _ZERO
    reserved: Decimal | None = _ZERO
    saved: Decimal | None = _ZERO

    @classmethod
    def of(cls, state: RunState) -> Paid:
        has_bounds = all(job.bound is not None for job in state.open.values())
        return cls(
            ended=state.count(Standing.DONE),
            in_flight=state.count(Standing.HELD),
            spent=state.budget.spent,
            held=state.budget.held,
            reserved=state.budget.reserved if has_bounds else None,
            saved=state.tally.discount,
        )


@dataclass(frozen=True, slots=True)
class Work:
    """A run that is to be estimated. `seen` are the items that were looked at and are to be paid for; `cached` had an
    answer already and `unsendable` could not be read. Of `waiting` items `waiting_seen` were looked at.
    """

    model: str
    pricing: Pricing
    seen: Sequence[Seen]
    waiting: int
    waiting_seen: int
    answers: Answers
    paid: Paid = field(default_factory=Paid)
    cached: int = 0
    unsendable: int = 0
    max_cost: Decimal | None = None
    items_per_job: int = 1_000
    max_parallel_jobs: int = 10
    saving: Saving = field(default_factory=Saving)
    notes: tuple[str, ...] = ()


def estimate_of(work: Work) -> Estimate:
    """Pure arithmetic: what is not known is None and not 0."""
    crowd = Crowd(work.waiting + work.paid.in_flight, work.cached + work.unsendable)
    read, method, prompts = read_of(work.seen, crowd, work.pricing)
    read = repeated(read, work.answers.measured, len(work.seen))
    written = written_of(work.seen, prompts, work.answers, crowd, work.pricing)
    reach = _reach(read, written, together=work.answers.has_repeats)
    bound, left = _bound(work), _left(work)
    saving = work.saving.times(US_GEO) if work.pricing.is_us else work.saving
    jobs, items = _at_a_time(work, left)
    return Estimate(
        model=work.model,
        items=work.paid.ended + work.paid.in_flight + work.waiting,
        ended=work.paid.ended,
        in_flight=work.paid.in_flight,
        waiting=work.waiting,
        cached=work.cached,
        looked_at=len(work.seen) + work.cached + work.unsendable,
        counted=sum(each.counted is not None for each in work.seen),
        input_tokens=_tokens(read.tokens),
        input_method=method,
        output_tokens=_tokens(written.tokens),
        output_method=work.answers.method if work.seen else "nothing",
        output_source=work.answers.source if work.seen else "nothing is left to be answered",
        spent=work.paid.spent,
        cost=_cost(work.paid.spent, read.usd + written.usd, reach, bound, saving),
        bound=bound,
        bound_is_exact=work.waiting_seen >= work.waiting,
        list_price=_list_price(work.paid, max(read.usd + written.usd - saving.likely, _ZERO)),
        max_cost=work.max_cost,
        jobs_at_a_time=jobs,
        items_at_a_time=items,
        notes=(*work.notes, *_of_caching(saving)),
        prompt_cache_saving=Amount(saving.likely, saving.least, saving.most) if saving.items else None,
    )


def _of_caching(saving: Saving) -> Iterator[str]:
    if saving.items:
        few = f"costs {rounded_usd(-saving.least)}" if saving.least < 0 else f"saves {rounded_usd(saving.least)}"
        yield (
            f"{saving.items:,} items begin as others do. Prompt caching is taken to save {rounded_usd(saving.likely)} "
            f"by that; it saves {rounded_usd(saving.most)} where the cache serves all of them, and {few} where it "
            "serves few, for in batches it gives no promise"
        )


def _tokens(spread: Spread) -> Amount[int]:
    value = round(spread.value)
    if spread.below is None or spread.above is None:
        return Amount(value, None, None)
    return Amount(value, max(round(spread.value - spread.below), 0), round(spread.value + spread.above))


def _reach(read: Part, written: Part, *, together: bool) -> tuple[Decimal, Decimal] | None:
    """How far below and above the cost may be. What is read and what is written are off independently of each other,
    but for items that are paid for again: those are both read and answered again.
    """
    ends = [(read.money.below, written.money.below), (read.money.above, written.money.above)]
    below, above = (None if None in (one, other) else (one or 0.0, other or 0.0) for one, other in ends)
    if below is None or above is None:
        return None
    return _decimal(sum(below) if together else hypot(*below)), _decimal(sum(above) if together else hypot(*above))


def _decimal(amount: float) -> Decimal:
    """The digits after these are noise of the sums."""
    return Decimal(f"{amount:.12g}")


def _cost(
    spent: Decimal, left: Decimal, reach: tuple[Decimal, Decimal] | None, bound: Decimal | None, saving: Saving
) -> Amount[Decimal]:
    """Neither it nor its interval can pass the bound."""
    value = spent + max(left - saving.likely, _ZERO)
    value = value if bound is None else min(value, bound)
    if reach is None:
        return Amount(value, None, None)
    low = value - reach[0] - (saving.most - saving.likely)
    high = value + reach[1] + (saving.likely - saving.least)
    return Amount(value, max(low, spent), high if bound is None else min(high, bound))


def _bound(work: Work) -> Decimal | None:
    """All that was spent, may have been, is reserved, and may be asked for by what waits."""
    reserved = work.paid.reserved
    if reserved is None:
        reserved = _sum([each.bound for each in work.seen if each.in_flight])
    waits = _sum([each.bound for each in work.seen if not each.in_flight])
    if waits is None or reserved is None or (work.waiting and not work.waiting_seen):
        return None
    scale = Decimal(work.waiting) / max(work.waiting_seen, 1) if work.waiting_seen < work.waiting else Decimal(1)
    return work.paid.spent + work.paid.held + reserved + waits * scale


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [each for each in amounts if each is not None]
    return sum(known, _ZERO) if len(known) == len(amounts) else None


def _list_price(paid: Paid, left: Decimal) -> Decimal | None:
    """The discount of message batches is one half (doc:about-claude/pricing)."""
    return None if paid.saved is None else paid.spent + paid.saved + 2 * left


def _left(work: Work) -> Decimal | None:
    """What may still be reserved; None without a limit, or where nobody can tell."""
    if work.max_cost is None or work.paid.reserved is None:
        return None
    return max(work.max_cost - work.paid.spent - work.paid.held - work.paid.reserved, _ZERO)


def _at_a_time(work: Work, left: Decimal | None) -> tuple[int | None, int | None]:
    """How many batches, and items in them, the limit lets be in flight together, by the mean bound of an item."""
    bounds = [each.bound for each in work.seen if not each.in_flight]
    whole = _sum(bounds)
    if left is None or whole is None or not whole:
        return None, None
    most = min(work.items_per_job * work.max_parallel_jobs, work.waiting)
    items = min(int(left * len(bounds) / whole), most)
    return int((Decimal(items) / work.items_per_job).to_integral_value(ROUND_CEILING)), items
