"""What Prefect shows of a run: where it stands -> artifacts and the payloads of events. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from shlex import quote
from typing import Any, Literal, NamedTuple

from batchata.core.caching import hit_rate
from batchata.core.jobbook import KEPT, SettledJob
from batchata.core.money import rounded_usd, spent_of, usd
from batchata.core.naming import artifact_key
from batchata.core.outcomes import KINDS
from batchata.core.plurals import number_of
from batchata.core.showing import bar, cell, code, line, markdown, reason
from batchata.core.state import OpenJob, Phase, RunState, Standing, Tally
from batchata.core.wording import Surface, spelled, words_of

MOST_ROWS = KEPT
LIFE = timedelta(hours=24)
"""After this time the API gives a message batch up (doc:build-with-claude/batch-processing)."""

_SOURCE, _REASON = 200, 300
PHASES = {Phase.INTENDED: "being created", Phase.SUBMITTED: "in flight", Phase.ENDED: "ended, being collected"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What does not change while a run is carried out. `cancels`: whether being told to end cancels its batches.

    A run that a file describes has a `folder`, which deployments and commands know it by. `surface` is where whoever
    looks at the run can do something about it.
    """

    name: str
    run_id: str
    model: str
    state_path: str
    results_dir: str
    cancels: bool = False
    folder: str = ""
    surface: Surface = "python"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run left off: it finished, it stopped with items left, it failed, it was interrupted, or it asked a person
    and waits for the answer.
    """

    what: Literal["finished", "stopped", "failed", "interrupted", "asked"]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that ended without a result."""

    index: int
    source: str | None
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class View:
    """One artifact. `data` is as Prefect keeps it: a percentage, Markdown, or a table as JSON."""

    key: str
    type: Literal["progress", "table", "markdown"]
    data: float | str
    description: str


def is_about(description: str | None, facts: Facts) -> bool:
    """Whether an artifact with this description shows this run."""
    return (description or "").startswith(_intro(facts))


def _intro(facts: Facts) -> str:
    return f"Run {facts.run_id}"


def progress_view(facts: Facts, state: RunState) -> View:
    """The percentage of the items that have ended; 100 when all have."""
    total, ended = state.total, state.tally.kinds.total()
    share = 100.0 if ended == total else ended * 1000 // total / 10
    told = f"{_intro(facts)}: {ended:,} of {number_of(total, 'item')} ended"
    return View(artifact_key(facts.name, "progress"), "progress", share, told)


class _Row(NamedTuple):
    """A row of the table of jobs, and what it adds to the sums when it is not shown."""

    shown: dict[str, Any]
    items: int
    cost: Decimal


def jobs_view(facts: Facts, state: RunState) -> View:
    """The newest jobs, and the sums of the rest."""
    rows = [*map(_open_row, state.open.values()), *map(_settled_row, state.jobs.latest)]
    rows.sort(key=lambda row: -row.shown["job"])
    table = [*(row.shown for row in rows[:MOST_ROWS]), *_rest(state, rows[MOST_ROWS:])]
    jobs = number_of(state.jobs.older.jobs + len(rows), "job")
    told = f"{_intro(facts)}: {jobs}, {len(state.open):,} open"
    return View(artifact_key(facts.name, "jobs"), "table", json.dumps(table), told)


def _open_row(job: OpenJob) -> _Row:
    shown = {
        "job": job.number,
        "batch id": job.batch_id or "",
        "items": len(job.items),
        "state": PHASES[job.phase],
        "costs at most": _money(job.bound),
        "cost": "",
        "expires at": _expiry(job.at) if job.phase is Phase.SUBMITTED else "",
    }
    return _Row(shown, len(job.items), Decimal(0))


def _settled_row(job: SettledJob) -> _Row:
    shown = {
        "job": job.number,
        "batch id": job.batch_id or "",
        "items": job.items,
        "state": settled_words(job),
        "costs at most": _money(job.bound),
        "cost": _cost(job.cost, job.unpriced),
        "expires at": _expiry(job.created) if job.created else "",
    }
    return _Row(shown, job.items, job.cost)


def settled_words(job: SettledJob) -> str:
    """What became of a settled job."""
    what = "settled" if job.batch_id else "settled without a batch"
    parts = [
        (job.cached, "from the cache"),
        (job.failed, "failed"),
        (job.again, "sent again"),
        (job.returned, "wait again"),
    ]
    told = ", ".join(f"{count:,} {word}" for count, word in parts if count)
    return f"{what}: {told}" if told else what


