import csv
import io
import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from batchata import Citation
from batchata.core.cells import columns_of, json_text, spreadsheet_cell
from batchata.core.outcomes import Errored, Expired, Invalid, Missing, Refused, Succeeded, Truncated
from batchata.core.records import record_of
from batchata.core.rows import pages_of, row_of, row_shape, row_to_widen, with_pages
from batchata.core.shapes import DECIMAL, INT, JSON, TEXT, ListOf, Scalar, Struct
from batchata.core.widening import widened
from tests.tables.support import citations_of

ANSWERED = {"custom_id": "run-1", "model": "claude-haiku-5-5"}
USAGE = {"input_tokens": 10, "output_tokens": 5, "cache_creation_input_tokens": 3, "cache_read_input_tokens": None}


class Vendor(BaseModel):
    name: str


class Invoice(BaseModel):
    vendor: Vendor | None
    total: Decimal
    lines: list[Vendor] = []


INVOICE = Struct({"vendor": Struct({"name": TEXT}), "total": DECIMAL, "lines": ListOf(Struct({"name": TEXT}))})


def record(outcome, cost="0.0001"):
    return record_of(outcome, 7, "in/ä.pdf", "msgbatch_1", None if cost is None else Decimal(cost))


def answer(result, citations=None, usage=USAGE):
    return Succeeded(**ANSWERED, usage=usage, result=result, citations=citations)


def test_a_row_says_all_of_an_item():
    result = Invoice(vendor=Vendor(name="Müller"), total=Decimal("0.10"))
    assert row_of(record(answer(result))) == {
        "index": 7, "source": "in/ä.pdf", "label": None, "outcome": "succeeded", "reason": None,
        "result": {"vendor": {"name": "Müller"}, "total": "0.10", "lines": []}, "citations": None, "cost": "0.0001",
        "model": "claude-haiku-5-5", "input_tokens": 10, "output_tokens": 5, "cache_write_tokens": 3,
        "cache_read_tokens": None, "batch_id": "msgbatch_1", "export_error": None,
    }  # fmt: skip


@pytest.mark.parametrize("outcome", [
    Truncated(**ANSWERED, usage={}, stop_reason="max_tokens", text="half"),
    Refused(**ANSWERED, usage={"input_tokens": "many"}, category=None, explanation=None),
    Invalid(**{**ANSWERED, "model": ""}, usage={"input_tokens": True}, problem="no JSON", text="words"),
    Errored(custom_id="x", error_type="api_error", message="it broke"),
    Expired(custom_id="x"),
    Missing(custom_id="x", problem="no line is about it"),
])  # fmt: skip
def test_what_is_not_known_is_null_and_never_zero(outcome):
    row = row_of(record(outcome, cost=None))
    assert (row["outcome"], row["reason"]) == (outcome.kind, outcome.reason)
    unknown = (
        "result",
        "citations",
        "cost",
        "input_tokens",
        "output_tokens",
        "cache_write_tokens",
        "cache_read_tokens",
    )
    assert [row[name] for name in unknown] == [None] * len(unknown)
    assert row["model"] == (getattr(outcome, "model", None) or None)


class Opaque:
    """Says nothing of itself but where it lies."""


@pytest.mark.parametrize(("value", "why"), [
    (b"\xff", "0xff"), ({"deep": [b"\xff"]}, "0xff"), (Opaque(), "a Opaque has no text of its own"),
    ({b"\xff": 1}, "invalid utf-8"),
])  # fmt: skip
def test_a_result_that_has_no_json_is_null_and_says_why(value, why):
    class Raw(BaseModel):
        content: Any

    row = row_of(record(answer(Raw(content=value))))
    assert row["result"] is None
    assert re.search(rf"^the result cannot be said in JSON: .*{why}", row["export_error"])
    assert row["outcome"] == "succeeded"
    said = row_of(record(answer(Raw(content=2 + 1j))))
    assert (said["result"], said["export_error"]) == ({"content": "2+1j"}, None)


# citations

CITED = {
    "vendor.name": [Citation(cited_text="Müller", start_page=2, end_page=3, match="label", source_file="a.pdf"),
                    Citation(cited_text="Müller again", start_page=1)],
    "total": [],
    "lines[0].name": [Citation(cited_text="no page")],
    "lines[1].name": [Citation(cited_text="", start_page=4)],
}  # fmt: skip


@pytest.mark.parametrize("citations", [None, [], CITED, CITED["vendor.name"]])
def test_citations_can_be_made_of_their_entries_again(citations):
    assert citations_of(row_of(record(answer("x", citations)))["citations"]) == citations


def test_each_field_has_the_first_page_that_it_was_taken_from():
    entries = row_of(record(answer("x", CITED)))["citations"]
    result = {"vendor": {"name": "Müller"}, "total": "1", "lines": [{"name": "x"}, {"name": "y"}, {"name": "z"}]}
    assert pages_of(INVOICE, result, entries) == {"vendor": {"name": 2}, "total": None, "lines": [None, 4, None]}
    assert pages_of(INVOICE, {"lines": []}, entries) == {"vendor": {"name": 2}, "total": None, "lines": []}
    assert pages_of(INVOICE, {"lines": None}, entries) == {"vendor": {"name": 2}, "total": None, "lines": None}
    assert pages_of(TEXT, "x", entries) == 2
    assert pages_of(JSON, result, entries) == 2


