"""A record with its documents -> what the page shows of the item, and its line in the list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from batchata.core.fieldviews import Field, fields_of, short_name, uncited
from batchata.core.money import rounded_usd, usd
from batchata.core.records import Record
from batchata.core.sheets import FieldSheet, ItemSheet
from batchata.report.album import Album
from batchata.report.desk import Desk, Quote
from batchata.report.sources import Shelf

_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list. `words` is what a filter by text is compared with.

    `lacking` counts values without a citation, `unmarked` citations whose words are marked nowhere.
    """

    number: int
    title: str
    outcome: str
    cost: str
    words: str
    lacking: int
    unmarked: int

    @property
    def more(self) -> str:
        """What a reviewer should look at, if anything."""
        outcome = "" if self.outcome == "succeeded" else self.outcome
        lacking = f"{self.lacking:,} without a citation" if self.lacking else ""
        unmarked = f"{self.unmarked:,} not marked" if self.unmarked else ""
        return " · ".join(filter(None, (outcome, lacking, unmarked)))


@dataclass(frozen=True, slots=True)
class Composed:
    """`cited` of the `values` of an item have a citation; where none were asked for, both are 0."""

    row: Row
    sheet: ItemSheet
    values: int
    cited: int


def compose(record: Record[Any], number: int, shelf: Shelf, album: Album, most: int) -> Composed:
    """What is shown of one item. Its pages are drawn unless there are `most` pictures already."""
    fields = fields_of(record)
    asked = record.citations is not None
    desk = Desk(shelf, album, record)
    if album.is_full:
        quotes = desk.leave(fields)
        full = any(quotes)
        desk.notes += [f"The report holds its {most:,} pictures, so this item is shown without its pages."] * full
    else:
        quotes = desk.place(fields)
    lacking = uncited(fields) if asked else 0
    unmarked = sum(not quote.marks for row in quotes for quote in row)
    values = sum(each.kind not in ("none", "empty") for each in fields) if asked else 0
    return Composed(
        Row(number, title_of(record), record.outcome, cost_of(record), _words(record, fields), lacking, unmarked),
        _sheet(record, fields, quotes, desk),
        values,
        values - lacking,
    )


def _sheet(record: Record[Any], fields: list[Field], quotes: list[list[Quote]], desk: Desk) -> ItemSheet:
    asked = record.citations is not None
    return {
        "title": title_of(record),
        "source": record.source or "",
        "outcome": record.outcome,
        "reason": record.reason,
        "facts": _facts(record),
        "notes": [each for each in dict.fromkeys(desk.notes) if each],
        "asked": asked,
        "fields": [_field(each, row, asked=asked) for each, row in zip(fields, quotes, strict=True)],
        "sheets": desk.sheets,
    }


def _field(each: Field, quotes: list[Quote], *, asked: bool) -> FieldSheet:
    return {
        "path": each.path,
        "shown": each.shown,
        "kind": each.kind,
        "lacks": asked and each.lacks_citation,
        "cites": [quote.cite() for quote in quotes],
    }


def _facts(record: Record[Any]) -> list[list[str]]:
    usage = record.usage or {}
    tokens = [usage.get(name) for name in ("input_tokens", "output_tokens")]
    facts = [["Item", f"{record.index:,}"], ["Cost", "unknown" if record.cost is None else usd(record.cost)]]
    if all(isinstance(each, int) for each in tokens):
        facts.append(["Tokens", f"{tokens[0]:,} in, {tokens[1]:,} out"])
    facts.append(["Batch", record.batch_id or "none: answered in another run"])
    if model := getattr(record.detail, "model", None):
        facts.append(["Model", str(model)])
    return facts


def title_of(record: Record[Any]) -> str:
    """The name of the file and of the prompt, else the number of the item."""
    told = [each for each in (short_name(record.source or ""), record.label) if each]
    return " · ".join(told) or f"item {record.index:,}"


def cost_of(record: Record[Any]) -> str:
    """In USD; what nobody can tell is no number."""
    return "unknown" if record.cost is None else rounded_usd(record.cost)


def _words(record: Record[Any], fields: list[Field]) -> str:
    """Of long values the beginning: the whole list is searched at every key."""
    told = [record.name, record.outcome, record.reason[:_LONGEST], *(each.shown[:_LONGEST] for each in fields)]
    return " ".join(" ".join(told).casefold().split())
