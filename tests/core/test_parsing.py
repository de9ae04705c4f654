import json
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator
from typing_extensions import TypedDict

from batchata import parse
from batchata.core.enumcase import aligned
from batchata.core.outcomes import KINDS

USAGE = {"input_tokens": 10, "output_tokens": 5, "service_tier": "batch"}


class Level(Enum):
    HIGH = "High"
    LOW = "Low"


class Point(BaseModel):
    x: int
    y: int


class Loose(BaseModel):
    a: int | None = None
    b: str | None = None


def line(*blocks, stop="end_turn", **message):
    content = [{"type": "text", "text": block} if isinstance(block, str) else block for block in blocks]
    message = {"id": "msg_1", "model": "m", "content": content, "stop_reason": stop, "usage": USAGE, **message}
    return {"custom_id": "run-000000-1", "result": {"type": "succeeded", "message": message}}


def read(text, model):
    outcome = parse(line(text), model)
    return outcome.result if outcome.kind == "succeeded" else outcome.reason


@pytest.mark.parametrize("text", [
    '{"x": 1, "y": 2}',
    '  {"x": 1, "y": 2}\n',
    '```json\n{"x": 1, "y": 2}\n```',
    '```\n{"x": 1, "y": 2}\n```',
    'Here it is: {"x": 1, "y": 2}. Anything else?',
    'For the set {1, 2} and {annex}: {"x": 1, "y": 2}',
    'Not {"x": 1} and not {"y": 2} but {"x": 1, "y": 2}, {}',
    '{"x": 9, "z": 0}\n\nCorrected: {"x": 1, "y": 2}',
    '{"result": {"x": 1, "y": 2}}',
    '[{"x": 1, "y": 2}]',
    '- x: 1\n- y: 2\n\n{"x": "1", "y": 2.0}',
    'lines[0] is 5. {"x": 1, "y": 2}',
    '{ {"x": 1, "y": 2}',
])  # fmt: skip
def test_the_object_is_found_whatever_surrounds_it(text):
    assert read(text, Point) == Point(x=1, y=2)


def test_of_several_objects_that_fit_the_fullest_counts_and_then_the_last():
    assert read('{"a": 1} {}', Loose) == Loose(a=1)
    assert read('draft {"a": 1, "b": "x"}, final {"a": 2, "b": "y"}', Loose) == Loose(a=2, b="y")


def test_an_object_inside_another_does_not_stand_for_it():
    assert "does not fit" in read('{"vendor": {"x": 1, "y": 2}, "x": null, "y": null}', Point)


@pytest.mark.parametrize(("text", "words"), [
    ("I cannot do that.", "holds no JSON object: 'I cannot do that.'"),
    ('{"x": 1}', "does not fit the response model: y: Field required"),
    ('{"x": 1, "y": "two"', "holds no JSON object"),
])  # fmt: skip
def test_an_answer_that_is_not_what_was_asked_for_says_why(text, words):
    outcome = parse(line(text), Point)
    assert outcome.kind == "invalid"
    assert words in outcome.reason
    assert outcome.text == text
    assert outcome.usage == USAGE


class Typed(BaseModel):
    model_config = ConfigDict(strict=True)
    amount: Decimal = Field(ge=0)
    day: date
    key: UUID
    level: Level
    kind: Literal["Small", "Large"]


def test_validation_is_that_of_the_users_own_model():
    key = "00000000-0000-0000-0000-000000000001"
    text = '{"amount": "12.10", "day": "2024-03-15", "key": "%s", "level": "HIGH", "kind": "small"}' % key
    found = read(text, Typed)
    assert (found.amount, found.day, found.level, found.kind) == (
        Decimal("12.10"),
        date(2024, 3, 15),
        Level.HIGH,
        "Small",
    )
    assert "amount: Input should be greater than or equal to 0" in read(text.replace("12.10", "-1"), Typed)


