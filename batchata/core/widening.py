"""What a column has to hold: its declared type, made wider by each value that does not fit.

Values are plain JSON. Nothing is cast on a guess: a column whose values have no type in common holds JSON text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from batchata.core.shapes import JSON, MOST_DIGITS, TEXT, UNKNOWN, Json, ListOf, Scalar, Shape, Struct
from batchata.core.textvalues import date_of, decimal_of, moment_of, time_of

MOST_KEYS = 200
"""An object with more keys has data for keys."""

MOST_LEVELS = 16

_HELD = {"text": str, "bool": bool, "float": float}
_EXACT_FLOAT = 1 << 53
_INT64 = range(-(1 << 63), 1 << 63)
_BIGINT = 10**MOST_DIGITS


def widened(shape: Shape, value: Any, level: int = 0) -> Shape:
    """The shape that holds this value too; the very same object when it already does."""
    if value is None or isinstance(shape, Json):
        return shape
    if isinstance(shape, Scalar) and _HELD.get(shape.kind) is type(value):
        return shape
    if isinstance(value, dict):
        return _with_object(shape, value, level)
    if isinstance(value, list):
        return _with_list(shape, value, level)
    return _with_scalar(shape, value) if isinstance(shape, Scalar) else JSON


def _with_object(shape: Shape, value: Mapping[str, Any], level: int) -> Shape:
    if shape == UNKNOWN:
        shape = Struct()
    if not isinstance(shape, Struct) or level >= MOST_LEVELS:
        return JSON
    changed: dict[str, Shape] = {}
    for name, each in value.items():
        before = shape.fields.get(name)
        after = widened(before or UNKNOWN, each, level + 1)
        if after is not before:
            changed[name] = after
    known = len(shape.fields)
    found = {**shape.fields, **changed} if changed else shape.fields
    if len(found) > max(MOST_KEYS, known):
        return JSON
    return Struct(found) if changed else shape


def _with_list(shape: Shape, value: list[Any], level: int) -> Shape:
    if shape == UNKNOWN:
        shape = ListOf(UNKNOWN)
    if not isinstance(shape, ListOf) or level >= MOST_LEVELS:
        return JSON
    element = shape.element
    for each in value:
        element = widened(element, each, level + 1)
    return shape if element is shape.element else ListOf(element)


def _with_scalar(shape: Scalar, value: object) -> Shape:
    match value:
        case bool():
            return _either(shape, Scalar("bool"))
        case int():
            return _with_int(shape, value)
        case float():
            return _with_float(shape)
        case _:
            return _with_text(shape, str(value))


def _either(shape: Scalar, found: Scalar) -> Shape:
    if shape.kind == found.kind:
        return shape
    return found if shape.kind == "unknown" else JSON


def _with_int(shape: Scalar, value: int) -> Shape:
    exact = abs(value) <= _EXACT_FLOAT
    if shape.kind == "float":
        return shape if exact else JSON
    if shape.kind == "bigint" or value not in _INT64:
        fits = shape.kind in ("unknown", "int", "bigint") and abs(value) < _BIGINT
        return (shape if shape.kind == "bigint" else Scalar("bigint", exact=False)) if fits else JSON
    return _exactly(_either(shape, Scalar("int")), exact=exact)


def _exactly(shape: Shape, *, exact: bool) -> Shape:
    return replace(shape, exact=False) if isinstance(shape, Scalar) and shape.exact and not exact else shape


def _with_float(shape: Scalar) -> Shape:
    if shape.kind == "int" and shape.exact:
        return Scalar("float")
    return _either(shape, Scalar("float"))


def _with_text(shape: Scalar, value: str) -> Shape:
    """What a declared type cannot hold is still the text that it is in JSON."""
    match shape.kind:
        case "decimal":
            return _with_decimal(shape, value)
        case "date":
            return shape if date_of(value) is not None else TEXT
        case "time":
            return shape if time_of(value) is not None else TEXT
        case "moment" | "datetime" | "instant":
            return _with_moment(shape, value)
        case _:
            return _either(shape, TEXT)


def _with_decimal(shape: Scalar, value: str) -> Shape:
    number = decimal_of(value)
    if number is None:
        return TEXT
    whole, scale = _size(number.as_tuple().digits, int(number.as_tuple().exponent)) if number else (0, 0)
    if whole <= shape.whole and scale <= shape.scale:
        return shape
    wider = replace(shape, whole=max(whole, shape.whole), scale=max(scale, shape.scale))
    return wider if wider.whole + wider.scale <= MOST_DIGITS else TEXT


def _size(digits: tuple[int, ...], exponent: int) -> tuple[int, int]:
    """How many digits stand before and after the point."""
    return max(len(digits) + exponent, 0), max(-exponent, 0)


def _with_moment(shape: Scalar, value: str) -> Shape:
    found = moment_of(value)
    if found is None:
        return TEXT
    kind = Scalar("datetime" if found.tzinfo is None else "instant")
    return kind if shape.kind == "moment" else shape if shape.kind == kind.kind else TEXT
