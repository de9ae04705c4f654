import csv
import io
import json
from decimal import Decimal

import pandas as pd
from pydantic import BaseModel

from batchata import Citation
from batchata.core.outcomes import Errored
from batchata.core.records import record_of
from batchata.tables.gathering import Description
from batchata.tables.textual import write_csv, write_json_lines
from tests.tables.support import record


class Vendor(BaseModel):
    name: str
    country: str | None = None


class Invoice(BaseModel):
    total: Decimal
    rate: float
    paid: bool
    vendor: Vendor | None
    lines: list[Vendor]


CITED = {"total": [Citation(cited_text="12,50", start_page=3, end_page=3)], "vendor.name": []}
RECORDS = [
    record(0, Invoice(total="12.50", rate=float("inf"), paid=True, vendor=Vendor(name="Müller, «Söhne»\n"), lines=[]),
           CITED),
    record(1, Invoice(total="0.001", rate=0.1, paid=False, vendor=None, lines=[Vendor(name='=HYPERLINK("x")')]), CITED),
    record_of(Errored(custom_id="x", error_type="api_error", message="- it broke"), 2, "=b.pdf", None, Decimal(0)),
]  # fmt: skip


def written(writer):
    file = io.BytesIO()
    assert writer(iter(RECORDS), Description(Invoice, citations=True), file) == (3, 0)
    return file.getvalue()


def test_json_lines_hold_the_results_as_pydantic_reads_them():
    rows = [json.loads(line) for line in written(write_json_lines).splitlines()]
    assert [Invoice.model_validate(row["result"]) for row in rows[:2]] == [each.result for each in RECORDS[:2]]
    assert rows[0]["result"] | {"vendor": None} == {
        "total": "12.50", "rate": "Infinity", "paid": True, "vendor": None, "lines": [],
    }  # fmt: skip
    assert rows[0]["page"] == {
        "total": 3, "rate": None, "paid": None, "vendor": {"name": None, "country": None}, "lines": [],
    }  # fmt: skip
    assert rows[0]["citations"] == [
        {"field": "total", "cited_text": "12,50", "start_page": 3, "end_page": 3}, {"field": "vendor.name"},
    ]  # fmt: skip
    assert (rows[2]["result"], rows[2]["cost"], rows[2]["reason"]) == (None, "0", "api_error: - it broke")


def test_csv_has_one_column_a_field():
    rows = list(csv.DictReader(io.StringIO(written(write_csv).decode(), newline="")))
    assert list(rows[0]) == [
        "index", "source", "label", "outcome", "reason", "result.total", "result.rate", "result.paid", "result.vendor.name",
        "result.vendor.country", "result.lines", "page.total", "page.rate", "page.paid", "page.vendor.name",
        "page.vendor.country", "page.lines", "citations", "cost", "model", "input_tokens", "output_tokens",
        "cache_write_tokens", "cache_read_tokens", "batch_id", "export_error",
    ]  # fmt: skip
    first = rows[0]
    assert [first[name] for name in list(first)[5:12]] == [
        "12.50", "Infinity", "true", "Müller, «Söhne»\n", "", "[]", "3",
    ]  # fmt: skip
    assert json.loads(rows[1]["result.lines"]) == [{"name": '=HYPERLINK("x")', "country": None}]
    assert json.loads(first["citations"])[0]["start_page"] == 3
    assert (rows[2]["source"], rows[2]["cost"], rows[2]["result.total"]) == ("'=b.pdf", "0", "")


def test_csv_is_read_by_pandas_with_the_types_it_had():
    frame = pd.read_csv(io.BytesIO(written(write_csv)), dtype_backend="pyarrow")
    assert list(frame["result.paid"]) == [True, False, pd.NA]
    assert list(frame["page.total"]) == [3, 3, pd.NA]
    assert frame["result.rate"][0] == float("inf")
    assert frame["result.vendor.name"][0] == "Müller, «Söhne»\n"
