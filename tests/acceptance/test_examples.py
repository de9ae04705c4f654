"""Each example does, without a key, what its first sentence says."""

import runpy

import pytest

from .conftest import ROOT

EXAMPLES = {
    "spam_detection": ["is_spam=True", "is_spam=False"],
    "pdf_extraction": ["total_amount=Decimal('2861.37')", "total_amount: page 1, '$2,861.37'", "Total cost: $"],
    "citation_example": ["characters 63 to 99: 'Its main mirror measures 1.8 metres.'"],
    "citation_with_pydantic": ["Northwind Office Supply Co.: 5 lines", "line_items[4].amount"],
    "batch_manager_example": ["12 of 12 invoices for $0.", "invoice_number='INV-2026-0118'"],
    "raw_text_example": ["USD less than without the batch discount"],
    "paid_once": ["killed, with 6 items in flight", "gone on with: 12 of 12", "4 batches, 4 of them different"],
    "nothing_lost": ["item 2 ended as refused: the model refused", "12 items in, 12 outcomes out"],
    "limit_holds": ["limit reached: True", "12 of 12 done", "limit reached: False"],
    "the_bill": ["equal: True"],
    "sample_first": ["forecast for all", "60 of 60 done"],
    "one_document_many_prompts": ["60 answers for $0.", "read from the prompt cache: 98%"],
    "rows_and_tables": ["3 rows", '"m2"', "result.is_spam", "true"],
    "estimate_first": ["Estimate for 12 items", "claude-sonnet-5-5: about $", "it was $0."],
    "as_they_come": ["0 before it", "all 40 are there"],
    "review_in_a_browser": ["12 rows", "report.html"],
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_does_what_it_says(name, capsys, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setattr("sys.argv", [name])
    runpy.run_module(f"examples.{name}", run_name="__main__")
    said = capsys.readouterr().out
    for each in EXAMPLES[name]:
        assert each in said


def test_all_of_them_are_tried():
    there = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert there - {"__init__", "place", "make_invoices"} == EXAMPLES.keys()
