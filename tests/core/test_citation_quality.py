"""How well fields are read and cited, on documents and answers that were made apart from the implementation."""

import pytest

from batchata import parse
from tests.corpus import CASES, SHAPES
from tests.corpus.score import score, total


def answered(case, shape):
    message = {"id": "m", "model": "m", "content": SHAPES[shape](case), "stop_reason": "end_turn", "usage": {}}
    outcome = parse(
        {"custom_id": "a", "result": {"type": "succeeded", "message": message}}, case.model, enable_citations=True
    )
    assert outcome.kind == "succeeded", f"{case.name} {shape}: {outcome.reason}"
    return score(case, shape, outcome.result.model_dump(), outcome.citations)


@pytest.fixture(scope="module")
def scores():
    return {shape: total(answered(case, shape) for case in CASES) for shape in SHAPES}


def test_over_all_shapes(scores):
    found = total(scores.values())
    assert found.field_accuracy == 1
    assert found.citation_recall >= 0.99
    assert found.wrong_rate < 0.005


@pytest.mark.parametrize("shape", SHAPES)
def test_in_each_shape(scores, shape):
    recall = 0.96 if shape == "one" else 0.99  # in one block nothing but the cited texts tells the fields apart
    assert scores[shape].field_accuracy == 1
    assert scores[shape].citation_recall >= recall
    assert scores[shape].wrong_rate < 0.005
