"""Labels and their values on a page, in every way they are commonly laid out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from batchata.simulator.reading import Cell, Document, Row
from batchata.simulator.words import LIGHT, PARTIES, SAME, canonical

INLINE = re.compile(
    r"[-*\u2022#\s]*([^:=\d][^:=]{0,48}?)\**\s*(?::\**\s+|:(?=[^\s/\d])|\s=\s|\s[\u2013\u2014-]\s)\s*(\S.*)"
)
LABEL_WORDS = 5
LONGEST_LABEL = 48
SHORTENED = ("no.", "nr.", "num.", "qty.", "ref.", "tel.", "amt.", "addr.")
SPLIT_WORDS = 9
ALIGNED = 3
BELOW_PARTY = 4
OTHER_LABELS = frozenset({"due", "order", "currency", "term", "payment", "status", "linetotal"})
LABEL_WORDS_KNOWN = LIGHT | PARTIES | SAME.keys() | OTHER_LABELS


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was read."""

    document: Document | None
    row: Row


@dataclass(frozen=True, slots=True)
class Pair:
    """A label with its value; `trust` (0 to 1) is lower for less certain layouts."""

    label: frozenset[str]
    section: frozenset[str]
    value: str
    place: Place
    trust: float


@dataclass(frozen=True, slots=True)
class Heading:
    words: frozenset[str]
    cell: Cell
    row: int


def pairs_of(document: Document | None, rows: Sequence[Row]) -> list[Pair]:
    """Every reading of the rows as label and value, also those that contradict each other."""
    return list(_Finder(document, rows).pairs())


class _Finder:
    def __init__(self, document: Document | None, rows: Sequence[Row]) -> None:
        self._document = document
        self._rows = rows
        self._headings: list[Heading] = []

    def pairs(self) -> Iterator[Pair]:
        for index, row in enumerate(self._rows):
            for position, cell in enumerate(row.cells):
                section = self._section(cell)
                yield from self._of_cell(index, position, cell, section)
            self._headings += [
                Heading(frozenset(canonical(cell.text)), cell, index) for cell in row.cells if _is_heading(row, cell)
            ]

    def _of_cell(self, index: int, position: int, cell: Cell, section: frozenset[str]) -> Iterator[Pair]:
        row = self._rows[index]
        inline = INLINE.match(cell.text)
        if inline:
            yield self._pair(inline[1], inline[2], row, section, 1.0)
            return
        yield from self._splits(cell, row, section)
        if not _is_label(cell.text):
            return
        beside = row.cells[position + 1] if position + 1 < len(row.cells) else None
        if beside is not None and not beside.text.endswith(":"):
            yield self._pair(cell.text, beside.text, row, section, _trust(row, position))
        below = self._below(index, cell)
        if below is not None:
            yield self._pair(cell.text, below[1].text, below[0], section, 0.88)

    def _splits(self, cell: Cell, row: Row, section: frozenset[str]) -> Iterator[Pair]:
        """`Invoice # 1001` and `Total $500.00`: words, then something with a digit."""
        words = cell.text.split(" ")
        if not 2 <= len(words) <= SPLIT_WORDS:
            return
        for count in range(1, min(LABEL_WORDS, len(words) - 1) + 1):
            label, value = words[:count], words[count]
            if any(ch.isdigit() for ch in label[-1]):
                return
            if any(ch.isdigit() for ch in value) or label[-1].lower() in ("#", "no.", "number"):
                yield self._pair(" ".join(label), " ".join(words[count:]), row, section, 0.8)
                yield self._pair(" ".join(label[-2:]), " ".join(words[count:]), row, section, 0.7)

    def _below(self, index: int, cell: Cell) -> tuple[Row, Cell] | None:
        if index + 1 >= len(self._rows):
            return None
        row = self._rows[index + 1]
        if row.page != self._rows[index].page:
            return None
        for other in row.cells:
            if abs(other.left - cell.left) <= ALIGNED or abs(other.right - cell.right) <= ALIGNED:
                return (row, other) if not INLINE.match(other.text) and not other.text.endswith(":") else None
        return None

    def _section(self, cell: Cell) -> frozenset[str]:
        """The words of the heading above; a party's name below its heading does not start a section."""
        above = [heading for heading in self._headings if abs(heading.cell.left - cell.left) <= ALIGNED]
        if not above:
            return self._headings[-1].words if self._headings else frozenset()
        last = above[-1]
        parties = [heading for heading in above if heading.words & PARTIES and last.row - heading.row < BELOW_PARTY]
        return parties[-1].words if parties else last.words

    def _pair(self, label: str, value: str, row: Row, section: frozenset[str], trust: float) -> Pair:
        return Pair(frozenset(canonical(label)), section, value.strip(), Place(self._document, row), trust)


def _trust(row: Row, position: int) -> float:
    """How likely the cell after this one is its value and not the title of the next column."""
    label, value = row.cells[position].text, row.cells[position + 1].text
    if label.endswith(":"):
        return 0.98
    if set(canonical(value)) <= LABEL_WORDS_KNOWN:
        return 0.4
    in_pairs = len(row.cells) % 2 == 0 and position % 2 == 0 and len(row.cells) <= 4
    return 0.93 if in_pairs else 0.6


def _is_label(text: str) -> bool:
    if len(text) > LONGEST_LABEL or len(text.split()) > LABEL_WORDS or not any(ch.isalpha() for ch in text):
        return False
    whole = not text.endswith((".", ",", ";", "!", "?")) or text.lower().endswith(SHORTENED)
    return whole and not any(ch.isdigit() for ch in text)


def _is_heading(row: Row, cell: Cell) -> bool:
    text = cell.text
    if len(text.split()) > 4 or any(ch.isdigit() for ch in text) or INLINE.match(text):
        return False
    words = set(canonical(text))
    if words & PARTIES:
        return True
    alone = len(row.cells) == 1
    return alone and (text.endswith(":") or text.istitle() or text.isupper())
