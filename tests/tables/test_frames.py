import re
import subprocess
import sys
from decimal import Decimal

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pydantic import BaseModel

from batchata import Citation, InputError, to_dataframe
from batchata.core.outcomes import Expired
from batchata.core.records import record_of
from batchata.tables.arrow import write_parquet
from batchata.tables.gathering import Description
from tests.tables.support import record


class Vendor(BaseModel):
    name: str


class Invoice(BaseModel):
    number: int
    total: Decimal
    vendor: Vendor | None = None
    lines: list[Vendor] = []


LARGE = 2**53 + 1  # no float holds it
CITED = {"vendor.name": [Citation(cited_text="Müller", start_page=2)]}
RECORDS = [
    record(0, Invoice(number=LARGE, total="0.10", vendor=Vendor(name="Müller"), lines=[Vendor(name="x")]), CITED),
    record_of(Expired(custom_id="x"), 1, "b.pdf", None, Decimal(0)),
]


def test_pandas_keeps_whole_numbers_with_gaps_whole():
    frame = to_dataframe(RECORDS, Invoice)
    assert list(frame.index) == [0, 1]
    result = frame["result"].struct
    assert list(result.field("number")) == [LARGE, pd.NA]
    assert list(result.field("total")) == [Decimal("0.10"), pd.NA]
    assert list(frame["input_tokens"]) == [10, pd.NA]
    assert frame["cost"].sum() == Decimal("0.0001")


def test_flat_columns_have_the_names_of_the_fields():
    frame = to_dataframe(RECORDS, Invoice, flat=True)
    names = ["result.number", "result.total", "result.vendor.name", "result.lines", "page.vendor.name"]
    assert [frame[name][0] for name in names[:3]] == [LARGE, Decimal("0.10"), "Müller"]
    assert (frame[names[4]][0], frame[names[4]][1]) == (2, pd.NA)
    assert frame.groupby("result.vendor.name")["result.total"].sum()["Müller"] == Decimal("0.10")


def test_polars_has_the_same_rows():
    frame = to_dataframe(RECORDS, Invoice, library="polars")
    assert frame.schema["result"] == pl.Struct({
        "number": pl.Int64, "total": pl.Decimal(38, 2), "vendor": pl.Struct({"name": pl.String}),
        "lines": pl.List(pl.Struct({"name": pl.String})),
    })  # fmt: skip
    assert frame["result"].struct.field("number").to_list() == [LARGE, None]
    flat = to_dataframe(RECORDS, Invoice, library="polars", flat=True)
    assert flat["page.vendor.name"].to_list() == [2, None]


def test_arrow_is_underneath():
    table = to_dataframe(RECORDS, Invoice, library="arrow")
    assert isinstance(table, pa.Table)
    assert table.to_pandas(types_mapper=pd.ArrowDtype).equals(to_dataframe(RECORDS, Invoice))


def test_without_a_response_model_the_columns_are_as_the_values_are():
    frame = to_dataframe([record(0, {"a": 1}), record(1, {"a": 2.5, "b": None})], library="polars")
    assert frame["result"].to_list() == [{"a": 1.0, "b": None}, {"a": 2.5, "b": None}]


def test_a_library_that_nobody_knows():
    with pytest.raises(InputError, match="library is 'dask'; it is one of pandas, polars, arrow"):
        to_dataframe(RECORDS, library="dask")


WITHOUT = """
import sys
from batchata import InputError, to_dataframe
for missing, library in (("polars", "polars"), ("pandas", "pandas"), ("pyarrow", "arrow")):
    sys.modules[missing] = None
    try:
        to_dataframe([], library=library)
    except InputError as error:
        print(error)
"""


def test_what_is_not_installed_is_told_with_what_to_do():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    told = done.stdout.splitlines()
    remedies = ("polars is not installed .*polars", "pandas is not installed .*pandas", "takes pyarrow, .*parquet")
    for line, remedy in zip(told, remedies, strict=True):
        assert re.search(rf'{remedy}\]"$', line)


def test_a_plain_import_loads_none_of_them():
    code = (
        "import sys, batchata; batchata.BatchManager, batchata.to_dataframe\n"
        "print([each for each in ('pyarrow', 'pandas', 'polars', 'prefect') if each in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_an_exported_file_is_read_as_the_same_frame(tmp_path):
    path = tmp_path / "out.parquet"
    with path.open("wb") as file:
        write_parquet(iter(RECORDS), Description(Invoice), file)
    assert pd.read_parquet(path, dtype_backend="pyarrow").equals(to_dataframe(RECORDS, Invoice))
    assert pl.read_parquet(path).equals(to_dataframe(RECORDS, Invoice, library="polars"))
