"""Which words of a cited text are the value of the field, and which of several places is meant."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from batchata.core.leaves import words_of
from batchata.core.matching import Text, Value

Span = tuple[int, int]

_WORD = re.compile(r"\S+")
_MOST_WORDS = 200
_NUMBER_WORDS, _DATE_WORDS, _MORE_WORDS = 3, 5, 2
_BEFORE, _AFTER = "([{<\"'", ",;:)]}>\"'"


def value_span(cited: str, value: Value | None) -> Span | None:
    """The part of a cited text that states the value; None when none does, or more than one."""
    words = [match.span() for match in _WORD.finditer(cited)]
    if value is None or len(words) > _MOST_WORDS or value.count_in(Text(cited)) != 1:
        return None
    for size in _sizes(value):
        found = [
            span
            for first, last in zip(words, words[size - 1 :], strict=False)
            if value.count_in(Text(cited[first[0] : last[1]])) and (span := (first[0], last[1]))
        ]
        if found:
            return _trimmed(cited, found[0], _AFTER if value.folded else f"{_AFTER}.") if len(found) == 1 else None
    return None


def _sizes(value: Value) -> range:
    if value.days:
        return range(1, _DATE_WORDS + 1)
    if value.numbers:
        return range(1, _NUMBER_WORDS + 1)
    length = len(value.folded.split())
    return range(1, length + _MORE_WORDS + 1)


def _trimmed(cited: str, span: Span, after: str) -> Span:
    """Without the punctuation around it."""
    start, end = span
    bare = cited[start:end].lstrip(_BEFORE)
    start = end - len(bare)
    return start, start + len(bare.rstrip(after))


def row_of(path: str) -> str:
    """The object that a field belongs to: `lines[2]` of `lines[2].amount`; empty at the top."""
    return path.rpartition(".")[0]


def beside(rows: Sequence[frozenset[int]], mates: Mapping[str, frozenset[int]]) -> tuple[int, str] | None:
    """Which of several places shares a line with other fields of the same row, and with which one.

    `rows` are the lines each place stands on, `mates` those of the other fields, whose places are known. None when
    that does not single one out.
    """
    near = [n for n, row in enumerate(rows) if any(row & lines for lines in mates.values())]
    if len(near) != 1:
        return None
    return near[0], next(path for path, lines in mates.items() if rows[near[0]] & lines)


def named(path: str, lines: Sequence[str]) -> int | None:
    """Which of several places stands on a line that has the field's name; None when that is not one of them.

    `lines` are what stands on the line of each place.
    """
    words = set(words_of(path.rpartition(".")[2]))
    naming = [n for n, line in enumerate(lines) if words and words <= _stems(line)]
    return naming[0] if len(naming) == 1 else None


@lru_cache(maxsize=4096)
def _stems(line: str) -> frozenset[str]:
    """Of words that stand everywhere, many places are on one line, and many fields ask for it."""
    return Text(line).stems
