"""Where a run stands, as a person or a script asks: the ledger's state -> figures, batches, what to do next. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from shlex import quote
from typing import NamedTuple

from batchata.core.caching import hit_rate
from batchata.core.exits import Exit, exit_of
from batchata.core.jobbook import SettledJob
from batchata.core.money import usd
from batchata.core.reports import LIFE, PHASES, failed_count, outcomes, settled_words
from batchata.core.state import OpenJob, RunState, Standing
from batchata.core.wording import COMMAND_LINE, spelled


class Described(NamedTuple):
    """What the ledger does not tell of a run: where it is, what it is called, where its results are.

    One that `BatchManager` made is not `is_described`: no command can go on with it. `begun_in` is where it can be gone
    on with, and what its folder is called from there; None when that is here.
    """

    folder: str
    title: str
    results: str
    is_described: bool = True
    begun_in: tuple[str, str] | None = None


class AtWork(NamedTuple):
    """Whoever works on the run at the moment."""

    pid: int
    host: str
    since: datetime


class BatchRow(NamedTuple):
    """A job and its message batch. Money is in USD; `cost` is None until it is settled."""

    job: int
    batch_id: str | None
    items: int
    state: str
    created: datetime | None
    expires: datetime | None
    bound: Decimal | None
    cost: Decimal | None
    unpriced: int


class NextStep(NamedTuple):
    """A command, and what it does."""

    command: str
    does: str


@dataclass(frozen=True, slots=True)
class Status:
    """Where a run stands. Items add up: the outcomes, `in_flight` and `pending` are `total`.

    Money is in USD: `spent` is None while no cost is known, `held` is what `unpriced` items may have cost at most,
    `reserved` what batches in flight may still add, `discount` and `prompt_cache_saved` None where an older ledger does
    not tell, `prompt_cache_hit_rate` None where nothing was to be cached. `batches` are the newest first,
    `older_batches` so many more. `why` says why items are left. `next` is what to do now.
    """

    folder: str
    title: str
    results: str
    run_id: str
    model: str
    total: int
    succeeded: int
    failed: int
    in_flight: int
    pending: int
    outcomes: dict[str, int]
    spent: Decimal | None
    held: Decimal
    reserved: Decimal
    limit: Decimal | None
    unpriced: int
    cached: int
    saved: Decimal
    discount: Decimal | None
    prompt_cache_hit_rate: float | None
    prompt_cache_saved: Decimal | None
    input_tokens: int
    output_tokens: int
    limit_reached: bool
    awaits_approval: bool
    why: str
    at_work: AtWork | None
    batches: Sequence[BatchRow]
    older_batches: int
    next: Sequence[NextStep]

    @property
    def exit(self) -> Exit:
        """The exit code that says where it stands."""
        return exit_of(failed=self.failed, pending=self.pending, in_flight=self.in_flight)


def status_of(state: RunState, where: Described, at_work: AtWork | None = None) -> Status:
    """The status of a replayed ledger."""
    tally, budget = state.tally, state.budget
    rows = sorted((*map(_open_row, state.open.values()), *map(_settled_row, state.jobs.latest)), reverse=True)
    return Status(
        *where[:3],
        run_id=state.run.run_id if state.run else "",
        model=state.run.model if state.run else "",
        total=state.total,
        succeeded=tally.kinds["succeeded"],
        failed=failed_count(state),
        in_flight=state.count(Standing.HELD),
        pending=state.count(Standing.PENDING, Standing.AGAIN),
        outcomes=outcomes(state),
        spent=None if tally.unpriced and not budget.spent else budget.spent,
        held=budget.held,
        reserved=budget.reserved,
        limit=budget.limit,
        unpriced=tally.unpriced,
        cached=tally.cached,
        saved=tally.saved,
        discount=tally.discount,
        prompt_cache_hit_rate=hit_rate(tally.prompt_read, tally.prompt_written),
        prompt_cache_saved=tally.prompt_saved,
        input_tokens=tally.input_tokens,
        output_tokens=tally.output_tokens,
        limit_reached=state.limit_reached,
        awaits_approval=state.awaits_approval,
        why=spelled(_why(state), COMMAND_LINE),
        at_work=at_work,
        batches=rows,
        older_batches=state.jobs.older.jobs,
        next=list(_next_steps(state, where, is_at_work=at_work is not None)) if where.is_described else [],
    )


def _open_row(job: OpenJob) -> BatchRow:
    expires = job.at + LIFE if job.batch_id else None
    state = PHASES[job.phase]
    return BatchRow(job.number, job.batch_id, len(job.items), state, job.at, expires, job.bound, None, 0)


def _settled_row(job: SettledJob) -> BatchRow:
    expires = job.created + LIFE if job.created else None
    words, cost = settled_words(job), job.cost
    return BatchRow(job.number, job.batch_id, job.items, words, job.created, expires, job.bound, cost, job.unpriced)


def _why(state: RunState) -> str:
    """Why items wait that nobody is about to send, as far as the ledger tells."""
    if next(state.pending(), None) is None or state.open:
        return ""
    if state.awaits_approval and not state.canceled:
        return "its sample has ended and nobody has approved the rest"
    if state.limit_reached and not state.canceled:
        told = state.halted.partition(". ")[0]  # with the numbers; what follows is for those who write Python
        if "the next one" in told:
            told += ", which is reserved before it is sent (a lower `max_tokens` lowers it)"
        return told or f"the cost limit of {usd(state.budget.limit or state.budget.spent)} is reached"
    return state.halted


def _next_steps(state: RunState, where: Described, *, is_at_work: bool) -> Iterator[NextStep]:
    waiting = state.count(Standing.PENDING, Standing.AGAIN)
    folder, there, go_there = quote(where.folder), quote(where.folder), ""
    if where.begun_in is not None:
        go_there, there = f"cd {quote(where.begun_in[0])} && ", quote(where.begun_in[1])
    run = f"{go_there}batchata run --out {there}"
    if is_at_work:
        yield NextStep(f"batchata cancel {folder}", "stops it and its batches")
        return
    if state.open:
        yield NextStep(run, "collects what has ended, and goes on")
        yield NextStep(f"batchata cancel {folder}", "stops its batches")
    elif waiting and not state.left:
        yield from _to_send(state, run, waiting)
    if failed := failed_count(state):
        yield NextStep(f"batchata results {folder} --failed", "shows why each of them failed")
        if not state.open:
            yield NextStep(
                f"{go_there}batchata retry {there}", f"sends {_failed_words(failed)} again, and nothing else"
            )
    elif state.tally.kinds["succeeded"]:
        yield NextStep(f"batchata results {folder}", "shows what came out")


def _failed_words(failed: int) -> str:
    return "the item that failed" if failed == 1 else f"the {failed:,} items that failed"


def _to_send(state: RunState, run: str, waiting: int) -> Iterator[NextStep]:
    if state.limit_reached:
        yield NextStep(f"{run} --max-cost USD", f"sends the {waiting:,} items that are left, up to a higher limit")
    elif state.awaits_approval:
        yield NextStep(f"{run} --yes", f"sends the {waiting:,} items that wait for an approval")
    else:
        yield NextStep(run, f"sends the {waiting:,} items that wait")


def left_words(status: Status) -> str:
    """What an interrupted run left."""
    if not status.in_flight:
        return f"interrupted with nothing in flight; {status.pending:,} of {status.total:,} items wait"
    batches = [row for row in status.batches if row.cost is None]
    count = "1 message batch" if len(batches) == 1 else f"{len(batches):,} message batches"
    return (
        f"interrupted. {count} with {status.in_flight:,} items in flight: the API goes on with what was not cancelled"
    )
