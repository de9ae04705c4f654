import json
import math
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel, field_validator

from batchata import Citation
from batchata.core.outcomes import (
    KINDS,
    Canceled,
    Errored,
    Expired,
    Invalid,
    Missing,
    Refused,
    Succeeded,
    Truncated,
)
from batchata.core.parsing import parse
from batchata.core.processed import line_of, read_line, record_from
from batchata.core.records import record_of
from batchata.errors import BatchataError, InputError

USAGE = {
    "input_tokens": 10,
    "output_tokens": 5,
    "service_tier": "batch",
    "cache_creation": {"ephemeral_5m_input_tokens": 0},
}
NAME = {"custom_id": "run-000003-2"}
ANSWERED = {**NAME, "model": "claude-haiku-5-5", "usage": USAGE, "message_id": "msg_1"}
PAGE = Citation(cited_text="Total: 12\n€", type="page_location", start_page=1, end_page=2, document_index=0,
                document_title="t", source_file="in/ä b.pdf", match="label")  # fmt: skip


def written(outcome, cost="0.0001", **more):
    """The record of an outcome and its line."""
    record = record_of(outcome, 3, "in/ä b.pdf", "msgbatch_1", None if cost is None else Decimal(cost))
    return record, line_of(record, run_id="run", attempt=2, **more)


def read(line, response_model=None):
    return record_from(read_line(line, response_model))


def answered(answer, response_model, citations=None):
    """A result as it is made of the API's line."""
    message = {"id": "msg_1", "model": "claude-haiku-5-5", "usage": USAGE, "stop_reason": "end_turn",
               "content": [{"type": "text", "text": answer}]}  # fmt: skip
    outcome = parse({**NAME, "result": {"type": "succeeded", "message": message}}, response_model)
    assert isinstance(outcome, Succeeded), outcome.reason
    return replace(outcome, citations=citations)


OUTCOMES = [
    Succeeded(**ANSWERED, result="the text"),
    Succeeded(**ANSWERED, result="the text", citations=[]),
    Succeeded(**ANSWERED, result="the text", citations=[PAGE, Citation(cited_text="")]),
    Truncated(**ANSWERED, stop_reason="max_tokens", text='{"half": "an ans'),
    Refused(**ANSWERED, category="bio", explanation="it said no"),
    Refused(**ANSWERED, category=None, explanation=None),
    Refused(**{**ANSWERED, "usage": {}, "message_id": None}, category=None, explanation=None),
    Invalid(**ANSWERED, problem="no JSON", text="words\nwords"),
    Errored(**NAME, error_type="api_error", message="it broke", request_id="req_1"),
    Errored(**NAME, error_type="invalid_request_error", message=""),
    Expired(**NAME),
    Canceled(**NAME),
    Missing(**NAME, problem="no line is about it"),
]


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("cost", ["0", "0.00000012345678901234567890123", "1E-9", None])
def test_what_is_read_is_what_was_written(outcome, cost):
    record, line = written(outcome, cost)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    found = read(line)
    assert found == record
    assert type(found.detail) is type(outcome)
    assert found.detail.reason == outcome.reason
    assert str(found.cost) == str(record.cost)


def test_every_kind_of_outcome_is_among_them():
    assert {each.kind for each in OUTCOMES} == set(KINDS)


def test_the_line_can_be_read_by_anybody():
    _, line = written(Succeeded(**ANSWERED, result="x", citations=[PAGE]), cached=True)
    found = json.loads(line)
    assert line.startswith(b'{"index":3,')
    assert {name: found[name] for name in ("index", "attempt", "source", "outcome", "cost", "run_id", "custom_id")} == {
        "index": 3, "attempt": 2, "source": "in/ä b.pdf", "outcome": "succeeded", "cost": "0.0001", "run_id": "run",
        "custom_id": "run-000003-2",
    }  # fmt: skip
    assert found["citations"] == [{"cited_text": "Total: 12\n€", "type": "page_location", "start_page": 1, "end_page": 2,
                                   "document_index": 0, "document_title": "t", "source_file": "in/ä b.pdf",
                                   "match": "label"}]  # fmt: skip
    known = read_line(line)
    assert (known.cached, known.attempt, known.run_id) == (True, 2, "run")


# objects


class Vendor(BaseModel):
    name: str
    tags: list[str] = []


class Line(BaseModel):
    amount: Decimal
    when: date | None = None


class Colour(Enum):
    RED = "red"


