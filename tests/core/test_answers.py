"""How long an answer may be, where none was measured."""

from datetime import date
from enum import Enum
from typing import Literal

import orjson
import pytest
from pydantic import BaseModel, Field, TypeAdapter

from batchata.core.answers import Span, Thinking, object_rule, text_rule, thinking_of, thinks_unasked
from batchata.core.contents import Contents
from batchata.core.schema import json_schema, output_format
from batchata.core.typical import typical_answer
from tests.corpus import models


class Mood(Enum):
    GOOD = "good"
    BAD = "not so good"


class Inner(BaseModel):
    name: str
    tags: list[str]
    share: float | None = None


class Everything(BaseModel):
    mood: Mood
    kind: Literal["a"] = "a"
    when: date
    summary: str
    code: str = Field(max_length=5)
    by_name: dict[str, int]
    pair: tuple[int, str]
    rows: list[Inner]
    one: Inner | None = None


MODELS = [Everything, models.FlatInvoice, models.Invoice, list[Inner]]


@pytest.mark.parametrize("layout", ["compact", "indented"])
@pytest.mark.parametrize("model", MODELS)
def test_a_typical_answer_is_an_answer(model, layout):
    typical = typical_answer(json_schema(model), layout)
    for text in (typical.text, typical.longer):
        TypeAdapter(model).validate_json(text)
    assert len(typical.text) <= len(typical.longer)


def test_a_typical_answer_fits_the_output_format_and_shows_its_evidence():
    model = models.FlatInvoice
    text = typical_answer(output_format(model)["schema"], "compact").text
    assert orjson.loads(text)
    shown = typical_answer(json_schema(Everything), "evidence").text
    lines, _, written = shown.partition("\n\n")
    assert "- rows[0].name: " in lines
    TypeAdapter(Everything).validate_json(written)


def test_the_entries_of_a_list_of_objects_are_measured_and_those_of_plain_lists_are_a_few():
    typical = typical_answer(json_schema(Everything), "compact")
    more = (len(typical.longer) - len(typical.text)) / typical.entries
    entry = TypeAdapter(Everything).validate_json(typical.text).rows[0]
    assert more == pytest.approx(len(entry.model_dump_json()) + 1, abs=1)
    assert 20 < typical.entry_bytes < more
    assert typical_answer(json_schema(models.FlatInvoice), "compact").entry_bytes == 0


class Tree(BaseModel):
    name: str
    children: list["Tree"]


def test_a_model_that_contains_itself_ends():
    typical = typical_answer(json_schema(Tree), "indented")
    assert len(typical.longer) < 1_000_000


@pytest.mark.parametrize(("model", "thinks"), [
    ("claude-haiku-5-5", True), ("claude-sonnet-5", True), ("claude-opus-10", True), ("claude-fable-5-2", True),
    ("claude-mythos-preview", True), ("claude-haiku-4-5-20251001", False), ("claude-opus-4-8", False),
    ("claude-sonnet-4-20250514", False), ("claude-3-7-sonnet-20250219", False), ("gpt-5", False),
])  # fmt: skip
def test_which_models_think_unasked(model, thinks):
    assert thinks_unasked(model) is thinks
    assert (thinking_of({"model": model}) != Thinking()) is thinks


def test_thinking_is_what_was_asked_for():
    answer, model = Span(100, 100, 100), "claude-haiku-5-5"
    assert thinking_of({"model": model, "thinking": {"type": "disabled"}}).before(answer) == Span(0, 0, 0)
    low, high = (
        thinking_of({"model": model, "output_config": {"effort": effort}}).before(answer) for effort in ("low", "max")
    )
    assert low.likely < high.likely
    assert low.high < high.high
    asked = {"type": "enabled", "budget_tokens": 1_024}
    assert thinking_of({"model": "claude-haiku-4-5", "thinking": asked}).before(Span(9, 9, 9_000)).high == 1_024


def test_longer_documents_may_have_longer_lists_and_no_answer_is_longer_than_it_may_be():
    rule = object_rule(60, 20, 40, Thinking())
    short, long = (rule.of(Contents(text=size), 20_000) for size in (100, 40_000))
    for span in (short, long):
        assert span.low <= span.likely <= span.high
    assert short.likely < long.likely
    assert long.high == 60 * 2.5 + 20 * 500
    assert rule.of(Contents(text=40_000), 100) == Span(*(min(each, 100) for each in (long.low, long.likely, long.high)))
    scanned = rule.of(Contents(pages=[0, 0]), 10_000)
    assert scanned.likely > short.likely
    assert text_rule(Thinking()).of(Contents(), 500).high == 500