def _rest(state: RunState, unlisted: Sequence[_Row]) -> Iterator[dict[str, Any]]:
    """One row for all that are not listed, so that the columns of items and of costs add up."""
    older = state.jobs.older
    if count := older.jobs + len(unlisted):
        cost = older.cost + sum((row.cost for row in unlisted), Decimal(0))
        yield {
            "job": f"{count:,} more",
            "batch id": "",
            "items": older.items + sum(row.items for row in unlisted),
            "state": "the older ones, in sum",
            "costs at most": "",
            "cost": _cost(cost, older.unpriced),
            "expires at": "",
        }


def _cost(cost: Decimal, unpriced: int) -> str:
    return f"{rounded_usd(cost)} + {unpriced:,} of unknown cost" if unpriced else rounded_usd(cost)


def _expiry(at: datetime) -> str:
    return f"{at + LIFE:%Y-%m-%d %H:%M} UTC"


def _money(amount: Decimal | None) -> str:
    return "" if amount is None else rounded_usd(amount)


def failures_view(facts: Facts, state: RunState, failures: Sequence[Failure]) -> View:
    """The first failed items, and how many there are; the reasons without what was answered."""
    total = failed_count(state)
    more = total - len(failures)
    told = f"{_intro(facts)}: {total:,} item{' has' if total == 1 else 's have'} failed"
    if more > 0:
        told += f"; the first {len(failures):,} are shown, {more:,} more are in `failures()` and in the results folder"
    rows = [
        {
            "index": each.index,
            "source": cell(each.source or "", _SOURCE),
            "outcome": each.outcome,
            "reason": reason(each.outcome, each.reason, _REASON),
        }
        for each in failures
    ]
    return View(artifact_key(facts.name, "failures"), "table", json.dumps(rows), told)


def failed_count(state: RunState) -> int:
    return state.tally.kinds.total() - state.tally.kinds["succeeded"]


def summary_view(facts: Facts, state: RunState, ending: Ending | None) -> View:
    """Spend against the limit, outcomes that add up, what was saved, where things are, and how to go on."""
    parts = [
        f"## {markdown(facts.name)} · {number_of(state.total, 'item')} · {markdown(facts.model)}",
        _spend(state),
        "\n".join(_outcomes(state)),
        "\n".join(f"- **{word}**: {told}" for word, told in _facts_of(facts, state)),
        _how_it_goes_on(facts, state, ending),
    ]
    told = f"{_intro(facts)}: {_WORDS[ending.what] if ending else 'is under way'}"
    return View(artifact_key(facts.name, "summary"), "markdown", "\n\n".join(parts), told)


def _spend(state: RunState) -> str:
    budget = state.budget
    spent, held = budget.spent + budget.held, budget.held
    at_most = f", of which {rounded_usd(held)} at most for items of unknown cost" if held else ""
    unknown = (
        f" and what {number_of(state.tally.unpriced, 'item')} cost, which nobody can tell"
        if state.tally.unpriced
        else ""
    )
    flight = f", up to {rounded_usd(budget.reserved)} more in flight" if budget.reserved else ""
    if not budget.limit:
        return f"**{rounded_usd(budget.spent)}** spent{unknown}; there is no limit"
    drawn = bar(("█", float(spent / budget.limit)), ("▒", float(budget.reserved / budget.limit)))
    share = f"{float(spent / budget.limit):.1%}"
    return f"`{drawn}` **{spent_of(spent, budget.limit)}** spent ({share}){at_most}{flight}{unknown}"


def _outcomes(state: RunState) -> Iterator[str]:
    rows: list[tuple[str, int]] = [*outcomes(state).items()]
    rows.append(("in flight", state.count(Standing.HELD)))
    rows.append(("waiting", state.count(Standing.PENDING, Standing.AGAIN)))
    yield "| outcome | items | |"
    yield "|---|---:|---|"
    for word, count in rows:
        if count:
            yield f"| {word} | {count:,} | `{bar(('█', count / state.total))}` |"
    yield f"| **all** | **{sum(count for _, count in rows):,}** | |"


def _facts_of(facts: Facts, state: RunState) -> Iterator[tuple[str, str]]:
    tally = state.tally
    if tally.retried:
        yield "Sent again", f"{number_of(tally.retried, 'failed item')}, because it was asked for"
    cached = number_of(tally.cached, "item was", "items were")
    yield "Cache", f"{cached} answered before, which saved {rounded_usd(tally.saved)}"
    yield (
        "Batch discount",
        "not known: an earlier version, which did not write it down, worked on this ledger"
        if tally.discount is None
        else f"{rounded_usd(tally.discount)} less than outside of message batches",
    )
    if tally.prompt_read or tally.prompt_written:
        yield "Prompt cache", _prompt_cache(tally)
    yield "Tokens", f"{tally.input_tokens:,} in, {tally.output_tokens:,} out"
    yield "Message batches", f"{tally.jobs:,} settled, {len(state.open):,} open"
    if facts.folder:
        yield "`state_dir`", code(facts.folder)
    yield "Ledger", code(facts.state_path)
    yield "Results", code(facts.results_dir)


