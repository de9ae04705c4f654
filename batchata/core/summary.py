"""The figures of a run, as `run()` returns them and `stats` shows them."""

from __future__ import annotations

from decimal import Decimal
from math import isnan, nan
from typing import NotRequired, TypedDict

from batchata.core.caching import hit_rate
from batchata.core.money import rounded_usd, spent_of
from batchata.core.outcomes import KINDS
from batchata.core.plurals import number_of
from batchata.core.state import RunState, Standing


class Summary(TypedDict):
    """What became of a run so far. Money is in USD.

    `completed_items` succeeded, `failed_items` ended without a result; with `pending_items` and `in_flight_items`
    they add up to `total_items`. `outcomes` counts how items ended. `total_cost` is what is on the bill without
    the `unpriced_items`, whose cost nobody can tell (nan when no cost is known at all), `cost_reserved` what
    batches in flight may still add, `cost_saved_by_cache` what `cached_items` cost when they were first answered.
    `prompt_cache_hit_rate` is the share that was read of the tokens that could have been read from the API's prompt
    cache (None when there were none), `prompt_cache_saved` what that saved against plain input: below 0 it cost more
    than it saved, None where nobody can tell.
    `awaits_approval` says that a sample has ended and nobody approved the rest.
    `stopped` says why items are left, if any are. `retry_count` is there after `retry_failed()`: the items that
    were sent again.
    """

    total_items: int
    completed_items: int
    failed_items: int
    total_cost: float
    unpriced_items: int
    jobs_completed: int
    cost_limit_reached: bool
    awaits_approval: bool
    pending_items: int
    in_flight_items: int
    outcomes: dict[str, int]
    cached_items: int
    cost_saved_by_cache: float
    prompt_cache_hit_rate: float | None
    prompt_cache_saved: float | None
    cost_reserved: float
    max_cost: float | None
    total_input_tokens: int
    total_output_tokens: int
    batch_ids: list[str]
    run_id: str
    state_path: str
    results_dir: str
    stopped: str
    retry_count: NotRequired[int]


def summary_of(state: RunState, *, total: int, state_path: str, results_dir: str, stopped: str = "") -> Summary:
    """The figures of a ledger; `total` counts items that are not in it yet too."""
    tally, budget = state.tally, state.budget
    succeeded = tally.kinds["succeeded"]
    new = max(total - state.total, 0)
    is_unknown = bool(tally.unpriced) and not budget.spent
    return {
        "total_items": state.total + new,
        "completed_items": succeeded,
        "failed_items": tally.kinds.total() - succeeded,
        "total_cost": nan if is_unknown else float(budget.spent),
        "unpriced_items": tally.unpriced,
        "jobs_completed": tally.jobs,
        "cost_limit_reached": state.limit_reached,
        "awaits_approval": state.awaits_approval,
        "pending_items": state.count(Standing.PENDING, Standing.AGAIN) + new,
        "in_flight_items": state.count(Standing.HELD),
        "outcomes": {kind: tally.kinds[kind] for kind in KINDS if tally.kinds[kind]},
        "cached_items": tally.cached,
        "cost_saved_by_cache": float(tally.saved),
        "prompt_cache_hit_rate": hit_rate(tally.prompt_read, tally.prompt_written),
        "prompt_cache_saved": None if tally.prompt_saved is None or is_unknown else float(tally.prompt_saved),
        "cost_reserved": float(budget.reserved + budget.held),
        "max_cost": None if budget.limit is None else float(budget.limit),
        "total_input_tokens": tally.input_tokens,
        "total_output_tokens": tally.output_tokens,
        "batch_ids": list(state.batches),
        "run_id": state.run.run_id if state.run else "",
        "state_path": state_path,
        "results_dir": results_dir,
        "stopped": stopped,
    }


def result_words(figures: Summary) -> str:
    """`5 of 6 items succeeded, 1 failed`."""
    failed = f", {figures['failed_items']:,} failed" if figures["failed_items"] else ""
    return f"{figures['completed_items']:,} of {number_of(figures['total_items'], 'item')} succeeded{failed}"


def spent_words(figures: Summary) -> str:
    """`$0.0038 of $0.008 spent`."""
    if isnan(figures["total_cost"]):
        return "cost not known"
    spent = Decimal(str(figures["total_cost"]))
    limit = figures["max_cost"]
    return f"{rounded_usd(spent) if limit is None else spent_of(spent, Decimal(str(limit)))} spent"
