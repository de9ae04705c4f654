"""What an estimate reckons the prompt cache to save."""

from array import array
from decimal import Decimal

from batchata.core.rates import Rates
from batchata.core.savings import Saving, dearest_marks, saving_of
from batchata.core.sharing import NONE, Prefix, Sharing

PREFIX = Prefix("p", (0, 1), 1_000_000, 11)


def sharing(mode="auto", **how):
    return Sharing([PREFIX], array("l", [0, NONE]), Rates(2, 10, read="0.2"), mode, **how)


def test_a_million_tokens_that_cost_a_dollar_each_time():
    """One is written for an hour at 2; of ten that read, all cost 0.1; of 80 % that do 0.08 + 0.4; of 30 % 0.03 + 1.4."""
    assert saving_of(sharing(), {"p": 11}) == Saving(11, Decimal("4.2"), Decimal("8.4"), Decimal("-5.3"))


def test_without_a_job_ahead_it_is_written_for_five_minutes():
    found = saving_of(sharing(may_wait=False), {"p": 11})
    assert found.likely == found.least == Decimal(11) - Decimal("1.25") - 10 * (Decimal("0.03") + Decimal("0.875"))


def test_nothing_is_saved_where_nobody_is_left_or_no_price_is_known():
    assert saving_of(sharing(), {}) == saving_of(sharing(), {"p": 1}) == Saving()
    assert saving_of(Sharing([PREFIX], array("l", [0]), None, "1h"), {"p": 5}) == Saving()


def test_what_was_asked_for_may_cost():
    assert saving_of(sharing("1h"), {"p": 1}).likely == -1


def test_the_bound_is_that_of_the_dearest_write():
    assert dearest_marks(sharing(), 0).ttl == "1h"
    assert dearest_marks(sharing("5m"), 0).ttl == "5m"
    assert dearest_marks(sharing(), 1) is dearest_marks(None, 0) is None
