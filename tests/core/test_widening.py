"""What a column holds after these values."""

import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, computed_field

from batchata.core.cells import converter, json_text
from batchata.core.declared import declared_shape
from batchata.core.shapes import DECIMAL, INT, JSON, TEXT, UNKNOWN, ListOf, Scalar, Struct, finished
from batchata.core.widening import MOST_KEYS, MOST_LEVELS, widened

FLOAT, BOOL, BIGINT = Scalar("float"), Scalar("bool"), Scalar("bigint", exact=False)
WIDE_INT = Scalar("int", exact=False)
MOMENT, DATE, TIME = Scalar("moment"), Scalar("date"), Scalar("time")
HUGE = 1 << 63


def typed(shape, value):
    convert = converter(shape)
    return value if convert is None or value is None else convert(value)


def seen(*values, shape=UNKNOWN):
    for value in values:
        shape = widened(shape, value)
    return shape


@pytest.mark.parametrize(("values", "shape"), [
    ([], UNKNOWN),
    ([None, None], UNKNOWN),
    ([1, None, -HUGE], WIDE_INT),
    ([1, HUGE - 1], WIDE_INT),
    ([1, HUGE], BIGINT),
    ([10**38 - 1, 1], BIGINT),
    ([10**38], JSON),
    ([HUGE, 10**38], JSON),
    ([1, 2.5], FLOAT),
    ([2.5, 1], FLOAT),
    ([2.5, 2**53 + 1], JSON),
    ([2**53 + 1, 2.5], JSON),
    ([HUGE, 2.5], JSON),
    ([2.5, HUGE], JSON),
    ([True, None], BOOL),
    ([True, 1], JSON),
    ([1, True], JSON),
    ([1.5, True], JSON),
    (["a", "2026-01-01"], TEXT),
    (["1", 1], JSON),
    ([1, "1"], JSON),
    ([[], [1], [None]], ListOf(INT)),
    ([[], []], ListOf(UNKNOWN)),
    ([[1], ["a"]], ListOf(JSON)),
    ([[1], 1], JSON),
    ([{"a": 1}, {"b": "x"}], Struct({"a": INT, "b": TEXT})),
    ([{"a": None}], Struct({"a": UNKNOWN})),
    ([{"a": 1}, {"a": "x"}], Struct({"a": JSON})),
    ([{"a": 1}, [1]], JSON),
    ([{}, 5], JSON),
    ([{str(key): 1 for key in range(MOST_KEYS + 1)}], JSON),
])  # fmt: skip
def test_a_column_of_unknown_type_has_that_of_its_values(values, shape):
    assert seen(*values) == shape


def test_a_nest_without_end_is_text_from_some_level_on():
    value: Any = 1
    for _ in range(900):
        value = {"a": [value]}
    shape, levels = seen(value), 0
    while shape != JSON:
        shape = shape.fields["a"] if isinstance(shape, Struct) else shape.element
        levels += 1
    assert levels == MOST_LEVELS


