"""Labels and their values on a page, in every way they are commonly laid out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from batchata.simulator.dates import dates_in
from batchata.simulator.numbers import MARKED, SIGN, amounts_in
from batchata.simulator.reading import Cell, Document, Row
from batchata.simulator.vocabulary import CODES, LIGHT, PARTIES, PHRASES, SAME
from batchata.simulator.words import canonical

INLINE = re.compile(
    r"[-*\u2022#\s]*([^:=\d][^:=]{0,48}?)\**\s*(?::\**\s+|:(?=[^\s/\d])|\s=\s|\s[\u2013\u2014-]\s|"
    r"\s?\.{3,}|\s?\u2026+|\s(?:->|=>|\u2192|\u25a0)\s)\s*(\S.*)"
)
NEXT = re.compile(r"(?<=\S)[\s,;|]+(?=([A-ZÀ-Ü][\w.'\u00b0-]*(?:\s[\w.'\u00b0-]+){0,3})\s?:\s)")
RATED = re.compile(
    r"(?P<label>[^\W\d][^\d:]{0,38}?)\s*[(@,]?\s*(?P<rate>\d+(?:[.,]\d+)?\s?%)\s*\)?(?P<rest>\s*(?::.*|$))"
)
RATE_FIRST = re.compile(r"(?P<rate>\d+(?:[.,]\d+)?\s?%)\s+(?P<label>[^\W\d][^\d:]{0,28})(?P<rest>\s*(?::.*|$))")
LONE_AMOUNT = re.compile(rf"[*=_#\s-]*((?:{MARKED})\s?[\d.,']+|[\d.,']+\s?(?:{SIGN}|(?:{CODES})\b))[*=_#\s-]*")
BEHIND = re.compile(r"(\S[^()]{0,60}?)\s\(([^\W\d][^()\d]{1,30})\)")
LABEL_WORDS = 5
LONGEST_LABEL = 48
SHORTENED = ("no.", "nr.", "num.", "qty.", "ref.", "tel.", "amt.", "addr.", "mwst.", "ust.", "inkl.", "incl.", "excl.")
SPLIT_WORDS = 9
ALIGNED = 3
BELOW_PARTY = 4
OTHER_LABELS = frozenset({"due", "order", "currency", "term", "payment", "status", "linetotal", "taxid", "unit"})
LINE_WORDS = frozenset({"description", "quantity", "price", "linetotal", "unit"})
PHRASE_WORDS = frozenset(word for _, words in PHRASES for word in words.split())
LABEL_WORDS_KNOWN = LIGHT | PARTIES | SAME.keys() | OTHER_LABELS | PHRASE_WORDS


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
                Heading(frozenset(canonical(cell.text)), cell, index) for cell in row.cells if is_heading(row, cell)
            ]

    def _of_cell(self, index: int, position: int, cell: Cell, section: frozenset[str]) -> Iterator[Pair]:
        row = self._rows[index]
        rated = RATED.fullmatch(cell.text) or RATE_FIRST.fullmatch(cell.text)
        if rated:
            yield self._pair(f"{rated['label']} rate", rated["rate"], row, section, 0.9)
            cell = replace(cell, text=(rated["label"].rstrip(" (@,") + rated["rest"].rstrip()))
        if INLINE.match(cell.text):
            yield from self._inline(cell.text, row, section)
            return
        if len(row.cells) == 1 and (alone := LONE_AMOUNT.fullmatch(cell.text)):
            yield Pair(frozenset({"total"}), section, alone[1], Place(self._document, row), 0.5)
        if behind := BEHIND.fullmatch(cell.text):
            yield self._pair(behind[2], behind[1], row, section, 0.85)
        yield from self._splits(cell, row, section)
        if is_label(cell.text):
            yield from self._around(index, position, cell, section)

    def _inline(self, text: str, row: Row, section: frozenset[str]) -> Iterator[Pair]:
        """`Label: value`, and again behind it where the next label is a known one."""
        cuts = [found for found in NEXT.finditer(text) if is_known(found[1])]
        starts = [0, *(found.end() for found in cuts)]
        ends = [*(found.start() for found in cuts), len(text)]
        for start, end in zip(starts, ends, strict=True):
            if found := INLINE.match(text[start:end]):
                yield self._pair(found[1], found[2], row, section, 1.0)

    def _around(self, index: int, position: int, cell: Cell, section: frozenset[str]) -> Iterator[Pair]:
        """The cell beside the label, and the one below it."""
        row = self._rows[index]
        in_titles = self._is_title_row(index)
        beside = row.cells[position + 1] if position + 1 < len(row.cells) and not in_titles else None
        if beside is not None and not beside.text.endswith(":"):
            yield self._pair(cell.text, beside.text, row, section, _trust(row, position))
        below = self._below(index, position, cell, by_order=in_titles)
        if below is not None and not is_known(below[1].text):
            trust = 0.88 if beside is None or is_known(beside.text) else 0.55
            if in_titles:
                trust = 0.5 if self._heads_table(index) else 0.95
            yield self._pair(cell.text, below[1].text, below[0], section, trust)

    def _is_title_row(self, index: int) -> bool:
        """Several labels side by side, above as many values."""
        row, below = self._rows[index], self._row_below(index)
        if len(row.cells) < 2 or below is None or len(below.cells) != len(row.cells):
            return False
        labels = [is_label(cell.text) for cell in row.cells]
        return (
            all(labels)
            and sum(is_known(cell.text) for cell in row.cells) * 2 >= len(labels)
            and not any(is_known(cell.text) or INLINE.match(cell.text) for cell in below.cells)
        )

    def _heads_table(self, index: int) -> bool:
        """Titles of columns with several rows, or with those of a line item."""
        row = self._rows[index]
        words = {word for cell in row.cells for word in canonical(cell.text)}
        again = self._row_below(index + 1)
        more = again is not None and len(again.cells) == len(row.cells) and not words & PARTIES
        return more or len(words & LINE_WORDS) > 1

    def _splits(self, cell: Cell, row: Row, section: frozenset[str]) -> Iterator[Pair]:
        """`Invoice # 1001` and `Total $500.00`: words, then something with a digit."""
        words = cell.text.split(" ")
        if not 2 <= len(words) <= SPLIT_WORDS:
            return
        for count in range(1, min(LABEL_WORDS, len(words) - 1) + 1):
            label, value = words[:count], words[count]
            if any(ch.isdigit() for ch in label[-1]):
                return
            if any(ch.isdigit() for ch in value) or label[-1].lower() in ("#", "no.", "number", "nr.", "n\u00b0"):
                yield self._pair(" ".join(label), " ".join(words[count:]), row, section, 0.8)
                yield self._pair(" ".join(label[-2:]), " ".join(words[count:]), row, section, 0.7)

    def _row_below(self, index: int) -> Row | None:
        below = self._rows[index + 1] if index + 1 < len(self._rows) else None
        return below if below is not None and below.page == self._rows[index].page else None

    def _below(self, index: int, position: int, cell: Cell, *, by_order: bool) -> tuple[Row, Cell] | None:
        row = self._row_below(index)
        if row is None:
            return None
        if by_order:
            return row, row.cells[position]
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
        return Pair(frozenset(canonical(label)), section, value.strip(" ;"), Place(self._document, row), trust)


def _trust(row: Row, position: int) -> float:
    """How likely the cell after this one is its value and not the title of the next column."""
    label, value = row.cells[position].text, row.cells[position + 1].text
    if label.endswith(":"):
        return 0.98
    if is_known(value):
        return 0.4
    in_pairs = len(row.cells) % 2 == 0 and position % 2 == 0 and len(row.cells) <= 4
    last = position == len(row.cells) - 2 and is_known(label)
    return 0.93 if in_pairs or (last and _is_typed(value)) else 0.6


def _is_typed(text: str) -> bool:
    return any(ch.isdigit() for ch in text) or any(amounts_in(text)) or any(dates_in(text))


def is_known(text: str) -> bool:
    """Whether all words are those of common labels."""
    return set(canonical(text)) <= LABEL_WORDS_KNOWN and not any(ch.isdigit() for ch in text)


def is_label(text: str) -> bool:
    if len(text) > LONGEST_LABEL or len(text.split()) > LABEL_WORDS or not any(ch.isalpha() for ch in text):
        return False
    whole = not text.endswith((".", ",", ";", "!", "?")) or text.lower().endswith(SHORTENED)
    return whole and not any(ch.isdigit() for ch in text)


def is_heading(row: Row, cell: Cell) -> bool:
    text = cell.text
    if len(text.split()) > 4 or any(ch.isdigit() for ch in text) or INLINE.match(text):
        return False
    words = set(canonical(text))
    if words & PARTIES:
        return True
    alone = len(row.cells) == 1
    return alone and (text.endswith(":") or text.istitle() or text.isupper())