def test_enum_case_is_mended_in_lists_options_and_aliases():
    class Row(BaseModel):
        level: Level | None = Field(None, alias="theLevel")

    class Table(BaseModel):
        rows: list[Row]
        by_name: dict[str, Level] = {}

    found = read('{"rows": [{"theLevel": "high"}, {"theLevel": null}], "by_name": {"a": "LOW"}}', Table)
    assert [row.level for row in found.rows] == [Level.HIGH, None]
    assert found.by_name == {"a": Level.LOW}


class Row(TypedDict):
    x: int


@pytest.mark.parametrize(("model", "text", "expected"), [
    (list[Point], 'x [{"x": 1, "y": 2}] y', [Point(x=1, y=2)]),
    (RootModel[list[int]], "[1, 2]", RootModel[list[int]]([1, 2])),
    (dict, '{"any": [1]}', {"any": [1]}),
    (Row, 'a {"x": 1}', {"x": 1}),
])  # fmt: skip
def test_other_types_than_models(model, text, expected):
    assert read(text, model) == expected


def test_a_validator_that_breaks_is_an_outcome_and_no_crash():
    class Broken(BaseModel):
        x: int

        @field_validator("x")
        @classmethod
        def explode(cls, value):
            raise KeyError(value)

    assert "the response model raised KeyError(1)" in read('{"x": 1}', Broken)


@pytest.mark.parametrize(("stop", "kind"), [
    ("max_tokens", "truncated"), ("model_context_window_exceeded", "truncated"), ("refusal", "refused"),
    ("end_turn", "succeeded"), ("stop_sequence", "succeeded"), ("pause_turn", "truncated"), ("brand_new", "succeeded"),
])  # fmt: skip
def test_the_stop_reason_comes_before_the_text(stop, kind):
    assert parse(line('{"x": 1, "y": 2}', stop=stop), Point).kind == kind


def test_a_refusal_keeps_its_details():
    details = {"type": "refusal", "category": "cyber", "explanation": "It asks for malware."}
    outcome = parse(line(stop="refusal", stop_details=details), Point)
    assert (outcome.category, outcome.explanation) == ("cyber", "It asks for malware.")
    assert parse(line(stop="refusal", stop_details=None)).reason == "the model refused: no explanation was given"


def test_thinking_and_unknown_blocks_are_skipped():
    thinking = {"type": "thinking", "thinking": '{"x": 9, "y": 9}', "signature": "s"}
    assert parse(line(thinking, {"type": "new_thing", "text": "no"}, '{"x": 1, ', '"y": 2}'), Point).result == Point(
        x=1, y=2
    )


def test_the_input_of_a_tool_can_be_the_answer():
    tool = {"type": "tool_use", "id": "t", "name": "answer", "input": {"x": 1, "y": 2}}
    assert parse(line(tool, stop="tool_use"), Point).result == Point(x=1, y=2)


@pytest.mark.parametrize("blocks", [[], [""], [" \n"], [{"type": "thinking", "thinking": "", "signature": "s"}]])
def test_an_answer_without_text_is_invalid(blocks):
    outcome = parse(line(*blocks))
    assert outcome.kind == "invalid"
    assert "the answer has no text (stop reason end_turn" in outcome.reason


@pytest.mark.parametrize(("result", "kind", "reason"), [
    ({"type": "expired"}, "expired", "expired before"),
    ({"type": "canceled"}, "canceled", "canceled before"),
    ({"type": "postponed"}, "errored", "unknown_result: its type is 'postponed'"),
    ({"type": "succeeded"}, "errored", "unknown_result"),
    ({"type": "errored", "error": {"type": "error", "error": {"type": "api_error", "message": "Oops"}, "request_id": "req_1"}},
     "errored", "api_error: Oops"),
    ({"type": "errored", "error": {"type": "invalid_request_error", "message": "flat"}}, "errored", "invalid_request_error: flat"),
    ({"type": "errored", "error": None}, "errored", "unknown_error: the API gave no message"),
    ({"type": "errored"}, "errored", "unknown_error"),
])  # fmt: skip
def test_what_did_not_succeed(result, kind, reason):
    outcome = parse({"custom_id": "a", "result": result})
    assert outcome.kind == kind
    assert reason in outcome.reason
    if "req_1" in str(result):
        assert outcome.request_id == "req_1"


