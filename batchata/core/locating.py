"""Where on its pages the words of a citation stand, whatever spacing, hyphens, ligatures and columns do to them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from batchata.core.glyphs import Glyph, Placed, boxes_around, folded, in_lines, laid_out

Span = tuple[int, int]
"""From the first character to the one after the last."""

_IN_NUMBERS = frozenset(".,'/-:")
_LONG_ENOUGH = 8
_LETTERS = 4


@dataclass(frozen=True, slots=True)
class Spot:
    """One place of the words: the glyphs they are, and those of them that are the value."""

    glyphs: tuple[int, ...]
    value: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Every place where the words stand. Where only some lines of them could be found, `lines` of `of` were."""

    spots: tuple[Spot, ...] = ()
    lines: int = 1
    of: int = 1


class _Needle:
    """Words as they are compared, and for each character its place in them."""

    def __init__(self, words: str, *, bare: bool) -> None:
        kept = [(each, at) for at, raw in enumerate(words) for each in folded(raw) if not bare or each.isalnum()]
        self.text = "".join(each for each, _ in kept)
        self.places = [at for _, at in kept]

    def within(self, span: Span | None) -> Span:
        """The characters that are a part of the words."""
        if span is None:
            return 0, 0
        return bisect_left(self.places, span[0]), bisect_left(self.places, span[1])


class _Stream:
    """Glyphs in one reading order as they are compared; `bare` leaves letters and digits only."""

    def __init__(self, glyphs: Sequence[Glyph], order: Sequence[int], *, bare: bool) -> None:
        self.bare = bare
        self.owners: list[int] = []
        self.apart: list[bool] = []
        kept: list[str] = []
        pending = True
        for index, glyph in zip(order, glyphs, strict=True):
            pending = pending or glyph.apart
            for each in folded(glyph.text):
                if bare and not each.isalnum():
                    pending = True
                    continue
                kept.append(each)
                self.owners.append(index)
                self.apart.append(pending)
                pending = False
        self.text = "".join(kept)

    def find(self, words: str, value: Span | None) -> list[Spot]:
        """Every place; where the words stand by themselves somewhere, parts of longer words do not count."""
        needle = _Needle(words, bare=self.bare)
        size = len(needle.text)
        if not size or (self.bare and sum(map(str.isalpha, needle.text)) < _LETTERS):
            return []
        starts = list(self._starts(needle.text))
        whole = [at for at in starts if not self._cuts(at) and not self._cuts(at + size)]
        first, last = needle.within(value)
        return [
            Spot(self._glyphs(at, at + size), self._glyphs(at + first, at + last))
            for at in whole or (starts if size >= _LONG_ENOUGH else [])
        ]

    def _starts(self, text: str) -> Iterator[int]:
        at = self.text.find(text)
        while at >= 0:
            yield at
            at = self.text.find(text, at + len(text))

    def _cuts(self, at: int) -> bool:
        """Whether a word or a number goes on across this place."""
        if not 0 < at < len(self.text) or self.apart[at]:
            return False
        before, after = self.text[at - 1], self.text[at]
        if before.isalnum() and after.isalnum():
            return True
        if after in _IN_NUMBERS and before.isdigit():
            return self.text[at + 1 : at + 2].isdigit() and not self.apart[at + 1]
        return before in _IN_NUMBERS and after.isdigit() and self.text[at - 2 : at - 1].isdigit()

    def _glyphs(self, start: int, end: int) -> tuple[int, ...]:
        return tuple(dict.fromkeys(self.owners[start:end]))


class Pages:
    """The text of one page, or of some that follow each other, to look for words in."""

    def __init__(self, glyphs: Sequence[Glyph]) -> None:
        self.glyphs = glyphs
        self._texts: dict[frozenset[int], str] = {}

    def find(self, words: str, value: Span | None = None) -> Found:
        """Where the words stand; `value` is the part of them to be marked more strongly.

        They are looked for in the order of the file and in that of the eye, first with all signs, then as letters and
        digits alone. What is found nowhere as a whole is looked for line by line; a line counts if it stands once.
        """
        if spots := self._whole(words, value):
            return Found(tuple(spots))
        lines = [each for each in _lines_of(words) if folded_text(words[slice(*each)])]
        known = [spots[0] for each in lines if len(spots := self._line(words, each, value)) == 1]
        if len(lines) < 2 or not known:
            return Found(lines=0, of=max(len(lines), 1))
        joined = Spot(tuple(n for each in known for n in each.glyphs), tuple(n for each in known for n in each.value))
        return Found((joined,), len(known), len(lines))

    def boxes(self, indexes: Sequence[int]) -> list[Placed]:
        """The rectangles that cover these glyphs."""
        return boxes_around(self.glyphs[index] for index in indexes)

    def rows(self, indexes: Sequence[int]) -> frozenset[int]:
        """The lines of the page that these glyphs stand on."""
        return frozenset(self._row_of[index] for index in indexes)

    def line_text(self, indexes: Sequence[int]) -> str:
        """All that stands on the lines of these glyphs. Made once: of words that stand everywhere each place asks."""
        rows = self.rows(indexes)
        if rows not in self._texts:
            listed = (self.glyphs[index] for number in sorted(rows) for index in self._lines[number])
            self._texts[rows] = "".join(f" {each.text}" if each.apart else each.text for each in listed)
        return self._texts[rows]

    def _whole(self, words: str, value: Span | None) -> list[Spot]:
        return next((spots for stream in self._streams() if (spots := stream.find(words, value))), [])

    def _line(self, words: str, line: Span, value: Span | None) -> list[Spot]:
        start, end = line
        inner = (max(value[0], start) - start, min(value[1], end) - start) if value else None
        return self._whole(words[start:end], inner if inner and inner[0] < inner[1] else None)

    def _streams(self) -> Iterator[_Stream]:
        yield self._read
        yield self._seen
        yield self._read_bare
        yield self._seen_bare

    @cached_property
    def _read(self) -> _Stream:
        return _Stream(self.glyphs, range(len(self.glyphs)), bare=False)

    @cached_property
    def _read_bare(self) -> _Stream:
        return _Stream(self.glyphs, range(len(self.glyphs)), bare=True)

    @cached_property
    def _seen(self) -> _Stream:
        order, placed = self._laid_out
        return _Stream(placed, order, bare=False)

    @cached_property
    def _seen_bare(self) -> _Stream:
        order, placed = self._laid_out
        return _Stream(placed, order, bare=True)

    @cached_property
    def _laid_out(self) -> tuple[list[int], list[Glyph]]:
        return laid_out(self.glyphs, self._lines)

    @cached_property
    def _lines(self) -> list[list[int]]:
        return in_lines(self.glyphs)

    @cached_property
    def _row_of(self) -> dict[int, int]:
        return {index: number for number, row in enumerate(self._lines) for index in row}


def folded_text(words: str) -> str:
    """The words as they are compared."""
    return "".join(map(folded, words))


def _lines_of(words: str) -> list[Span]:
    spans, start = [], 0
    for line in words.splitlines(keepends=True):
        spans.append((start, start + len(line)))
        start += len(line)
    return spans