def _prompt_cache(tally: Tally) -> str:
    rate = hit_rate(tally.prompt_read, tally.prompt_written) or 0.0
    read = f"{rate:.0%} of {tally.prompt_read + tally.prompt_written:,} tokens were read from it"
    if tally.prompt_saved is None:
        return f"{read}; what that saved is not known: an earlier version worked on this ledger"
    if tally.prompt_saved < 0:
        return f"{read}, too few: it cost {rounded_usd(-tally.prompt_saved)} more than it saved"
    return f"{read}, which saved {rounded_usd(tally.prompt_saved)}"


def _how_it_goes_on(facts: Facts, state: RunState, ending: Ending | None) -> str:
    told = spelled(_told(facts, state, ending), words_of(facts.surface))
    commands = "\n".join(_commands(facts, state))
    return f"{told}\n\n~~~\n{commands}\n~~~" if commands else told


def _told(facts: Facts, state: RunState, ending: Ending | None) -> str:
    if ending is None:
        return "The run is under way."
    why = f": {markdown(spelled(ending.why.rstrip('.'), words_of(facts.surface)))}" if ending.why else ""
    if ending.what == "asked":
        return f"**The run waits for your answer**{why}. Answer with **Resume**, at the top right of its page."
    failed = failed_count(state)
    which = number_of(failed, "item failed; `retry_failed()` sends it", "items failed; `retry_failed()` sends them")
    again = f" {which} again." if failed else ""
    if ending.what == "finished":
        return f"**The run is finished.**{again}"
    is_open = number_of(len(state.open), "message batch is", "message batches are")
    open_jobs = f" {is_open} open; {_WHO_COLLECTS[facts.surface]} collects what ends." if state.open else ""
    return f"**The run {_WORDS[ending.what]}**{why}.{open_jobs} {_go_on(facts)}; nothing is paid twice.{again}"


def _go_on(facts: Facts) -> str:
    match facts.surface:
        case "form":
            return "Start the same deployment again, with the same parameters but for a higher `max_cost`, to go on"
        case "shell":
            return f"{code(f'batchata run --out {quote(facts.folder)}')} goes on"
        case "python":
            return f"Run the same with {code(f'state_path={facts.state_path!r}')} to go on"


def _commands(facts: Facts, state: RunState) -> Iterator[str]:
    """What can be pasted into a shell, where the run is known by its folder."""
    retry, cancel = _COMMANDS.get(facts.surface if facts.folder else "python", ("", ""))
    folder = line(facts.folder, 2_000)
    if failed_count(state) and retry:
        yield retry.format(quote(f"state_dir={folder}") if facts.surface == "form" else quote(folder))
    if (state.open or state.count(Standing.PENDING, Standing.AGAIN)) and cancel:
        yield cancel.format(quote(f"state_dir={folder}") if facts.surface == "form" else quote(folder))


_COMMANDS = {
    "form": (
        "prefect deployment run retry-failed/retry-failed -p {}",
        "prefect deployment run cancel/cancel -p {}",
    ),
    "shell": ("batchata retry {}", "batchata cancel {}"),
}
_WHO_COLLECTS = {"form": "the deployment `collect-due`", "shell": "the next run", "python": "the next run"}
_WORDS = {
    "finished": "is finished",
    "stopped": "stopped",
    "failed": "could not go on",
    "interrupted": "was interrupted",
    "asked": "waits for an answer",
}


def figures(facts: Facts, state: RunState) -> dict[str, Any]:
    """The payload of events: figures, and nothing that anybody wrote but the name. Money is USD: exact as text, and
    under `spent` and `limit` as people read it. `failed` includes those that are `canceled`.
    """
    budget, tally = state.budget, state.tally
    return {
        "name": facts.name,
        "run_id": facts.run_id,
        "model": facts.model,
        "total_items": state.total,
        "succeeded": tally.kinds["succeeded"],
        "failed": failed_count(state),
        "canceled": tally.kinds["canceled"],
        "in_flight": state.count(Standing.HELD),
        "pending": state.count(Standing.PENDING, Standing.AGAIN),
        "outcomes": outcomes(state),
        "spent_usd": f"{budget.spent:f}",
        "spent": rounded_usd(budget.spent),
        "unpriced_items": tally.unpriced,
        "limit_usd": None if budget.limit is None else f"{budget.limit:f}",
        "limit": "no limit" if budget.limit is None else usd(budget.limit),
        "state_path": facts.state_path,
    }


def outcomes(state: RunState) -> dict[str, int]:
    """How many items ended in each way; ways that did not occur are left out."""
    return {kind: count for kind in KINDS if (count := state.tally.kinds[kind])}
