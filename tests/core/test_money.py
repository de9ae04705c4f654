"""Money and numbers, as a person reads them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchata.core.money import rounded_usd, spent_of, usd
from batchata.core.plurals import number_of


@pytest.mark.parametrize(
    ("amount", "shown", "exact"),
    [
        ("0", "$0.00", "$0.00"),
        ("0.0000482", "$0.0000482", "$0.0000482"),
        ("0.0000081375", "$0.00000814", "$0.0000081375"),
        ("0.0003", "$0.0003", "$0.0003"),
        ("0.0038", "$0.0038", "$0.0038"),
        ("0.00380000", "$0.0038", "$0.0038"),
        ("0.0123456", "$0.0123", "$0.0123456"),
        ("0.1", "$0.10", "$0.10"),
        ("0.5", "$0.50", "$0.50"),
        ("0.123456", "$0.123", "$0.123456"),
        ("0.99999", "$1.00", "$0.99999"),
        ("5", "$5.00", "$5.00"),
        ("12.3456", "$12.35", "$12.3456"),
        ("1E+3", "$1,000.00", "$1,000.00"),
        ("1234567.891", "$1,234,567.89", "$1,234,567.891"),
        ("-0.0012345", "-$0.00123", "-$0.0012345"),
        ("-3", "-$3.00", "-$3.00"),
    ],
)
def test_money_as_it_is_shown(amount, shown, exact):
    assert rounded_usd(Decimal(amount)) == shown
    assert usd(Decimal(amount)) == exact


@given(st.decimals(min_value="1e-12", max_value="1e9", places=12))
def test_what_is_not_nothing_is_not_shown_as_nothing(amount):
    shown = Decimal(rounded_usd(amount).replace(",", "").removeprefix("$"))
    assert shown > 0
    assert abs(shown - amount) <= max(amount * Decimal("0.005"), Decimal(0))


@pytest.mark.parametrize(
    ("spent", "limit", "told"),
    [
        ("0.0038", "0.008", "$0.0038 of $0.008"),
        ("0.12364", "0.12365", "$0.12364 of $0.12365"),
        ("4.996", "4.997", "$4.996 of $4.997"),
        ("4.996", "5", "$5.00 of $5.00"),
        ("0", "5", "$0.00 of $5.00"),
        ("6.006", "5", "$6.01 of $5.00"),
    ],
)
def test_what_keeps_to_a_limit_does_not_seem_to_pass_it(spent, limit, told):
    assert spent_of(Decimal(spent), Decimal(limit)) == told


def test_numbers_of_things():
    assert [number_of(count, "item") for count in (0, 1, 2, 1200)] == ["0 items", "1 item", "2 items", "1,200 items"]
    assert [number_of(count, "batch is", "batches are") for count in (1, 3)] == ["1 batch is", "3 batches are"]
