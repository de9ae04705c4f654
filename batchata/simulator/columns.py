"""The header row of a table: which column is which property, also where only single spaces part the titles."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from batchata.simulator.dates import WRITTEN
from batchata.simulator.numbers import MARKED
from batchata.simulator.reading import Cell, Row
from batchata.simulator.shapes import Shape
from batchata.simulator.vocabulary import CODES
from batchata.simulator.words import canonical, likeness

IN_TABLES = {
    "total": "amount", "linetotal": "amount", "subtotal": "amount", "value": "amount", "name": "description",
    "text": "description", "purpose": "description",
}  # fmt: skip
OTHER_TITLES = frozenset(
    {"number", "unit", "taxrate", "tax", "discount", "date", "order", "pos", "vat", "%", "currency"}
)
LONGEST_TITLE = 40
TITLE_WORDS = 4
FITS = 0.4
FIGURE = rf"(?:{MARKED}\s?)?[-\u2212(]?\d[\d.,'\u2019\u00a0]*\)?(?:\s?(?:%|[$\u20ac\u00a3]|(?:{CODES})\b))?"
DAY = re.sub(r"\?P<\w+>", "?:", WRITTEN.pattern.replace("(?P=mark)", "[/.-]"))


@dataclass(frozen=True, slots=True)
class Header:
    """`columns` holds the property of each cell that has one; `pattern` reads a row whose cells are not parted."""

    cells: tuple[Cell, ...]
    columns: dict[int, Shape]
    score: float
    row: int
    parted: bool

    @property
    def pattern(self) -> re.Pattern[str]:
        return _row_pattern(tuple(self.columns.get(at) for at in range(len(self.cells))))


def find_header(item: Shape, rows: Sequence[Row]) -> Header | None:
    """The row that names the most properties of `item`."""
    found = [header for index in range(len(rows)) for header in _headers(item, rows[index], index)]
    best = max(found, key=lambda header: header.score, default=None)
    return best if best is not None and len(best.columns) >= min(2, len(item.children)) else None


def _headers(item: Shape, row: Row, index: int) -> list[Header]:
    if len(row.cells) > 1:
        return [_header(item, row.cells, index, parted=True)]
    titles = _titles_in(row.text, item)
    return [_header(item, titles, index, parted=False)] if len(titles) > 1 else []


def _header(item: Shape, cells: tuple[Cell, ...], index: int, *, parted: bool) -> Header:
    columns: dict[int, Shape] = {}
    scores: dict[int, float] = {}
    candidates = sorted(
        ((fit(child, cell.text), at, child) for at, cell in enumerate(cells) for child in item.children),
        key=lambda candidate: -candidate[0],
    )
    for score, at, child in candidates:
        if score > FITS and at not in columns and child not in columns.values():
            columns[at], scores[at] = child, score
    return Header(cells, columns, sum(scores.values()), index, parted)


def fit(child: Shape, title: str) -> float:
    """How well the title of a column names the property."""
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


def _titles_in(text: str, item: Shape) -> tuple[Cell, ...]:
    """`Item Qty Unit price Amount` as four titles; nothing when there are other words."""
    words = text.split(" ")
    if not 2 <= len(words) <= 12 or any(ch.isdigit() for ch in text):
        return ()
    cells: list[Cell] = []
    at = 0
    while at < len(words):
        size = _longest_title(words[at:], item)
        if not size:
            return ()
        title = " ".join(words[at : at + size])
        left = len(" ".join(words[:at])) + bool(at)
        cells.append(Cell(title, left, left + len(title)))
        at += size
    return tuple(cells)


def _longest_title(words: Sequence[str], item: Shape) -> int:
    sizes = range(min(TITLE_WORDS, len(words)), 0, -1)
    scored = [(max(fit(child, " ".join(words[:size])) for child in item.children), size) for size in sizes]
    score, size = max(scored)
    if score > FITS:
        return size
    return int(bool(OTHER_TITLES & set(canonical(words[0]))))


@lru_cache(maxsize=1024)
def _row_pattern(columns: tuple[Shape | None, ...]) -> re.Pattern[str]:
    parts = (f"({_cell_pattern(shape)})" for shape in columns)
    return re.compile(r"\s+".join(parts), re.IGNORECASE)


def _cell_pattern(shape: Shape | None) -> str:
    if shape is None:
        return r"\S+"
    if shape.kind in ("number", "integer"):
        return FIGURE
    return f"(?:{DAY})" if shape.format in ("date", "date-time") else r"\S.*?"
