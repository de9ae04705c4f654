"""Plain JSON values -> the values of typed columns, or the cells of a spreadsheet."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from batchata.core.leaves import member_path
from batchata.core.shapes import Json, ListOf, Scalar, Shape, Struct
from batchata.core.textvalues import date_of, decimal_of, moment_of, time_of

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")  # noqa: RUF001 - some spreadsheets take wide ones
Convert: TypeAlias = Callable[[Any], Any]

_PARSERS: Mapping[str, Convert] = {
    "decimal": decimal_of, "date": date_of, "time": time_of, "datetime": moment_of, "instant": moment_of,
}  # fmt: skip

_STRICT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, and the keys that lead to its values in a row."""

    name: str
    shape: Shape
    keys: tuple[str, ...]

    def of(self, row: Mapping[str, Any]) -> Any:
        """The row's plain value."""
        value: Any = row
        for key in self.keys:
            value = value.get(key) if value is not None else None
        return value


def columns_of(table: Struct, *, flat: bool) -> list[Column]:
    """The columns of a table. When flat, an object is no column but has one for each of its fields."""
    if not flat:
        return [Column(name, shape, (name,)) for name, shape in table.fields.items()]
    return list(_leaves(table, "", ()))


def _leaves(shape: Shape, path: str, keys: tuple[str, ...]) -> Iterator[Column]:
    if not isinstance(shape, Struct):
        yield Column(path, shape, keys)
        return
    for name, each in shape.fields.items():
        yield from _leaves(each, member_path(path, name), (*keys, name))


def converter(shape: Shape) -> Convert | None:
    """What makes the values of a column of the plain ones, never of None; None when they are the same."""
    match shape:
        case Json():
            return json_text
        case ListOf():
            each = converter(shape.element)
            return None if each is None else partial(_converted_list, each)
        case Struct():
            known = {name: each for name, field in shape.fields.items() if (each := converter(field))}
            return partial(_converted_object, known) if known else None
        case Scalar():
            return _PARSERS.get(shape.kind)


def _converted_list(convert: Convert, values: list[Any]) -> list[Any]:
    return [None if each is None else convert(each) for each in values]


def _converted_object(converts: Mapping[str, Convert], value: Mapping[str, Any]) -> dict[str, Any]:
    """What an object lacks is null."""
    return {
        name: converts[name](each) if each is not None and name in converts else each for name, each in value.items()
    }


def json_text(value: Any) -> str:
    """JSON of one line. Numbers that JSON does not have become the texts NaN, Infinity and -Infinity."""
    try:
        return _STRICT.encode(value)
    except ValueError:
        return _STRICT.encode(named_numbers(value))


def named_numbers(value: Any) -> Any:
    """The same without the numbers that JSON does not have: their names are in their places."""
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case dict():
            return {name: named_numbers(each) for name, each in value.items()}
        case list():
            return [named_numbers(each) for each in value]
        case _:
            return value


def spreadsheet_cell(shape: Shape, value: Any) -> str:
    """The value as one cell of a CSV file: empty for null, text in quotes, numbers and constants bare.

    A text that a spreadsheet would take for a formula gets an apostrophe in front, and so does one that begins with
    an apostrophe: taking one away gives back what it was.
    """
    if value is None:
        return ""
    if isinstance(shape, Scalar) and shape.kind == "decimal":
        return f"{decimal_of(value):f}"
    if isinstance(shape, Scalar) and isinstance(value, bool | int | float):
        return json_text(value).strip('"')
    text = value if isinstance(shape, Scalar) else json_text(value)
    guard = "'" if text.startswith(_FORMULA) else ""
    return '"' + guard + text.replace('"', '""') + '"'
