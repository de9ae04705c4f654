"""One item on a terminal: each field with the page and the words that it was taken from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from batchata.commands.output import worded
from batchata.commands.showing import cost_words
from batchata.core.citations import Citation
from batchata.core.plain import plain
from batchata.core.records import Record
from batchata.core.showing import line, lines

_QUOTED, _VALUE = 400, 400


def item_view(record: Record[Any]) -> RenderableType:
    """Everything that is known of an item."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in _facts(record):
        grid.add_row(name, value)
    return Group(grid, *_body(record))


def _facts(record: Record[Any]) -> Iterator[tuple[str, Text]]:
    style = "green" if record.succeeded else "bold red"
    usage = record.usage or {}
    yield "item", Text(f"{record.index}  {line(record.name, 500)}")
    yield "outcome", Text(record.outcome, style=style)
    if record.reason:
        yield "reason", Text(line(worded(record.reason), 5_000))
    yield "cost", Text(cost_words(record.cost))
    if usage:
        yield "tokens", Text(f"{usage.get('input_tokens')} in, {usage.get('output_tokens')} out")
    yield "batch", Text(record.batch_id or "none: answered by an earlier run")
    yield "custom id", Text(record.detail.custom_id)


def _body(record: Record[Any]) -> Iterator[RenderableType]:
    if not record.succeeded:
        if text := getattr(record.detail, "text", ""):
            yield Text("\nwhat the model wrote", style="dim")
            yield Text(lines(text))
        return
    if isinstance(record.result, str):
        yield Text(f"\n{lines(record.result)}")
        if isinstance(record.citations, list):
            yield _quotes(record.citations)
        return
    yield _fields(record)


def _quotes(citations: Sequence[Citation]) -> Table:
    table = _table("page", "cited text")
    for each in citations:
        table.add_row(pages([each]), Text(line(each.cited_text, _QUOTED)))
    return table


def _fields(record: Record[Any]) -> Table:
    cited = record.citations if isinstance(record.citations, dict) else None
    names = ("field", "value") if cited is None else ("field", "value", "page", "rule", "cited text")
    table = _table(*names)
    for path, value in leaves(plain(record.result)):
        row = [Text(line(path, _VALUE)), Text(line("-" if value is None else str(value), _VALUE))]
        if cited is not None:
            row += _cited(cited.get(path, []))
        table.add_row(*row)
    return table


def _cited(citations: Sequence[Citation]) -> list[Text]:
    if not citations:
        return [Text("not located", style="dim"), Text(""), Text("")]
    quoted = line(" / ".join(each.cited_text for each in citations), _QUOTED)
    return [Text(pages(citations)), Text(citations[0].match or ""), Text(quoted)]


def pages(citations: Sequence[Citation]) -> str:
    """The pages of some citations, as "2" or "2-4"; empty for text without pages."""
    found = sorted({each.start_page for each in citations if each.start_page})
    if not found:
        return ""
    return str(found[0]) if len(found) == 1 else f"{found[0]}-{found[-1]}"


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The values of a result by their paths, such as `lines[2].amount`."""
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from leaves(each, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            yield from leaves(each, f"{path}[{index}]")
    else:
        yield path, value


def _table(*names: str) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 2, 0, 0), show_edge=False)
    for name in names:
        table.add_column(name, no_wrap=name in ("page", "rule"), overflow="fold")
    return table