@given(
    st.binary()
    | st.text()
    | st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)).map(
        json.dumps
    )
)
def test_no_line_breaks_it(garbage):
    assert parse(garbage).error_type == "unreadable_line"


@given(st.text(alphabet='{}[]"xy:,12 \n`', max_size=60), st.booleans())
def test_no_answer_breaks_it(text, citations):
    assert parse(line(text), Point, enable_citations=citations).kind in KINDS


class AllOptional(BaseModel):
    a: int | None = None


def test_an_envelope_is_opened_although_the_model_would_take_anything():
    assert read('{"result": {"a": 5}}', AllOptional) == AllOptional(a=5)
    assert read("{}", AllOptional) == AllOptional()


def test_an_answer_may_be_said_before_a_tool_is_called():
    tool = {"type": "tool_use", "id": "t", "name": "answer", "input": {"x": 1, "y": 2}}
    assert parse(line("I will record it.", tool, stop="tool_use"), Point).result == Point(x=1, y=2)
    waiting = parse(line("Let me search.", tool, stop="tool_use"))
    assert (waiting.kind, "called a tool (answer)" in waiting.reason) == ("invalid", True)


def test_a_validator_that_breaks_on_one_object_leaves_the_others():
    class Picky(BaseModel):
        x: int

        @field_validator("x")
        @classmethod
        def explode(cls, value):
            return {2: 2}[value]

    assert read('Example {"x": 1}, answer {"x": 2}', Picky) == Picky(x=2)


def test_enum_case_is_mended_in_tuples():
    class Pair(BaseModel):
        pair: tuple[Level, int]

    assert read('{"pair": ["HIGH", 1]}', Pair).pair == (Level.HIGH, 1)


class Leaf(BaseModel):
    kind: Literal["Leaf"]


class Twig(BaseModel):
    kind: Literal["Twig"]
    left: "Twig | Twine | Leaf"
    right: "Twig | Twine | Leaf"


class Twine(BaseModel):
    kind: Literal["Twine"]
    left: "Twig | Twine | Leaf"
    right: "Twig | Twine | Leaf"


def test_a_union_that_contains_itself_takes_no_exponential_time():
    deep = {"kind": "LEAF"}
    for _ in range(25):
        deep = {"kind": "Twig", "left": deep, "right": {"kind": "Leaf"}}
    assert aligned(deep, Twig.model_json_schema())["kind"] == "Twig"


def test_objects_of_the_sdk_are_taken_too():
    from anthropic.types import Message
    from anthropic.types.messages import MessageBatchIndividualResponse

    from batchata import map_citations, price

    raw = line('{"x": 1, "y": 2}', type="message", role="assistant", stop_sequence=None)
    assert parse(MessageBatchIndividualResponse.model_validate(raw), Point).result == Point(x=1, y=2)
    message = Message.model_validate(raw["result"]["message"])
    assert map_citations(message.content, Point(x=1, y=2)) == {"x": [], "y": []}
    assert price(message.usage, "claude-haiku-5-5").total > 0


@pytest.mark.parametrize("odd", ["x" + " " * 20_000 + "y", "_" * 50_000, "*" * 20_000 + ":", "- a: b\n" * 3000])
def test_no_answer_takes_long(odd):
    cited = {
        "type": "text",
        "text": odd,
        "citations": [{"cited_text": odd[:50], "start_page_number": 1, "end_page_number": 2}],
    }
    assert parse(line(cited, '{"x": 1, "y": 2}'), Point, enable_citations=True).kind == "succeeded"
