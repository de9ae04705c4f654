"""How runs, batches, items and failures look on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from batchata.commands.output import worded
from batchata.core.cells import json_text
from batchata.core.money import rounded_usd, spent_of, usd
from batchata.core.records import Record
from batchata.core.showing import line
from batchata.core.status import BatchRow, NextStep, Status

SHOWN_FAILURES = 20
_SHOWN_BATCHES = 20
_LONGEST = 2_000
_SOURCE = 40


def status_view(status: Status) -> RenderableType:
    """The figures of a run."""
    title = Text.assemble((line(status.title, 80), "bold"), f"  {status.total:,} items  {status.model}")
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in _figures(status):
        grid.add_row(name, value)
    return Group(title, grid)


def _figures(status: Status) -> Iterable[tuple[str, Text | str]]:
    yield "items", _items(status)
    yield "spent", _spent(status)
    if status.cached:
        yield "from the cache", f"{status.cached:,} items, which saved {rounded_usd(status.saved)}"
    if status.discount:
        yield "batch discount", f"{rounded_usd(status.discount)} saved"
    if status.prompt_cache_hit_rate is not None:
        yield "prompt cache", _prompt_cache(status.prompt_cache_hit_rate, status.prompt_cache_saved)
    yield "tokens", f"{status.input_tokens:,} in, {status.output_tokens:,} out"
    if status.at_work:
        pid, host, since = status.at_work
        yield "at work", f"process {pid} on {host} since {since:%Y-%m-%d %H:%M:%S} UTC"
    if status.why:
        yield "waits", Text(line(status.why, _LONGEST), style="yellow")
    yield "results", line(status.results, _LONGEST)


def _prompt_cache(hit_rate: float, saved: Decimal | None) -> str:
    read = f"{hit_rate:.0%} read from it"
    if saved is None:
        return f"{read}; what that saved is not known"
    return f"{read}, which {'cost' if saved < 0 else 'saved'} {rounded_usd(abs(saved))}"


def _items(status: Status) -> Text:
    counts = [(count, kind, "green" if kind == "succeeded" else "red") for kind, count in status.outcomes.items()]
    counts += [(status.in_flight, "in flight", "cyan"), (status.pending, "waiting", "yellow")]
    pieces = [(f"{count:,} {word}", style) for count, word, style in counts if count]
    return Text(", ").join(Text(words, style=style) for words, style in pieces or [("none yet", "dim")])


def _spent(status: Status) -> str:
    if status.spent is None or status.limit is None:
        told = "cost not known" if status.spent is None else rounded_usd(status.spent)
        told += "" if status.limit is None else f" of {usd(status.limit)}"
    else:
        told = spent_of(status.spent, status.limit)
    told += f", up to {rounded_usd(status.reserved)} more in flight" if status.reserved else ""
    return f"{told}, without {status.unpriced:,} items of unknown cost" if status.unpriced else told


def batches_view(status: Status, now: datetime | None = None) -> RenderableType:
    """The newest message batches, and how many more there are."""
    table = _table("job", "batch", "items", "state", "age", "expires", "cost", right=("job", "items", "age", "cost"))
    for row in status.batches[:_SHOWN_BATCHES]:
        table.add_row(*_batch_cells(row, now or datetime.now(UTC)))
    more = status.older_batches + max(len(status.batches) - _SHOWN_BATCHES, 0)
    return Group(table, Text(f" and {more:,} older ones", style="dim")) if more else table


def _batch_cells(row: BatchRow, now: datetime) -> list[str]:
    age = "" if row.created is None else duration((now - row.created).total_seconds())
    is_open = row.cost is None
    expires = f"{row.expires:%m-%d %H:%M} UTC" if row.expires and is_open else ""
    cost = f"<= {rounded_usd(row.bound)}" if is_open and row.bound is not None else ""
    cost = cost if row.cost is None else rounded_usd(row.cost)
    return [str(row.job), row.batch_id or "-", f"{row.items:,}", row.state, age, expires, cost]


def duration(seconds: float) -> str:
    """As "3 d 4 h", "2 h 5 min", "40 s"."""
    days, rest = divmod(max(int(seconds), 0), 86_400)
    hours, minutes = rest // 3600, rest % 3600 // 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{rest} s"


def failures_view(records: Sequence[Record[Any]], total: int) -> RenderableType:
    """The items without a result, each with its reason in full."""
    table = _table("item", "source", "outcome", "cost", "why there is no result", right=("item", "cost"))
    for each in records:
        table.add_row(*_item_cells(each), Text(line(worded(each.reason), _LONGEST)))
    head = Text(f"{total:,} without a result", style="bold red")
    return Group(head, table)


def items_view(records: Sequence[Record[Any]]) -> RenderableType:
    """Records, a row each: the result, cut to a line, or the reason."""
    table = _table("item", "source", "outcome", "cost", "result", right=("item", "cost"), cut="result")
    for each in records:
        shown = Text(result_line(each)) if each.succeeded else Text(line(worded(each.reason), _LONGEST), style="red")
        table.add_row(*_item_cells(each), shown)
    return table


def result_line(record: Record[Any]) -> str:
    """The result as one line."""
    result = record.result
    return line(result if isinstance(result, str) else _values(result), _LONGEST)


def _values(result: Any) -> str:
    """Without the names of the fields, which are the same in each row."""
    if isinstance(result, Mapping):
        return ", ".join(map(_values, result.values()))
    if isinstance(result, list) and result and all(isinstance(each, Mapping | list) for each in result):
        return f"[{len(result)}]"
    return result if isinstance(result, str) else json_text(result)


def _item_cells(record: Record[Any]) -> list[str | Text]:
    style = "green" if record.succeeded else "red"
    outcome = Text(record.outcome, style=style)
    return [str(record.index), Text(line(record.name, 200)), outcome, cost_words(record.cost)]


def cost_words(cost: Decimal | None) -> str:
    return "unknown" if cost is None else rounded_usd(cost)


def next_view(steps: Sequence[NextStep]) -> RenderableType:
    """What can be done now."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="cyan")
    grid.add_column()
    for step in steps:
        grid.add_row(Text(f"  {step.command}"), step.does)
    return Group(Text("next", style="dim"), grid)


def _table(*names: str, right: Sequence[str] = (), cut: str = "") -> Table:
    """A column that is `cut` takes the width that the others leave, and shows one line of what it holds."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 2, 0, 0), show_edge=False, expand=bool(cut))
    for name in names:
        narrow = name in (*right, "outcome", "state", "expires")
        table.add_column(
            name,
            justify="right" if name in right else "left",
            no_wrap=narrow or name == cut,
            overflow="ellipsis" if name == cut else "fold",
            ratio=1 if name == cut else None,
            max_width=_SOURCE if name == "source" else None,
        )
    return table


def runs_view(runs: Sequence[Status]) -> RenderableType:
    """Many runs, a row each."""
    table = _table("run", "items", "done", "failed", "in flight", "waiting", "spent", "", right=(
        "items", "done", "failed", "in flight", "waiting", "spent"))  # fmt: skip
    for each in runs:
        counts = (each.total, each.succeeded, each.failed, each.in_flight, each.pending)
        told = "at work" if each.at_work else line(each.why, 200)
        table.add_row(Text(each.folder), *(f"{count:,}" for count in counts), cost_words(each.spent), told)
    return table