@pytest.mark.parametrize("entries", [None, [], [{"field": "total"}], [{"field": "total", "cited_text": "x"}]])
def test_there_are_no_pages_without_any(entries):
    assert pages_of(INVOICE, {}, entries) is None


def test_a_field_is_not_taken_for_one_whose_name_begins_alike():
    entries = [{"field": "total_amount", "start_page": 1}, {"field": '["a.b"]', "start_page": 2},
               {"field": 'x["y.z"][0].w', "start_page": 3}]  # fmt: skip
    shape = Struct({"total": INT, "a": Struct({"b": INT}), "a.b": INT, "x": Struct({"y.z": ListOf(INT), "y": INT})})
    assert pages_of(shape, {"x": {"y.z": [7]}}, entries) == {
        "total": None, "a": {"b": None}, "a.b": 2, "x": {"y.z": [3], "y": None},
    }  # fmt: skip


def test_a_text_has_the_page_of_its_first_citation():
    entries = row_of(record(answer("text", [Citation(cited_text="x"), Citation(cited_text="y", start_page=5)])))
    assert pages_of(TEXT, "text", entries["citations"]) == 5


def test_the_row_of_any_citation_fits_its_column():
    full = Citation(**{name: 1 if name.endswith(("_page", "_index")) and name != "encrypted_index" else "x"
                       for name in Citation.__dataclass_fields__})  # fmt: skip
    shape = row_shape(INVOICE)
    row = row_of(record(answer(None, {"total": [full]})))
    assert widened(shape, row).fields["citations"] is shape.fields["citations"]
    assert row_to_widen(row)["citations"] is None
    odd = row_of(record(answer(None, {"total": [Citation(cited_text="x", start_block_index="first")]})))
    assert row_to_widen(odd) is odd


# columns


def test_columns_are_nested_or_named_by_their_paths():
    table = with_pages(row_shape(Struct({**INVOICE.fields, "a.b": Struct({"c": INT})})))
    assert [each.name for each in columns_of(table, flat=False)] == [
        "index", "source", "label", "outcome", "reason", "result", "page", "citations", "cost", "model", "input_tokens",
        "output_tokens", "cache_write_tokens", "cache_read_tokens", "batch_id", "export_error",
    ]  # fmt: skip
    flat = [each.name for each in columns_of(table, flat=True)]
    assert flat[5:13] == [
        "result.vendor.name", "result.total", "result.lines", 'result["a.b"].c', "page.vendor.name", "page.total",
        "page.lines", 'page["a.b"].c',
    ]  # fmt: skip


def test_a_field_of_what_is_null_is_null():
    column = columns_of(with_pages(row_shape(INVOICE)), flat=True)[4]
    assert [column.of(row) for row in ({"result": None}, {"result": {"vendor": None}}, {"result": {}})] == [None] * 3


# cells

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1", "'quoted'"]  # noqa: RUF001


def from_cell(cell):
    """What a reader of CSV has: None for what is empty and not quoted."""
    (read,) = next(csv.reader(io.StringIO(cell, newline=""))) if cell else (None,)
    return read if read is None or not cell.startswith('"') else read.removeprefix("'")


@pytest.mark.parametrize("text", FORMULAS)
def test_no_text_is_taken_for_a_formula_and_none_is_lost(text):
    cell = spreadsheet_cell(TEXT, text)
    assert cell.startswith("\"'")
    assert from_cell(cell) == text


@pytest.mark.parametrize(("shape", "value", "cell"), [
    (TEXT, None, ""),
    (TEXT, "", '""'),
    (TEXT, 'say "hi",\nyes', '"say ""hi"",\nyes"'),
    (INT, -5, "-5"),
    (Scalar("bigint"), 10**30, str(10**30)),
    (Scalar("bool"), True, "true"),
    (Scalar("float"), -0.1, "-0.1"),
    (Scalar("float"), float("nan"), "NaN"),
    (Scalar("float"), float("-inf"), "-Infinity"),
    (DECIMAL, "-1E-9", "-0.000000001"),
    (DECIMAL, "0E+60", "0"),
    (Scalar("date"), "2026-01-02", '"2026-01-02"'),
    (ListOf(INT), [1, 2], '"[1,2]"'),
    (JSON, -1, '"\'-1"'),
    (JSON, "-1", '"""-1"""'),
])  # fmt: skip
def test_a_cell_is_text_in_quotes_or_a_bare_number(shape, value, cell):
    assert spreadsheet_cell(shape, value) == cell


@given(st.text())
def test_any_text_comes_back_from_its_cell(text):
    assert from_cell(spreadsheet_cell(TEXT, text)) == text


def test_json_text_is_json_for_strict_readers_too():
    text = json_text({"a": [float("nan"), float("inf"), {"b": float("-inf")}], "c": 10**40, "d": "ü\n", "e": True})
    assert text == '{"a":["NaN","Infinity",{"b":"-Infinity"}],"c":1' + "0" * 40 + ',"d":"ü\\n","e":true}'
    assert json.loads(text)["c"] == 10**40
