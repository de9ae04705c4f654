"""When somebody should look at a run, and what is said to them: it asks, it is at its limit, items failed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from batchata.core.money import rounded_usd, spent_of
from batchata.core.plurals import number_of
from batchata.core.reports import Facts, figures
from batchata.core.state import RunState, Standing


@dataclass(frozen=True, slots=True)
class Known:
    """What was there already, and nobody is told of again. `failed` are items that nobody cancelled."""

    failed: int = 0
    at_limit: bool = False


def known_of(state: RunState) -> Known:
    """Where the run stands, as something that is known."""
    return Known(own_failures(state), state.limit_reached)


def still_known(known: Known, state: RunState) -> Known:
    """Without what is gone: items that are sent again may fail anew, a new limit may be reached too."""
    return Known(min(known.failed, own_failures(state)), known.at_limit and state.limit_reached)


def own_failures(state: RunState) -> int:
    """The items that ended without a result, but for those that somebody cancelled."""
    kinds = state.tally.kinds
    return kinds.total() - kinds["succeeded"] - kinds["canceled"]


def newly_failed(known: Known, state: RunState) -> int:
    """How many items have failed since."""
    return max(own_failures(state) - known.failed, 0)


def attention(facts: Facts, known: Known, state: RunState, *, asks: bool) -> dict[str, Any] | None:
    """The payload of the event that asks for somebody's attention; None when nothing new does.

    Beside the exact figures it has `headline` and `told`, sentences for people. `asks`: the run waits for an answer.
    """
    failed = newly_failed(known, state)
    is_at_limit = state.limit_reached and not known.at_limit and not state.open
    if not (asks or is_at_limit or failed):
        return None
    if asks:
        headline = "waits for your answer"
    elif is_at_limit:
        headline = "has reached its cost limit"
    else:
        headline = f"{number_of(failed, 'item')} failed"
    return {
        **figures(facts, state),
        "newly_failed": failed,
        "headline": f"{facts.name}: {headline}",
        "told": f"{_items(state)} {_money(state)}",
    }


def _items(state: RunState) -> str:
    kinds = state.tally.kinds
    waiting, in_flight = state.count(Standing.PENDING, Standing.AGAIN), state.count(Standing.HELD)
    counts = [
        (own_failures(state), "failed"),
        (kinds["canceled"], "canceled"),
        (in_flight, "in flight"),
        (waiting, "waiting"),
    ]
    more = "".join(f", {count:,} {word}" for count, word in counts if count)
    return f"{kinds['succeeded']:,} of {state.total:,} items succeeded{more}."


def _money(state: RunState) -> str:
    budget, unpriced = state.budget, state.tally.unpriced
    unknown = f" and what {number_of(unpriced, 'item')} cost, which nobody can tell" if unpriced else ""
    if budget.limit is None:
        return f"Spent: {rounded_usd(budget.spent)}{unknown}; there is no limit."
    return f"Spent: {spent_of(budget.spent, budget.limit)}{unknown}."