class Invoice(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    vendor: Vendor
    lines: list[Line]
    total: Decimal = Field(alias="totalAmount")
    colour: Colour | None = None
    by_name: dict[str, Vendor] = {}


FULL = """{
  "vendor": {"name": "Müller \\u0026 Söhne \U0001f600\\n", "tags": ["a", "b\\"c"]},
  "lines": [{"amount": "12345678901234567890.123456789012345678", "when": "2026-02-28"}, {"amount": 0.1}],
  "totalAmount": 0.30000000000000000001,
  "colour": "red",
  "by_name": {"x y": {"name": ""}}
}"""


def test_nested_models_decimals_and_aliases_are_the_same_again():
    citations = {"vendor.name": [PAGE], "lines[0].amount": [], "totalAmount": [PAGE, PAGE]}
    record, line = written(answered(FULL, Invoice, citations))
    assert line.count(b"\n") == 1
    found = read(line, Invoice)
    assert found == record
    assert found.citations == citations
    assert str(found.result.lines[0].amount) == "12345678901234567890.123456789012345678"
    assert found.result.total == record.result.total
    assert found.result.model_fields_set == record.result.model_fields_set


def test_the_digits_in_the_file_are_those_of_the_answer():
    _, line = written(answered(FULL, Invoice))
    for digits in (b"12345678901234567890.123456789012345678", b"0.30000000000000000001", b"\\u0026"):
        assert digits in line
    assert json.loads(line)["result"] == json.loads(FULL)


def test_without_the_model_the_answer_is_what_it_was_as_json():
    _, line = written(answered(FULL, Invoice))
    assert read(line).result["vendor"]["name"] == "Müller & Söhne \U0001f600\n"


class Doubled(BaseModel):
    value: int

    @field_validator("value")
    @classmethod
    def _double(cls, value):
        return value * 2


class Stripped(BaseModel):
    value: Annotated[Decimal, BeforeValidator(lambda text: text.removeprefix("$"))]


@dataclass
class Point:
    x: int
    y: float = 0.5


class Numbers(RootModel[list[int]]):
    pass


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    a: int | str


@pytest.mark.parametrize(("response_model", "answer"), [
    (Doubled, '{"value": 4}'),
    (Stripped, '{"value": "$12.50"}'),
    (Point, '{"x": 3}'),
    (Numbers, "[1,\n 2,\r\n 3]"),
    (list[Doubled], '[{"value": 1}, {"value": 2}]'),
    (dict[str, Doubled], '{"a": {"value": 1}}'),
    (Doubled | Open, '{"a": "1", "more": {"b": [null, true]}}'),
    (Open, '{"a": 1, "more": 123456789012345678901234567890}'),
    (Open, '{"a": "line\\u2028separator \\u0000 \\n \\ud83d\\ude00"}'),
])  # fmt: skip
def test_the_answer_is_validated_again_as_it_was(response_model, answer):
    """From the answer's own JSON: a validator that changes the value changes it once."""
    record, line = written(answered(answer, response_model))
    assert line.count(b"\n") == 1
    assert read(line, response_model) == record


def test_a_validator_that_doubles_does_so_once():
    record, line = written(answered('{"value": 4}', Doubled))
    assert (record.result.value, read(line, Doubled).result.value, json.loads(line)["result"]) == (8, 8, {"value": 4})


def test_an_answer_inside_other_words_is_kept_without_them():
    _, line = written(answered('Here it is:\n- value: 4\n```json\n{\n  "value": 4\n}\n```', Doubled))
    assert json.loads(line)["result"] == {"value": 4}
    assert read(line, Doubled).result.value == 8


class Measured(BaseModel):
    value: float


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_come_back(number):
    _, line = written(answered(f'{{"value": {number}}}', Measured))
    value, expected = read(line, Measured).result.value, float(number)
    assert math.isnan(value) if math.isnan(expected) else value == expected


@given(st.text(), st.dictionaries(st.text(), st.lists(st.text(), max_size=2), max_size=3))
def test_any_text_comes_back(text, named):
    outcome = Succeeded(**ANSWERED, result=text, citations={name: [Citation(cited_text=each) for each in texts]
                                                            for name, texts in named.items()})  # fmt: skip
    record, line = written(outcome)
    assert line.count(b"\n") == 1
    assert read(line) == record


HALF = "half an emoji \ud83d"


@pytest.mark.parametrize("outcome", [
    Succeeded(**ANSWERED, result=HALF),
    Succeeded(**ANSWERED, result="x", citations=[Citation(cited_text=HALF)]),
    Truncated(**ANSWERED, stop_reason="max_tokens", text=HALF),
    Invalid(**ANSWERED, problem=HALF, text=HALF),
    Errored(**NAME, error_type="api_error", message=HALF),
    Succeeded(**{**ANSWERED, "usage": {"input_tokens": 10**20}}, result="x"),
])  # fmt: skip
def test_what_is_no_unicode_is_written_all_the_same(outcome):
    """The parser takes lines that orjson is too strict for; they are paid for, and one must not hide the others."""
    _, line = written(outcome)
    assert read(line).outcome == outcome.kind


def test_half_an_emoji_comes_from_a_line_of_the_api():
    answer = b'{"content":[{"type":"text","text":"half \\ud83d"}],"stop_reason":"end_turn","model":"m","usage":{}}'
    outcome = parse(b'{"custom_id":"run-000003-2","result":{"type":"succeeded","message":%b}}' % answer)
    assert read(written(outcome)[1]).outcome == "succeeded"


def test_another_model_is_refused_and_the_item_named():
    _, line = written(answered('{"value": 4}', Doubled))
    with pytest.raises(
        InputError, match=r"the result of item 3 is no Vendor: result\.name: Field required.*response model"
    ):
        read_line(line, Vendor)
    with pytest.raises(InputError, match="the result of item 3 is no Doubled"):
        read_line(written(Succeeded(**ANSWERED, result="text"))[1], Doubled)


def test_an_item_that_failed_can_be_read_with_any_model():
    record, line = written(Expired(**NAME))
    assert read(line, Vendor) == record
    assert read(line, list[Vendor]) == record


@pytest.mark.parametrize("line", [b"{}\n", b"half a li", b'{"index":"x"}\n'])
def test_what_is_no_line_of_results_is_one_of_our_errors(line):
    with pytest.raises(BatchataError):
        read_line(line, Vendor)
