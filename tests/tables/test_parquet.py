import math
from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from batchata import Citation
from batchata.core.outcomes import Expired, Missing
from batchata.core.processed import line_of, read_line, record_from
from batchata.core.records import record_of
from batchata.tables import arrow, gathering
from batchata.tables.arrow import write_parquet
from batchata.tables.gathering import Description
from tests.tables.support import column, parquet_of, record


class Colour(Enum):
    RED, BLUE = "red", "blue"


class Vendor(BaseModel):
    name: str = Field(alias="vendorName")
    tags: list[str] = []


class Everything(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    yes: bool | None
    count: int
    size: float | None
    amount: Decimal
    text: str
    day: date | None
    moment: datetime
    clock: time
    colour: Colour
    word: Literal["x", "y"] | None
    union: int | str | list[int]
    anything: Any
    vendor: Vendor | None
    lines: list[Vendor | None]
    nested: list[list[Decimal]]
    by_name: dict[str, Decimal]
    id: UUID
    lasts: timedelta


def whole_minutes(delta):
    return timedelta(minutes=delta // timedelta(minutes=1))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
AMOUNT = st.decimals(allow_nan=False, allow_infinity=False) | st.decimals(-1000, 1000, places=2)
ZONE = st.builds(timezone, st.timedeltas(-timedelta(hours=14), timedelta(hours=14)).map(whole_minutes))
VENDOR = st.builds(Vendor, vendorName=TEXT, tags=st.lists(TEXT, max_size=2))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda each: st.lists(each, max_size=3) | st.dictionaries(TEXT, each, max_size=3), max_leaves=5,
)  # fmt: skip
EVERYTHING = st.builds(
    Everything, yes=st.none() | st.booleans(), count=st.integers(), size=st.none() | st.floats(allow_nan=False),
    amount=AMOUNT, text=TEXT, day=st.none() | st.dates(), moment=st.datetimes(timezones=st.none() | ZONE),
    clock=st.times(), colour=st.sampled_from(Colour), word=st.sampled_from(["x", "y", None]),
    union=st.integers() | TEXT | st.lists(st.integers(), max_size=2), anything=JSON, vendor=st.none() | VENDOR,
    lines=st.lists(st.none() | VENDOR, max_size=2), nested=st.lists(st.lists(AMOUNT, max_size=2), max_size=2),
    by_name=st.dictionaries(TEXT, AMOUNT, max_size=2), id=st.uuids(), lasts=st.timedeltas(),
)  # fmt: skip


@settings(max_examples=15, phases=[Phase.explicit, Phase.generate])
@given(st.lists(EVERYTHING, max_size=3))
def test_any_results_come_back_equal(results):
    table = parquet_of([record(index, result) for index, result in enumerate(results)], Everything)
    found = [Everything.model_validate(each, by_name=True) for each in column(table, "result")]
    assert found == results


def without_nulls(value):
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    return list(map(without_nulls, value)) if isinstance(value, list) else value


def read_without_the_model(index, result):
    known = replace(record(index, result).detail, answer=result.model_dump_json(by_alias=True))
    line = line_of(record_of(known, index, None, None, None), run_id="run", attempt=1)
    return record_from(read_line(line))


@settings(max_examples=15, phases=[Phase.explicit, Phase.generate])
@given(st.lists(EVERYTHING, max_size=3))
def test_any_results_come_back_equal_when_their_model_is_gone(results):
    """From the lines of the folder alone: what JSON has no word for is text then, and null what is absent."""
    records = [read_without_the_model(index, result) for index, result in enumerate(results)]
    found = column(parquet_of(records), "result")
    assert list(map(without_nulls, found)) == [without_nulls(each.result) for each in records]


def test_what_is_no_number_stays_none():
    class Measured(BaseModel):
        value: float

    values = [float("nan"), float("inf"), -0.0, 5e-324]
    table = parquet_of([record(index, Measured(value=each)) for index, each in enumerate(values)], Measured)
    found = [each["value"] for each in column(table, "result")]
    assert math.isnan(found[0])
    assert found[1:] == values[1:]
    assert math.copysign(1, found[2]) == -1


class Invoice(BaseModel):
    total: Decimal
    paid: bool = False
    vendor: Vendor | None = None
    lines: list[Vendor] = []


PAGE = Citation(cited_text="Total: 12\n€", type="page_location", start_page=1, end_page=2, document_index=0,
                document_title="t", source_file="in/ä b.pdf", match="label")  # fmt: skip


def test_the_columns_of_a_run_with_citations():
    result = Invoice(total=Decimal("12.50"), vendor=Vendor(vendorName="Müller"))
    failed = record_of(Expired(custom_id="x"), 1, None, None, Decimal(0))
    unknown = record_of(Missing(custom_id="x", problem="gone"), 2, None, None, None)
    table = parquet_of([record(0, result, {"total": [PAGE], "paid": []}), failed, unknown], Invoice)
    money, text = pa.decimal128(38, 2), pa.string()
    vendor = pa.struct({"name": text, "tags": pa.list_(text)})
    assert table.schema.field("result").type == pa.struct(
        {"total": money, "paid": pa.bool_(), "vendor": vendor, "lines": pa.list_(vendor)}
    )
    listed = pa.list_(pa.int64())
    pages = pa.struct({"name": pa.int64(), "tags": listed})
    assert table.schema.field("page").type == pa.struct(
        {"total": pa.int64(), "paid": pa.int64(), "vendor": pages, "lines": listed}
    )
    assert column(table, "cost") == [Decimal("0.0001"), 0, None]
    assert column(table, "input_tokens") == [10, None, None]
    assert [each and each["total"] for each in column(table, "page")] == [1, None, None]
    cited = [{name: value for name, value in each.items() if value is not None}
             for each in column(table, "citations")[0]]  # fmt: skip
    assert cited == [
        {"field": "total", "cited_text": "Total: 12\n€", "type": "page_location", "start_page": 1, "end_page": 2,
         "document_index": 0, "document_title": "t", "source_file": "in/ä b.pdf", "match": "label"},
        {"field": "paid"},
    ]  # fmt: skip


def test_a_list_has_a_page_for_each_of_its_entries():
    """Both can be gone through together; a list whose fields were never located has as many nulls."""
    lines = [Vendor(vendorName=each) for each in "abc"]
    cited = {"lines[0].name": [Citation(cited_text="a", start_page=2)], "lines[2].name": [PAGE, PAGE]}
    known = record(0, Invoice(total=1, lines=lines), cited)
    other = record(1, Invoice(total=1, lines=lines[:1]), {"total": [PAGE]})
    table = parquet_of([known, other, record(2, Invoice(total=1), {})], Invoice)
    assert [each and each["lines"] for each in column(table, "page")] == [[2, None, 1], [None], None]


def test_a_run_without_citations_has_no_columns_for_them():
    assert not {"citations", "page"} & set(parquet_of([record(0, "text")]).column_names)
    assert {"citations", "page"} < set(parquet_of([record(0, "text")], citations=True).column_names)


def test_a_table_without_rows_has_its_columns():
    table = parquet_of([], Invoice, citations=True)
    assert table.num_rows == 0
    assert table.schema.field("result").type.field("paid").type == pa.bool_()


@pytest.mark.parametrize(("results", "kind"), [
    (["a", "b\ud83d"], pa.string()),
    ([{}, {}], pa.string()),
    ([[1], [2]], pa.list_(pa.int64())),
    ([{"a": 1}, "text"], pa.string()),
    ([None], pa.string()),
])  # fmt: skip
def test_results_of_any_kind_are_one_column(results, kind):
    table = parquet_of([record(index, each) for index, each in enumerate(results)])
    assert table.schema.field("result").type == kind
    assert column(table, "result") == [
        each.replace("\ud83d", "?") if isinstance(each, str) else each for each in results
    ]


def test_a_row_group_is_some_thousand_rows(monkeypatch):
    monkeypatch.setattr(gathering, "MOST_ROWS", 1)
    monkeypatch.setattr(arrow, "GROUP_ROWS", 2)
    sink = pa.BufferOutputStream()
    write_parquet(iter(record(index, "x") for index in range(5)), Description(), sink)
    file = pq.ParquetFile(pa.BufferReader(sink.getvalue()))
    assert [file.metadata.row_group(each).num_rows for each in range(file.num_row_groups)] == [2, 2, 1]
