"""Answers as content blocks of a Messages API response, and what counts as right for each case and shape."""

from collections.abc import Callable
from typing import Any

from .answers import SEGMENTS, Segment
from .build import Case, Place, flatten

Block = dict[str, Any]
PLAIN = {"values", "pairs", "fenced", "thinking", "bullets", "human_bullets"}  # the block itself names its field


def citation(place: Place) -> dict[str, Any]:
    page, text = place
    return {
        "type": "page_location",
        "cited_text": text,
        "document_index": 0,
        "document_title": None,
        "file_id": None,
        "start_page_number": page,
        "end_page_number": page + 1,
    }


def text_blocks(segments: list[Segment]) -> list[Block]:
    """Cited segments stay blocks of their own; uncited neighbours run together."""
    found: list[Block] = []
    for segment in segments:
        if not segment.text:
            continue
        if not segment.places and found and found[-1]["citations"] is None:
            found[-1]["text"] += segment.text
            continue
        citations = [citation(place) for place in segment.places] or None
        found.append({"type": "text", "text": segment.text, "citations": citations})
    return found


def shape(name: str) -> Callable[[Case], list[Block]]:
    """The content of a response in this shape; `thinking` has blocks before the text that are not text."""
    before = (
        [
            {"type": "thinking", "thinking": "", "signature": "c2lnbmF0dXJl"},
            {"type": "page_note", "note": "a block type from the future"},
        ]
        if name == "thinking"
        else []
    )
    return lambda case: [*map(dict, before), *text_blocks(SEGMENTS[name](case))]


SHAPES: dict[str, Callable[[Case], list[Block]]] = {name: shape(name) for name in SEGMENTS}


def allowed(case: Case, shape: str) -> dict[str, set[int]]:
    """The pages that are right for a path: where a citation of this answer states the field in its own role.

    A value that stands there by chance, or in another field's role, does not count. For `currency` a line that writes
    an amount with this currency's sign, code or name counts as a statement.
    """
    found: dict[str, set[int]] = {}
    for segment in SEGMENTS[shape](case):
        for place in segment.places:
            for path in case.chunks[place].forms:
                found.setdefault(path, set()).add(place[0])
    return found


def expected(case: Case, shape: str) -> set[str]:
    """The paths a careful reader can attribute without doubt.

    Where a block names one field: every evidenced path. Where several fields share citations: the paths for which a
    citation contains the value, and no other field in question has the same value, unless the cited text tells them
    apart (a label names the field, or the row holds another value that occurs only once in the answer). Booleans and
    currencies given by sign or name are not literally there and are left out.
    """
    found: set[str] = set()
    for segment in SEGMENTS[shape](case):
        if shape in PLAIN or len(segment.fields) == 1:
            found.update(segment.fields)
            continue
        rivals = set(flatten(case.truth)) if shape == "one" else set(segment.fields)
        found.update(
            path for path in segment.fields if any(certain(case, path, place, rivals) for place in segment.places)
        )
    return found if shape != "prose" else {path for path in found if literal(case, path, case.evidence[path])}


def literal(case: Case, path: str, place: Place) -> bool:
    value, form = case.truth_leaves[path], case.chunks[place].forms.get(path)
    return form is not None and not isinstance(value, bool) and (path != "currency" or form == value)


def same(left: Any, right: Any) -> bool:
    """Equal as values: 100, 100.0 and "100.00" are one number, text is compared without case."""
    try:
        return float(left) == float(right)
    except (TypeError, ValueError):
        return str(left).casefold() == str(right).casefold()


def certain(case: Case, path: str, place: Place, rivals: set[str]) -> bool:
    chunk, leaves = case.chunks[place], case.truth_leaves
    if not literal(case, path, place):
        return False
    told = path in chunk.told or row_tells(case, path, place)
    doubles = [other for other in rivals - {path} - set(chunk.forms) if same(leaves[path], leaves[other])]
    if doubles:
        return told
    return told or len(chunk.forms[path]) >= 4


def row_tells(case: Case, path: str, place: Place) -> bool:
    """Another value of the same row is quoted beside it and occurs nowhere else in the answer."""
    row, leaves = path.rpartition(".")[0], case.truth_leaves
    if "[" not in row:
        return False
    beside = [other for other in case.chunks[place].forms if other != path and other.rpartition(".")[0] == row]
    return any(sum(same(leaves[other], value) for value in leaves.values()) == 1 for other in beside)
