from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from batchata.core.budget import Budget

MONEY = st.decimals(0, 5, places=4)
SHARE = st.sampled_from([Decimal(0), Decimal("0.1"), Decimal("0.5"), Decimal(1)])
EVENTS = st.lists(st.tuples(st.sampled_from(["reserve", "release", "settle", "unknown"]), MONEY, SHARE), max_size=40)


@given(MONEY, EVENTS)
def test_the_limit_is_never_passed_while_only_what_it_covers_is_reserved(limit, events):
    """As long as no batch costs more than its bound."""
    budget, bounds = Budget(limit), []
    spent = held = Decimal(0)
    for what, money, share in events:
        if what == "reserve":
            if budget.covers(money):
                budget = budget.reserve(money)
                bounds.append(money)
        elif bounds:
            bound = bounds.pop()
            known = bound * share if what != "release" else Decimal(0)
            unknown = bound - known if what == "unknown" else Decimal(0)
            spent, held = spent + known, held + unknown
            budget = budget.release(bound) if what == "release" else budget.settle(bound, known, unknown)
        assert budget.spent + budget.held + budget.reserved <= limit
        assert (budget.spent, budget.held, budget.reserved) == (spent, held, sum(bounds, Decimal(0)))
        assert budget.left >= 0
        assert not budget.covers(budget.left + Decimal("0.0001"))


def test_without_a_limit_everything_is_covered():
    budget = Budget().reserve(Decimal(10)).settle(Decimal(10), Decimal(7))
    assert (budget.left, budget.covers(Decimal(10**9)), budget.spent) == (None, True, Decimal(7))


def test_a_limit_below_what_is_spent_covers_nothing():
    budget = Budget(Decimal(2)).reserve(Decimal(1)).settle(Decimal(1), Decimal(1)).limited_to(Decimal("0.5"))
    assert budget.left == Decimal("-0.5")
    assert not budget.covers(Decimal(0))
    assert budget.limited_to(Decimal(3)).left == 2
    assert budget.limited_to(None).covers(Decimal(99))


def test_what_was_reserved_and_not_used_comes_back():
    budget = Budget(Decimal(1)).reserve(Decimal("0.6"))
    assert not budget.covers(Decimal("0.5"))
    assert budget.release(Decimal("0.6")) == Budget(Decimal(1))
    assert budget.settle(Decimal("0.6"), Decimal("0.1"), Decimal("0.2")).left == Decimal("0.7")
