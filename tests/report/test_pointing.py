"""Which part of a cited text is the value, and which of several places is meant."""

from datetime import date
from decimal import Decimal

import pytest

from batchata.core.matching import value_of
from batchata.core.pointing import beside, named, row_of, value_span


@pytest.mark.parametrize(
    ("cited", "value", "part"),
    [
        ("Total due: $1,234.50.", Decimal("1234.5"), "$1,234.50"),
        ("Rechnungsdatum: 18.05.2026", date(2026, 5, 18), "18.05.2026"),
        ("Issued on March 3, 2026, in York", date(2026, 3, 3), "March 3, 2026"),
        ("sold by (Example Supplies Co.), York", "Example Supplies Co.", "Example Supplies Co."),
        ("Example Supplies Co.", "example supplies co", "Example Supplies Co."),
        ("2 x 2.00 = 4.00", 2, None),
        ("5.00 and again 5.00", 5, None),
        ("the sum is 7", 5, None),
        ("yes", True, None),
        ("", "text", None),
    ],
)
def test_the_value_within_the_cited_text(cited, value, part):
    span = value_span(cited, value_of(value))
    assert (cited[slice(*span)] if span else None) == part


def test_a_place_beside_another_field_of_the_row_is_the_one():
    rows = [frozenset({1}), frozenset({4}), frozenset({4, 5})]
    assert beside(rows, {"lines[0].text": frozenset({1})}) == (0, "lines[0].text")
    assert beside(rows, {"lines[0].text": frozenset({4})}) is None
    assert beside(rows, {"lines[0].text": frozenset({9})}) is None
    assert beside(rows, {}) is None


def test_a_place_on_the_line_that_names_the_field_is_the_one():
    lines = ["Subtotal 5.00", "Total amount 5.00", "5.00 before tax"]
    assert named("total_amount", lines) == 1
    assert named("invoice.subtotals", lines) == 0
    assert named("amount_due", lines) is None
    assert named("total_amount", [*lines, "Total amount 5.00"]) is None
    assert named("", lines) is None


def test_the_row_of_a_field():
    assert [row_of(path) for path in ("lines[2].amount", "vendor.address.city", "total", "sites[0]")] == [
        "lines[2]",
        "vendor.address",
        "",
        "",
    ]
