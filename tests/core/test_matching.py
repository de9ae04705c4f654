from datetime import date, datetime
from decimal import Decimal
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchata.core.matching import Text, value_of

AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=2)
DAYS = st.dates(date(1950, 1, 1), date(2090, 12, 31))


class Colour(Enum):
    RED = "red"


def stated(value, text):
    searchable = value_of(value)
    return searchable is not None and searchable.count_in(Text(text)) > 0


def formats(amount: Decimal):
    us = f"{amount:,.2f}"
    return [us, us.replace(",", "_").replace(".", ",").replace("_", "."), us.replace(",", "'"), f"{amount:.2f}",
            us.replace(",", "\u00a0").replace(".", ","), us.replace(",", "\u2019")]  # fmt: skip


@given(
    AMOUNTS,
    st.integers(0, 5),
    st.sampled_from(["Total: {}", "Total {} EUR", "CHF {} due", "${}", "({})", "-{}", "x\t{}\ty"]),
)
def test_an_amount_is_found_in_every_format(amount, which, frame):
    text = frame.format(formats(amount)[which])
    assert stated(amount, text)
    assert stated(float(amount), text)
    assert stated(f"{amount:,.2f}", text)


@given(
    DAYS,
    st.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d %B %Y", "%B %d, %Y", "%d-%b-%y", "%d %b %Y"]),
)
def test_a_date_is_found_in_every_format(day, pattern):
    if "%y" in pattern and day.year < 2000:
        return
    text = f"dated {day.strftime(pattern)}, payable at once"
    assert stated(day, text)
    assert stated(day.isoformat(), text)
    assert stated(datetime(day.year, day.month, day.day, 12), text)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (100, "Invoice INV-2024-100"),
        (100, "order 2024/100"),
        (15, "15.03.2026"),
        (15, "15 March 2026"),
        (500, "1,500.00"),
        ("500.00", "1,500.00"),
        (234.56, "1234.56"),
        (3, "item A3"),
        ("ACME", "ACMEX"),
        (date(2026, 3, 15), "15.03.2027"),
        (True, "true"),
        (None, "None"),
        ("00123", "123"),
        ("-", "a - b"),
        (date(2020, 3, 2), "2 marketing 20"),
    ],
)
def test_what_is_not_stated(value, text):
    assert not stated(value, text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("TechCorp Solutions", "Bill from: TECHCORP  SOLUTIONS\nInc."),
        ("O'Neil & Sons", "o\u2019neil & sons"),
        (19, "19% VAT"),
        (0.19, "19% VAT"),
        (-50, "Credit (50.00)"),
        (12500, "12.500,00 \u20ac"),
        ("USD", "Total $5"),
        ("3. M\u00e4rz 2024", "2024-03-03"),
        ("1er mars 2024", "01/03/2024"),
        (Colour.RED, "painted Red"),
        ("00123", "ZIP 00123"),
        (2, "Widget 2 50.00 100.00"),
        (50, "Widget 2 50.00 100.00"),
    ],
)
def test_what_is_stated(value, text):
    assert stated(value, text)


@pytest.mark.parametrize(("value", "text", "distinct"), [
    (2, "Widget 2", False), (2, "Fee $2", True), (1250, "Suite 1250", False), (12500, "12500", True),
    ("ab", "ab", False), ("Acme Corp", "Acme Corp", True), (date(2024, 1, 2), "2024-01-02", True),
])  # fmt: skip
def test_a_bare_small_number_means_little(value, text, distinct):
    assert value_of(value).is_distinct_in(Text(text)) is distinct


@given(st.text(), st.text())
def test_no_text_breaks_it(value, text):
    searchable = value_of(value)
    assert searchable is None or searchable.count_in(Text(text)) >= 0


@given(st.text(alphabet="0123456789.,'- /%$", max_size=30))
def test_no_run_of_digits_breaks_it(text):
    assert all(number >= 0 for number in Text(text).numbers)
