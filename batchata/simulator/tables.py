"""Rows under a header row -> objects, over as many pages as the table goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from batchata.simulator.columns import Header, find_header
from batchata.simulator.furniture import is_carried, is_page_mark
from batchata.simulator.labels import INLINE, Place, is_known
from batchata.simulator.numbers import amounts_in
from batchata.simulator.reading import Cell, Document, Row
from batchata.simulator.shapes import Shape
from batchata.simulator.values import convert, number, wants_percent
from batchata.simulator.words import canonical

ENDS = frozenset({"total", "subtotal", "tax", "taxrate", "balance", "discount"})
MISSES = 6
NUMERIC = ("number", "integer")
LONGEST_WRAP = 60


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as values by property name, each with the words it was read from."""

    place: Place
    values: dict[str, tuple[Any, str]]


def read_table(
    item: Shape, document: Document | None, rows: Sequence[Row], skipped: frozenset[int], *, day_first: bool
) -> list[Entry]:
    """The rows of the table whose header names the most properties of `item`; none when there is no such table.

    `skipped` are the ids of rows that are page headers and footers.
    """
    header = find_header(item, rows)
    return _Reader(header, document, rows, skipped, day_first=day_first).entries() if header else []


class _Reader:
    def __init__(
        self,
        header: Header,
        document: Document | None,
        rows: Sequence[Row],
        skipped: frozenset[int],
        *,
        day_first: bool,
    ) -> None:
        self._header = header
        self._document = document
        self._rows = [row for row in rows[header.row + 1 :] if id(row) not in skipped]
        self._titles = rows[header.row].text
        self._day_first = day_first

    def entries(self) -> list[Entry]:
        found: list[Entry] = []
        missed = 0
        loose: Row | None = None
        for row in self._rows:
            if row.text == self._titles or is_page_mark(row) or is_carried(row):
                missed, loose = 0, None
                continue
            entry = self._entry(row)
            if closes(row, filled=len(entry.values) if entry else 0):
                break
            if entry is not None:
                found.append(self._with_line_above(entry, loose) if loose else entry)
            elif missed == 0 and found and self._goes_on(row, found[-1]):
                found[-1] = self._joined(found[-1], row.text, behind=True)
            missed = 0 if entry else missed + 1
            loose = row if entry is None and self._is_loose(row) else None
            if missed > MISSES:
                break
        return found

    def _entry(self, row: Row) -> Entry | None:
        values: dict[str, tuple[Any, str]] = {}
        for text, at in self._texts(row):
            shape = self._header.columns.get(at)
            if shape is None or shape.name in values:
                continue
            value = self._converted(text, shape)
            if value is None and shape.kind in NUMERIC:
                return None
            values[shape.name] = (value, text)
        known = sum(value is not None for value, _ in values.values())
        numeric = [shape.name for shape in self._header.columns.values() if shape.kind in NUMERIC]
        if known < min(2, len(self._header.columns)) or (numeric and not any(name in values for name in numeric)):
            return None
        return Entry(Place(self._document, row), values)

    def _converted(self, text: str, shape: Shape) -> Any:
        if shape.kind in NUMERIC and not shape.options:
            return number(text, whole=shape.kind == "integer", percent=wants_percent(shape), alone=True)
        return convert(text, shape, day_first=self._day_first)

    def _texts(self, row: Row) -> list[tuple[str, int]]:
        """What stands in which column: by order when none is missing, by form, else by place."""
        titles = self._header.cells
        if len(row.cells) == len(titles) and self._header.parted:
            return [(cell.text, at) for at, cell in enumerate(row.cells)]
        if len(row.cells) == 1 or not self._header.parted:
            found = self._header.pattern.fullmatch(row.text)
            return [(text, at) for at, text in enumerate(found.groups())] if found else []
        return [(cell.text, min(range(len(titles)), key=lambda at: _distance(cell, titles[at]))) for cell in row.cells]

    def _is_loose(self, row: Row) -> bool:
        """A line that may be the first part of a description."""
        return (
            len(row.cells) == 1
            and len(row.text) <= LONGEST_WRAP
            and not any(amounts_in(row.text[-8:]))
            and not INLINE.match(row.text)
            and not row.text.endswith((".", ":"))
            and not is_known(row.text)
        )

    def _goes_on(self, row: Row, last: Entry) -> bool:
        """The second line of a description, which starts small or follows a word that asks for more."""
        if not self._is_loose(row) or last.place.row.page != row.page:
            return False
        text = self._described(last)
        return bool(text) and (row.text[0].islower() or row.text[0] in "(&+" or text.endswith((",", "-", "&", " and")))

    def _with_line_above(self, entry: Entry, above: Row) -> Entry:
        text = self._described(entry)
        starts_small = bool(text) and text[0].islower() and above.page == entry.place.row.page
        return self._joined(entry, above.text, behind=False) if starts_small else entry

    def _described(self, entry: Entry) -> str:
        name = self._description()
        return entry.values[name][1] if name in entry.values else ""

    def _description(self) -> str:
        texts = [shape.name for shape in self._header.columns.values() if shape.kind == "string" and not shape.format]
        return texts[0] if texts else ""

    def _joined(self, entry: Entry, text: str, *, behind: bool) -> Entry:
        name = self._description()
        words = f"{entry.values[name][1]} {text}" if behind else f"{text} {entry.values[name][1]}"
        return Entry(entry.place, {**entry.values, name: (words, words)})


def _distance(cell: Cell, title: Cell) -> int:
    if cell.left < title.right and title.left < cell.right:
        return -(min(cell.right, title.right) - max(cell.left, title.left))
    return min(abs(cell.left - title.left), abs(cell.right - title.right))


def closes(row: Row, *, filled: int) -> bool:
    """A line of totals ends a table; `filled` columns of a row of its own speak against it."""
    first = row.cells[0].text
    label = first.split(":")[0]
    found = next(amounts_in(label), None)
    words = set(canonical(label[: found.start] if found and found.start else label))
    if words and words <= ENDS | {"amount", "due"} and words & ENDS:
        return True
    return len(words) <= 4 and bool(ENDS & words) and len(row.cells) <= 3 and filled < 3
