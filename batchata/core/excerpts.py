"""A text with the cited characters marked, and some of what stands around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Span = tuple[int, int]

_AROUND = 400


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text and the numbers of the marks that cover it; `values` are those whose value it states."""

    text: str
    marks: tuple[int, ...] = ()
    values: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Marked:
    """A citation's place in a text, and the part of it that is the value. `number` tells it from others."""

    number: int
    span: Span
    value: Span | None = None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a text. `cut_before`, `cut_after`: whether the text goes on there."""

    segments: tuple[Segment, ...]
    cut_before: bool
    cut_after: bool


def cited_span(text: str, cited: str, start: int | None, end: int | None) -> Span | None:
    """Where in the text the cited words are: where the API says, if they stand there, else where they stand once.

    Whether the API counts characters or UTF-16 units is nowhere said (doc:build-with-claude/citations), so both
    are tried. None when they are not found, or more than once.
    """
    if not cited:
        return None
    if start is not None and end is not None:
        for span in ((start, end), _in_characters(text, start, end)):
            if text[span[0] : span[1]] == cited:
                return span
    at = text.find(cited)
    return (at, at + len(cited)) if at >= 0 and text.find(cited, at + 1) < 0 else None


def _in_characters(text: str, start: int, end: int) -> Span:
    """A span that counts UTF-16 units as one that counts characters."""
    units = text.encode("utf-16-le", "surrogatepass")
    first = len(units[: 2 * start].decode("utf-16-le", "replace"))
    return first, first + len(units[2 * start : 2 * end].decode("utf-16-le", "replace"))


def excerpts(text: str, marks: Sequence[Marked], around: int = _AROUND) -> list[Excerpt]:
    """The parts of the text that hold marks, each with so many characters around it; all of a short text."""
    return [_excerpt(text, window, marks) for window in _windows(len(text), marks, around)]


def _windows(length: int, marks: Sequence[Marked], around: int) -> list[Span]:
    if length <= 4 * around:
        return [(0, length)]
    windows: list[Span] = []
    for start, end in sorted((max(each.span[0] - around, 0), min(each.span[1] + around, length)) for each in marks):
        if windows and start <= windows[-1][1]:
            windows[-1] = windows[-1][0], max(windows[-1][1], end)
        else:
            windows.append((start, end))
    return windows


def _excerpt(text: str, window: Span, marks: Sequence[Marked]) -> Excerpt:
    start, end = window
    spans = [span for each in marks for span in (each.span, each.value) if span]
    cuts = sorted({start, end, *(cut for span in spans for cut in span if start < cut < end)})
    segments = (
        Segment(
            text[first:last],
            tuple(each.number for each in marks if _covers(each.span, first)),
            tuple(each.number for each in marks if each.value and _covers(each.value, first)),
        )
        for first, last in pairwise(cuts)
    )
    return Excerpt(tuple(segments), start > 0, end < len(text))


def _covers(span: Span, at: int) -> bool:
    return span[0] <= at < span[1]
