"""The types of a table's columns, as data people know them: scalars, lists, objects with known keys, JSON text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

ScalarKind = Literal[
    "unknown", "bool", "int", "bigint", "float", "decimal", "text", "date", "moment", "datetime", "instant", "time"
]
"""`unknown` was never anything but null, `bigint` needs more than 64 bits. A `moment` is a date with a time: a
`datetime` without a zone or an `instant` with one, which a type does not tell and a value does."""

MOST_DIGITS = 38
"""What a decimal of 128 bits holds, which every reader of Parquet knows."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. `whole` and `scale` are the most digits seen before and after the point of a decimal.

    `exact` says of an int column whether a float would hold each of its values.
    """

    kind: ScalarKind
    whole: int = 0
    scale: int = 0
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Json:
    """Anything, as JSON text: unions, `Any`, dictionaries, values that have no type in common."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """Any number of values of one type."""

    element: Shape


@dataclass(frozen=True, slots=True)
class Struct:
    """An object with known keys."""

    fields: Mapping[str, Shape] = field(default_factory=dict)


Shape: TypeAlias = Scalar | Json | ListOf | Struct

UNKNOWN, TEXT, INT, DECIMAL, JSON = Scalar("unknown"), Scalar("text"), Scalar("int"), Scalar("decimal"), Json()


def finished(shape: Shape) -> Shape:
    """The shape to write when all values were seen: every part of it has a type."""
    if isinstance(shape, ListOf):
        return ListOf(finished(shape.element))
    if isinstance(shape, Struct):
        return Struct({name: finished(each) for name, each in shape.fields.items()}) if shape.fields else JSON
    if isinstance(shape, Scalar) and shape.kind in ("unknown", "moment"):
        return TEXT if shape.kind == "unknown" else Scalar("datetime")
    return shape
