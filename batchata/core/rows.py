"""A record -> a row of plain JSON values; the pages of its fields."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from pydantic_core import PydanticSerializationError, to_jsonable_python

from batchata.core.citations import Citation
from batchata.core.leaves import member_path
from batchata.core.records import Record
from batchata.core.shapes import DECIMAL, INT, TEXT, ListOf, Shape, Struct

_BEFORE: Mapping[str, Shape] = {"index": INT, "source": TEXT, "label": TEXT, "outcome": TEXT, "reason": TEXT}
_AFTER: Mapping[str, Shape] = {
    "cost": DECIMAL, "model": TEXT, "input_tokens": INT, "output_tokens": INT, "cache_write_tokens": INT,
    "cache_read_tokens": INT, "batch_id": TEXT, "export_error": TEXT,
}  # fmt: skip
_TOKENS = {
    "input_tokens": "input_tokens", "output_tokens": "output_tokens",
    "cache_write_tokens": "cache_creation_input_tokens", "cache_read_tokens": "cache_read_input_tokens",
}  # fmt: skip

_CITED = [each.name for each in fields(Citation)]
_NUMBERS = frozenset(name for name in _CITED if name.endswith(("_page", "_index"))) - {"encrypted_index"}
_VALUES = attrgetter(*_CITED)
_CITATION = Struct({"field": TEXT} | {name: INT if name in _NUMBERS else TEXT for name in _CITED})
_HELD = {name: int if shape is INT else str for name, shape in _CITATION.fields.items()}
_STEP = re.compile(r'\["(?:[^"]|"(?!\]))*"\]|\[\d+\]|\.?[^.\[]+')


class Written(NamedTuple):
    """What became of records: so many `rows`, of which `export_errors` are without their result, for it has no JSON."""

    rows: int
    export_errors: int = 0


def row_shape(result: Shape) -> Struct:
    """The columns of a table of results of this shape."""
    return Struct({**_BEFORE, "result": result, "citations": ListOf(_CITATION), **_AFTER})


def row_of(record: Record[Any]) -> dict[str, Any]:
    """The record as plain JSON. What is not known is None. Of a result that has no JSON, `export_error` says why."""
    usage = record.usage or {}
    result, problem = _plain_result(record)
    return {
        "index": record.index,
        "source": record.source,
        "label": record.label,
        "outcome": record.outcome,
        "reason": record.reason or None,
        "result": result,
        "citations": _entries(record.citations),
        "cost": None if record.cost is None else str(record.cost),
        "model": getattr(record.detail, "model", None) or None,
        **{name: _count(usage.get(key)) for name, key in _TOKENS.items()},
        "batch_id": record.batch_id,
        "export_error": problem,
    }


def row_to_widen(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row without its citations when they are as they should be: they are many, and their columns are known."""
    entries = row["citations"] or ()
    is_usual = all(value is None or type(value) is _HELD[name] for each in entries for name, value in each.items())
    return {**row, "citations": None} if is_usual else row


def with_pages(shape: Struct) -> Struct:
    """The same columns, and after the result the first page that each of its fields was taken from; of a list those of
    its entries.
    """
    found: dict[str, Shape] = {}
    for name, each in shape.fields.items():
        found[name] = each
        if name == "result":
            found["page"] = _page_shape(each)
    return Struct(found)


def pages_of(shape: Shape, result: Any, citations: Sequence[Mapping[str, Any]] | None) -> Any:
    """The values for the `page` column of one row, given its result and citations as `row_of` has them.

    A list of pages is as long as the list of the result, so that both can be gone through together.
    """
    first: dict[str, int] = {}
    for each in citations or ():
        if each.get("start_page") is not None:
            for path in _paths(each["field"] or ""):
                first.setdefault(path, each["start_page"])
    return _pages(shape, result, first, "") if first else None


def _plain_result(record: Record[Any]) -> tuple[Any, str | None]:
    """None, and why, for a result that cannot be said in JSON."""
    if record.result is None or isinstance(record.result, str):
        return record.result, None
    try:
        return to_jsonable_python(record.result, by_alias=False, inf_nan_mode="constants", fallback=_said), None
    except (PydanticSerializationError, ValueError, TypeError) as error:
        return None, f"the result cannot be said in JSON: {error}"


def _said(value: object) -> str:
    """What a value of a type that Pydantic does not know says of itself; where it lies in memory says nothing."""
    kind = type(value)
    if kind.__str__ is object.__str__ and kind.__repr__ is object.__repr__:
        raise TypeError(f"a {kind.__name__} has no text of its own, such as __str__ gives")
    return str(value)


def _count(tokens: Any) -> int | None:
    return tokens if isinstance(tokens, int) and not isinstance(tokens, bool) else None


def _entries(citations: Sequence[Citation] | Mapping[str, Sequence[Citation]] | None) -> list[dict[str, Any]] | None:
    """One entry a citation. A field that was not located has one that says only which field it is."""
    if citations is None:
        return None
    if not isinstance(citations, Mapping):
        return [_entry(None, each) for each in citations]
    return [
        entry
        for path, cited in citations.items()
        for entry in ([_entry(path, each) for each in cited] or [{"field": path}])
    ]


def _entry(path: str | None, cited: Citation) -> dict[str, Any]:
    known = zip(_CITED, _VALUES(cited), strict=True)
    return {"field": path, **{name: value for name, value in known if value is not None}}


def _page_shape(result: Shape) -> Shape:
    match result:
        case Struct():
            return Struct({name: _page_shape(each) for name, each in result.fields.items()})
        case ListOf():
            return ListOf(INT)
        case _:
            return INT


def _pages(shape: Shape, result: Any, first: Mapping[str, int], path: str) -> Any:
    match shape:
        case Struct():
            values = result or {}
            return {
                name: _pages(each, values.get(name), first, member_path(path, name))
                for name, each in shape.fields.items()
            }
        case ListOf():
            return None if result is None else [first.get(f"{path}[{index}]") for index in range(len(result))]
        case _:
            return first.get(path)


@lru_cache(maxsize=65_536)
def _paths(path: str) -> tuple[str, ...]:
    """The path and those of all that it is in: `lines[2].amount` is in `lines[2]`, `lines` and the whole."""
    return ("", *(path[: step.end()] for step in _STEP.finditer(path)))
