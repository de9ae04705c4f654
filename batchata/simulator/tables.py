"""Rows under a header row -> objects, over as many pages as the table goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from batchata.simulator.labels import Place
from batchata.simulator.reading import Cell, Document, Row
from batchata.simulator.shapes import Shape
from batchata.simulator.values import convert
from batchata.simulator.words import canonical, likeness

IN_TABLES = {
    "total": "amount", "linetotal": "amount", "subtotal": "amount", "name": "description", "text": "description",
}  # fmt: skip
ENDS = frozenset({"total", "subtotal", "tax", "balance"})
MISSES = 6
LONGEST_TITLE = 40


@dataclass(frozen=True, slots=True)
class Entry:
    """One row as values by property name, each with the words it was read from."""

    place: Place
    values: dict[str, tuple[Any, str]]


@dataclass(frozen=True, slots=True)
class _Header:
    cells: tuple[Cell, ...]
    columns: dict[int, Shape]
    score: float
    row: int


def read_table(item: Shape, document: Document | None, rows: Sequence[Row]) -> list[Entry]:
    """The rows of the table whose header names the most properties of `item`; none when there is no such table."""
    header = max((_header(item, rows, index) for index in range(len(rows))), key=lambda h: h.score, default=None)
    if header is None or len(header.columns) < min(2, len(item.children)):
        return []
    return _Reader(header, document, rows).entries()


def _header(item: Shape, rows: Sequence[Row], index: int) -> _Header:
    cells = rows[index].cells
    columns: dict[int, Shape] = {}
    scores: dict[int, float] = {}
    candidates = sorted(
        ((_fit(child, cell.text), at, child) for at, cell in enumerate(cells) for child in item.children),
        key=lambda candidate: -candidate[0],
    )
    for score, at, child in candidates:
        if score > 0.4 and at not in columns and child not in columns.values():
            columns[at], scores[at] = child, score
    return _Header(cells, columns, sum(scores.values()), index)


def _fit(child: Shape, title: str) -> float:
    label = _title_words(title)
    return max((likeness(_table_words(names), label) for names in child.names), default=0.0) if label else 0.0


@lru_cache(maxsize=16_384)
def _title_words(title: str) -> frozenset[str]:
    """No words for what cannot be the title of a column."""
    if len(title) > LONGEST_TITLE or ": " in title or any(ch.isdigit() for ch in title):
        return frozenset()
    return _table_words(frozenset(canonical(title)))


def _table_words(words: frozenset[str]) -> frozenset[str]:
    return frozenset(IN_TABLES.get(word, word) for word in words) - ({"line"} if len(words) > 1 else set())


class _Reader:
    def __init__(self, header: _Header, document: Document | None, rows: Sequence[Row]) -> None:
        self._header = header
        self._document = document
        self._rows = rows
        self._titles = [cell.text for cell in header.cells]

    def entries(self) -> list[Entry]:
        found: list[Entry] = []
        missed = 0
        for row in self._rows[self._header.row + 1 :]:
            if [cell.text for cell in row.cells] == self._titles:
                missed = 0
                continue
            if _closes(row):
                break
            entry = self._entry(row)
            missed = 0 if entry else missed + 1
            if entry:
                found.append(entry)
            if missed > MISSES:
                break
        return found

    def _entry(self, row: Row) -> Entry | None:
        values: dict[str, tuple[Any, str]] = {}
        for cell, at in self._assigned(row.cells):
            shape = self._header.columns.get(at)
            if shape is None or shape.name in values:
                continue
            value = convert(cell.text, shape)
            if value is None and shape.kind in ("number", "integer"):
                return None
            values[shape.name] = (value, cell.text)
        known = sum(value is not None for value, _ in values.values())
        return Entry(Place(self._document, row), values) if known >= min(2, len(self._header.columns)) else None

    def _assigned(self, cells: Sequence[Cell]) -> list[tuple[Cell, int]]:
        """Each cell with the number of its column: by order when none is missing, else by place."""
        if len(cells) == len(self._header.cells):
            return [(cell, at) for at, cell in enumerate(cells)]
        return [(cell, min(range(len(self._header.cells)), key=lambda at: self._distance(cell, at))) for cell in cells]

    def _distance(self, cell: Cell, at: int) -> int:
        title = self._header.cells[at]
        if cell.left < title.right and title.left < cell.right:
            return -(min(cell.right, title.right) - max(cell.left, title.left))
        return min(abs(cell.left - title.left), abs(cell.right - title.right))


def _closes(row: Row) -> bool:
    """A line of totals ends a table."""
    first = row.cells[0].text
    words = canonical(first.split(":")[0])
    return len(words) <= 4 and bool(ENDS & set(words)) and len(row.cells) <= 3
