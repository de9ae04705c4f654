"""What the script of a report is given: items, their fields, the sheets they are shown beside. As JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from batchata.core.excerpts import Excerpt
from batchata.core.glyphs import Box

Rectangle = list[float]
"""Left, top, width and height in points."""


class Mark(TypedDict):
    """Where a citation is on one sheet: rectangles on a page, or the number of a mark in a text."""

    sheet: int
    boxes: NotRequired[list[Rectangle]]
    value: NotRequired[list[Rectangle]]
    number: NotRequired[int]


class Cite(TypedDict):
    """A citation of a field. `sheet` is the one to turn to, None where there is none to show."""

    text: str
    value: list[int] | None
    where: str
    rule: str
    note: str
    sheet: int | None
    marks: list[Mark]


class FieldSheet(TypedDict):
    """A field with its citations. `lacks` says that it has a value and no citation."""

    path: str
    shown: str
    kind: str
    lacks: bool
    cites: list[Cite]


class Sheet(TypedDict):
    """A page or a picture (`picture` is its number in the report), or the text around what is cited."""

    title: str
    width: NotRequired[float]
    height: NotRequired[float]
    picture: NotRequired[int]
    excerpts: NotRequired[list[list[list[object]]]]


class ItemSheet(TypedDict):
    """One item."""

    title: str
    source: str
    outcome: str
    reason: str
    facts: list[list[str]]
    notes: list[str]
    asked: bool
    fields: list[FieldSheet]
    sheets: list[Sheet]


RULES = {
    "span": "cited in the field's value",
    "label": "cited on the line that names the field",
    "value": "cited text that states this value and no other field's",
    None: "cited by the answer",
}
"""How a citation came to its field, by `Citation.match`."""


def rectangle(box: Box) -> Rectangle:
    """To a tenth of a point."""
    return [round(each, 1) for each in (box.left, box.top, box.right - box.left, box.bottom - box.top)]


def text_of(excerpt: Excerpt) -> list[list[object]]:
    """The excerpt as `[text, marks, values]` for each segment."""
    segments: list[list[object]] = [[each.text, list(each.marks), list(each.values)] for each in excerpt.segments]
    cut: list[object] = ["…", [], []]
    return [*([cut] * excerpt.cut_before), *segments, *([cut] * excerpt.cut_after)]


def repeated(places: int, pages: str, meant: str) -> str:
    """What is said of words that stand at several places; `meant` is what tells which, if anything does."""
    if meant:
        return f"These words stand {places} times on {pages}; the one on {meant} is marked."
    return f"These words stand {places} times on {pages}, and the citation does not say where: all are marked."


def not_found(pages: str, *, has_text: bool) -> str:
    """What is said of words that stand nowhere."""
    if not has_text:
        return f"There is no text on {pages}, only a picture, so nothing can be marked."
    return f"These words were not found on {pages}, so nothing is marked."


def partly_found(found: int, lines: int) -> str:
    """What is said when only some lines were found."""
    return f"{found} of the {lines} cited lines were found and are marked."


def pages_missing(first: int, pages: int) -> str:
    """What is said of a page that the document does not have."""
    has = "1 page" if pages == 1 else f"{pages} pages"
    return f"The document has {has}, so there is no page {first} to show."


def joined(notes: Sequence[str]) -> str:
    """The sentences in a row, each once."""
    return " ".join(dict.fromkeys(each for each in notes if each))
