import json
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from tests.corpus import CASES, Case
from tests.corpus.answers import json_text
from tests.corpus.build import flatten
from tests.corpus.contracts import contracts
from tests.corpus.invoices import invoices
from tests.corpus.score import Score, by_shape, score, total
from tests.corpus.shapes import SHAPES, allowed, expected

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
each_shape = pytest.mark.parametrize("shape", SHAPES)


def text_of(blocks: list[dict[str, Any]]) -> str:
    return "".join(block["text"] for block in blocks if block["type"] == "text")


def test_counts() -> None:
    names = [case.name for case in CASES]
    assert sum(name.startswith("invoice") for name in names) == 40
    assert sum(name.startswith("contract") for name in names) == 20
    assert len(set(names)) == 60
    assert {len(case.pages) for case in CASES} == {1, 2, 3, 4, 5}


def test_the_same_every_time() -> None:
    assert [*invoices(), *contracts()] == CASES
    for shape in SHAPES.values():
        assert shape(CASES[0]) == shape(invoices()[0])


@each_case
def test_truth_and_answer_validate(case: Case) -> None:
    model = case.model.model_validate(case.truth, by_name=True)
    assert model.model_dump(mode="json") == case.truth
    assert list(flatten(case.truth)) == list(flatten(model.model_dump()))
    assert len(flatten(case.answer_json)) == len(flatten(case.truth))


@each_case
def test_evidence_stands_on_its_page(case: Case) -> None:
    leaves = flatten(case.truth)
    for path, (page, cited) in case.evidence.items():
        assert cited in case.pages[page - 1]
        assert leaves[path] is not None
        assert case.chunks[page, cited].forms[path] in cited
    assert not [path for path in case.evidence if path.endswith(("credit_note", "reverse_charge"))]
    unstated = {path for path, value in leaves.items() if path not in case.evidence and value is not None}
    assert {path.rpartition(".")[2] for path in unstated} <= {"is_credit_note", "credit_note", "reverse_charge"}


@each_shape
@each_case
def test_shapes(case: Case, shape: str) -> None:
    blocks = SHAPES[shape](case)
    answer = json_text(case, shape)
    assert json.loads(answer) == case.answer_json
    assert answer in text_of(blocks)
    for block in blocks:
        for one in block.get("citations") or ():
            assert one["cited_text"] in case.pages[one["start_page_number"] - 1]
            assert one["end_page_number"] == one["start_page_number"] + 1
    pages, sure = allowed(case, shape), expected(case, shape)
    assert sure <= pages.keys() == pages.keys() & set(flatten(case.truth))
    assert all(case.evidence[path][0] in pages[path] for path in case.evidence)


@each_shape
def test_a_perfect_reader_gets_full_marks(shape: str) -> None:
    scores = {}
    for case in CASES:
        pages = allowed(case, shape)
        cited = {path: [SimpleNamespace(start_page=page) for page in sorted(found)] for path, found in pages.items()}
        scores[case.name, shape] = score(case, shape, case.truth, cited)
    whole = total(scores.values())
    assert (whole.field_accuracy, whole.citation_recall, whole.wrong_rate) == (1, 1, 0)
    assert by_shape(scores) == {shape: whole}
    assert whole.expected > 1000


def test_mistakes_cost() -> None:
    case = next(case for case in CASES if len(case.pages) > 2 and "total" in case.evidence)
    far = SimpleNamespace(start_page=99)
    result = {**case.truth, "total": 1}
    found = score(case, "values", result, {"total": [far], "no_such_field": [far]})
    assert (found.fields - found.fields_right, found.wrong, found.given, found.recalled) == (1, 2, 2, 0)
    assert score(case, "values", None, {}).fields_right == 0
    assert total([found, Score()]) == found


def traps(case: Case) -> set[str]:
    """The hard spots of one document."""
    leaves, where = case.truth_leaves, case.evidence
    subtotal, whole = leaves.get("subtotal"), leaves.get("total")
    issued, due = (leaves.get(path) for path in ("invoice_date", "due_date"))
    amounts = [value for path, value in leaves.items() if path.endswith(".amount")]
    texts = [value for value in leaves.values() if isinstance(value, str)]
    checks = {
        "sum twice": whole is not None and subtotal == whole and where["subtotal"][0] != where["total"][0],
        "one date for two": issued is not None and issued == due,
        "same amount": len(set(amounts)) < len(amounts),
        "small number": any(type(value) is int and value < 4 for value in leaves.values()),
        "said again": any(place[0] != where[path][0] for path, more in case.others.items() for place in more),
        "in another": any(one != other and one in other for one in texts for other in texts if len(one) > 3),
        "negative": any(isinstance(value, float) and value < 0 for value in leaves.values()),
        "parentheses": any(
            form.count("(") and form.strip("()")[0].isdigit()
            for chunk in case.chunks.values()
            for form in chunk.forms.values()
        ),
        "zero": any(isinstance(value, float) and value == 0 for value in leaves.values()),
        "many in one": any(len(chunk.forms) > 4 for chunk in case.chunks.values()),
        "quote": any('"' in text for text in texts),
        "url": any("://" in text for text in texts),
    }
    return {name for name, found in checks.items() if found}


def test_traps() -> None:
    counts = Counter(name for case in CASES for name in traps(case))
    rare = {name: count for name, count in counts.items() if count < 3}
    assert len(counts) == 12
    assert not rare


def test_one_block_leaves_out_what_nobody_can_tell() -> None:
    left_out = [path for case in CASES for path in set(case.evidence) - expected(case, "one")]
    assert left_out
    kept = sum(len(expected(case, "one")) for case in CASES)
    assert kept > 4 * len(left_out)
