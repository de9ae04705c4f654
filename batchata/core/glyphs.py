"""The characters of pages with their places, and the orders in which they may be read."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

_QUOTES = str.maketrans({"‘": "'", "’": "'", "‚": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'})  # noqa: RUF001
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−\u00ad\x02\ufffe", "-"))  # noqa: RUF001 - PDFium's line-end hyphen is \x02
_WORD_GAP = 0.15
_RUN_GAP = 1.6


class Box(NamedTuple):
    """A rectangle in points, from the upper left corner of the page as it is shown."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def joined(self, other: Box) -> Box:
        """The smallest box around both."""
        lefts, tops = min(self.left, other.left), min(self.top, other.top)
        return Box(lefts, tops, max(self.right, other.right), max(self.bottom, other.bottom))

    def is_beside(self, other: Box) -> bool:
        """Whether both stand on one line: they share at least half of the lower one's height."""
        shared = min(self.bottom, other.bottom) - max(self.top, other.top)
        return shared > 0 and shared >= min(self.height, other.height) / 2


class Glyph(NamedTuple):
    """A character of a page (counted from 1). `apart`: white space or a new line comes before it."""

    text: str
    page: int
    box: Box
    apart: bool


class Placed(NamedTuple):
    """A rectangle on a page."""

    page: int
    box: Box


@lru_cache(maxsize=8192)
def folded(character: str) -> str:
    """What it is compared as: ligatures are letters, accents and case are gone, white space is nothing."""
    plain = unicodedata.normalize("NFKD", character.translate(_DASHES)).translate(_QUOTES).casefold()
    return "".join(each for each in plain if each.isprintable() and not each.isspace() and not _is_accent(each))


def _is_accent(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Cf")


def in_lines(glyphs: Sequence[Glyph]) -> list[list[int]]:
    """The glyphs as lines across the page, by their places alone: each a list of indexes from left to right."""
    rows: list[list[int]] = []
    for index in sorted(range(len(glyphs)), key=lambda n: (glyphs[n].page, glyphs[n].box.top + glyphs[n].box.bottom)):
        first = glyphs[rows[-1][0]] if rows else None
        if first is not None and first.page == glyphs[index].page and first.box.is_beside(glyphs[index].box):
            rows[-1].append(index)
        else:
            rows.append([index])
    return [sorted(row, key=lambda n: glyphs[n].box.left) for row in rows]


def laid_out(glyphs: Sequence[Glyph], lines: Iterable[Sequence[int]]) -> tuple[list[int], list[Glyph]]:
    """The glyphs line by line as `in_lines` gives them: their indexes, and themselves in that order."""
    order: list[int] = []
    placed: list[Glyph] = []
    for row in lines:
        right: float | None = None
        for index in row:
            box = glyphs[index].box
            placed.append(glyphs[index]._replace(apart=right is None or box.left - right > _WORD_GAP * box.height))
            right = box.right if right is None else max(right, box.right)
        order += row
    return order, placed


def boxes_around(glyphs: Iterable[Glyph]) -> list[Placed]:
    """One rectangle for each run of neighbours; a wide gap, as between columns, is left free."""
    runs: list[Placed] = []
    for glyph in glyphs:
        last = runs[-1] if runs else None
        if last is not None and last.page == glyph.page and _goes_on(last.box, glyph.box):
            runs[-1] = Placed(last.page, last.box.joined(glyph.box))
        else:
            runs.append(Placed(glyph.page, glyph.box))
    return runs


def _goes_on(run: Box, box: Box) -> bool:
    reach = _RUN_GAP * max(run.height, box.height)
    return run.is_beside(box) and -reach <= box.left - run.right <= reach