@pytest.mark.parametrize(("declared", "values", "shape"), [
    (DECIMAL, ["1.10", "-123.4", "0E-60"], Scalar("decimal", 3, 2)),
    (DECIMAL, ["1E+37"], Scalar("decimal", 38, 0)),
    (DECIMAL, ["1E-38"], Scalar("decimal", 0, 38)),
    (DECIMAL, ["1E+38"], TEXT),
    (DECIMAL, ["1E+999999"], TEXT),
    (DECIMAL, ["1E+20", "1E-20"], TEXT),
    (DECIMAL, ["NaN"], TEXT),
    (DECIMAL, ["1", "-Infinity"], TEXT),
    (DECIMAL, [1.5], JSON),
    (DATE, ["2026-02-28", None], DATE),
    (DATE, ["soon"], TEXT),
    (TIME, ["10:00:00.000001"], TIME),
    (TIME, ["10:00:00Z"], TEXT),
    (MOMENT, ["2026-01-01T00:00:00"], Scalar("datetime")),
    (MOMENT, ["2026-01-01T00:00:00+02:00", "2026-01-01T00:00:00Z"], Scalar("instant")),
    (MOMENT, ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00"], TEXT),
    (MOMENT, ["9999-12-31T23:00:00-05:00"], TEXT),
    (INT, ["x"], JSON),
    (TEXT, [1], JSON),
    (Struct({"a": INT}), [{"a": 1, "b": 2}], Struct({"a": INT, "b": INT})),
])  # fmt: skip
def test_a_declared_type_is_kept_as_long_as_it_holds_all(declared, values, shape):
    assert seen(*values, shape=declared) == shape


def test_what_holds_a_value_already_is_the_very_same():
    shape = seen({"a": [{"b": 1}], "c": "x", "d": 2.5})
    assert widened(shape, {"a": [{"b": 2}, {}], "c": None, "d": 3}) is shape


def test_what_was_never_seen_has_a_type_all_the_same():
    assert finished(Struct({"a": UNKNOWN, "b": ListOf(UNKNOWN), "c": Struct(), "d": MOMENT})) == Struct(
        {"a": TEXT, "b": ListOf(TEXT), "c": JSON, "d": Scalar("datetime")}
    )


class Colour(Enum):
    RED = "red"


class Vendor(BaseModel):
    name: str = Field(alias="vendorName")
    parent: "Vendor | None" = None


class Root(RootModel[list[int]]):
    pass


class Everything(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    a_bool: bool
    an_int: int | None
    a_float: float = math.nan
    a_decimal: Decimal = Decimal("0.1")
    a_text: str
    a_day: date
    a_moment: datetime
    a_time: time
    an_enum: Colour
    a_word: Literal["x", "y"] | None
    mixed: Literal["x", 1]
    union: int | str
    numbers: int | float
    anything: Any
    vendor: Vendor
    maybe: Vendor | None
    lines: list[Vendor]
    pair: tuple[int, str]
    by_name: dict[str, int]
    root: Root
    uuid: UUID
    odd: complex | object

    @computed_field
    @property
    def computed(self) -> Decimal:
        return self.a_decimal


def test_a_response_model_declares_the_columns():
    vendor = Struct({"name": TEXT, "parent": JSON})  # it contains itself
    assert declared_shape(Everything) == Struct({
        "a_bool": BOOL, "an_int": INT, "a_float": FLOAT, "a_decimal": DECIMAL, "a_text": TEXT, "a_day": DATE,
        "a_moment": MOMENT, "a_time": TIME, "an_enum": TEXT, "a_word": TEXT, "mixed": JSON, "union": JSON,
        "numbers": JSON, "anything": JSON, "vendor": vendor, "maybe": vendor, "lines": ListOf(vendor), "pair": JSON,
        "by_name": JSON, "root": ListOf(INT), "uuid": TEXT, "odd": JSON, "computed": DECIMAL,
    })  # fmt: skip


@pytest.mark.parametrize(("response_model", "shape"), [
    (None, UNKNOWN),
    (list[Vendor], ListOf(Struct({"name": TEXT, "parent": JSON}))),
    (dict[str, Vendor], JSON),
    (Vendor | Root, JSON),
    (Root, ListOf(INT)),
])  # fmt: skip
def test_other_response_models(response_model, shape):
    assert declared_shape(response_model) == shape


SCALARS = st.none() | st.booleans() | st.integers() | st.integers(-(10**40), 10**40) | st.floats() | st.text()
VALUES = st.recursive(SCALARS, lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(), each, max_size=4))


def untyped(shape, value):
    """A typed value as the plain one that it was made of, but for keys that are null."""
    if value is None:
        return None
    if shape == JSON:
        return ("json", value)
    if isinstance(shape, ListOf):
        return [untyped(shape.element, each) for each in value]
    if isinstance(shape, Struct):
        return {name: untyped(each, value[name]) for name, each in shape.fields.items() if value.get(name) is not None}
    return value


def without_nulls(shape, value):
    if value is not None and shape == JSON:
        return ("json", json_text(value))
    if isinstance(value, dict):
        return {name: without_nulls(shape.fields[name], each) for name, each in value.items() if each is not None}
    return [without_nulls(shape.element, each) for each in value] if isinstance(value, list) else value


@given(st.lists(VALUES, max_size=5))
def test_any_values_come_back_from_a_column_that_has_seen_them_all(values):
    shape = finished(seen(*values))
    for value in values:
        found, expected = untyped(shape, typed(shape, value)), without_nulls(shape, value)
        assert repr(found) == repr(expected) or found == expected  # NaN is not equal to itself


@given(st.lists(st.decimals(allow_nan=True) | st.none(), max_size=5))
def test_decimals_come_back_equal(values):
    texts = [None if each is None else str(each) for each in values]
    shape = finished(seen(*texts, shape=DECIMAL))
    found = [typed(shape, text) for text in texts]
    assert found == (texts if shape == TEXT else values)
    assert isinstance(shape, Scalar)
    assert shape.whole + shape.scale <= 38


@given(st.lists(st.datetimes(timezones=st.just(UTC) | st.timezones() | st.none()), max_size=4))
def test_moments_come_back(values):
    texts = [each.isoformat() for each in values]
    shape = finished(seen(*texts, shape=MOMENT))
    found = [typed(shape, text) for text in texts]
    assert found == (texts if shape == TEXT else [datetime.fromisoformat(text) for text in texts])
