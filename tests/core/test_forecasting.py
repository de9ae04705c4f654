"""What is known of a run -> its estimate, in Decimal and with what is not known as None."""

from dataclasses import replace
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchata.core.answers import object_rule, text_rule, thinking_of
from batchata.core.contents import Contents
from batchata.core.estimates import Amount
from batchata.core.forecasting import Paid, Work, estimate_of
from batchata.core.pricing import price
from batchata.core.rates import Rates, rates_of
from batchata.core.reckoning import Answers, Pricing, Seen, Usage
from tests.core.brain_support import intent, settled, state_of, submitted

USD = Decimal
RATES = Rates(input=2, output=10)  # in a batch 1 and 5 USD a million tokens
GIVEN = Answers(given=100, source="100 for each answer, as given")


def seen(text, counted=None, *, bound="0.01", **more):
    return Seen(Contents(blocks=1, text=text), 0, 1_000, bound and USD(bound), counted, **more)


def work(*items, answers=GIVEN, rates=RATES, waiting=None, **more):
    waits = sum(not each.in_flight for each in items)
    given = {"waiting": waits if waiting is None else waiting, "waiting_seen": waits, "answers": answers, **more}
    return Work("m", Pricing(rates), items, **given)


def test_what_is_counted_and_given_is_exact():
    found = estimate_of(work(seen(300, 100), seen(3_000, 1_001)))
    assert found.input_tokens == Amount(1_101, 1_101, 1_101)
    assert found.output_tokens == Amount(200, 200, 200)
    assert found.cost == Amount(*[USD("0.002101")] * 3)
    assert (found.input_method, found.output_method, found.counted) == ("counted", "given", 2)
    assert found.list_price == USD("0.004202")
    assert (found.bound, found.bound_is_exact) == (USD("0.02"), True)
    assert "the API counted all 2" in str(found)
    assert "$0.0021\n" in str(found)
    assert "perhaps" not in str(found)


def test_each_item_has_the_price_of_its_own_length():
    """Five times as much above 100,000 tokens: what a sum of tokens times one price would not show."""
    model = "claude-haiku-5-5"
    found = estimate_of(work(seen(9, 100_000, bound=None), seen(9, 100_001, bound=None), rates=rates_of(model)))
    usages = [{"input_tokens": tokens, "output_tokens": 100, "service_tier": "batch"} for tokens in (100_000, 100_001)]
    assert found.cost.value == sum(price(usage, model).total for usage in usages)
    us = replace(work(seen(9, 500, bound=None), rates=rates_of(model)), pricing=Pricing(rates_of(model), is_us=True))
    assert estimate_of(us).cost.value == price({**usages[0], "input_tokens": 500, "inference_geo": "us"}, model).total


def test_those_that_were_not_counted_are_told_from_those_that_were():
    items = [seen(9 * n, 3 * n + n * n % 31 if n % 2 else None) for n in range(1, 101)]
    found = estimate_of(work(*items))
    true = sum(3 * n + n * n % 31 for n in range(1, 101))
    assert found.input_method in ("ratio", "regression")
    assert found.counted == 50
    assert found.input_tokens.low <= true <= found.input_tokens.high
    assert found.input_tokens.value == pytest.approx(true, rel=0.02)
    assert found.cost.low < found.cost.value < found.cost.high
    assert "the API counted 50 of 100" in str(found)


def test_those_that_were_not_looked_at_are_told_from_those_that_were():
    found = estimate_of(work(*[seen(90 * n, 30 * n) for n in range(1, 51)], waiting=500, cached=50))
    assert (found.waiting, found.looked_at, found.bound_is_exact) == (500, 100, False)
    assert found.input_tokens.value == 5 * sum(30 * n for n in range(1, 51))
    assert found.input_tokens.low < found.input_tokens.value < found.input_tokens.high
    assert found.output_tokens.value == 25_000
    assert "50 of 100 looked at in the cache" in str(found)
    assert "bound of a sample" in str(found)


def test_where_nothing_could_be_counted_the_sizes_tell_and_the_interval_is_wide():
    found = estimate_of(work(seen(3_000), seen(6_000)))
    assert (found.input_method, found.counted) == ("sizes", 0)
    assert found.input_tokens.low < 2_300 < 3_500 < found.input_tokens.high
    assert "none could be counted" in str(found)


def measured(*usages):
    return Answers([Usage(*each) for each in usages], source="as measured on some")


def test_answers_are_as_long_as_they_were():
    found = estimate_of(work(*[seen(300, 100)] * 20, answers=measured(*[(100, 40), (100, 60)] * 10)))
    assert (found.output_tokens.value, found.output_method) == (1_000, "measured")
    assert 800 < found.output_tokens.low < found.output_tokens.high < 1_200
    assert found.cost.value == pytest.approx(USD("0.007"))


def test_longer_prompts_have_longer_answers_where_that_was_measured():
    lengths = [(prompt, prompt // 10) for prompt in range(100, 2_100, 100)]
    found = estimate_of(work(seen(30_000, 10_000), answers=measured(*lengths), max_cost=None))
    assert found.output_tokens.value == 1_000
    capped = estimate_of(work(replace(seen(30_000, 10_000), max_tokens=50), answers=measured(*lengths)))
    assert capped.output_tokens.value == 50


def test_what_was_paid_twice_will_be_again():
    twice = [(100, 50, 2), (100, 50, 1)] * 20
    found = estimate_of(work(*[seen(300, 100)] * 100, answers=measured(*twice)))
    assert (found.input_tokens.value, found.output_tokens.value) == (15_000, 7_500)
    assert found.input_tokens.low < 15_000 < found.input_tokens.high
    assert found.cost.low < USD("0.0525") < found.cost.high


def test_a_rule_is_no_measurement_and_says_so():
    rule = object_rule(60, 20, 40, thinking_of({"model": "claude-haiku-5-5"}))
    found = estimate_of(work(seen(3_000, 1_000), answers=Answers(rule=rule, source="by a rule")))
    assert found.output_method == "rule"
    assert found.cost.low < found.cost.value / 2
    assert found.cost.value < found.cost.high <= found.bound
    assert "perhaps" in str(found)
    assert "95 %" not in str(found)


@given(
    st.lists(st.tuples(st.integers(1, 50_000), st.booleans(), st.booleans()), min_size=1, max_size=30),
    st.integers(0, 50), st.sampled_from(["given", "measured", "rule"]),
)  # fmt: skip
def test_the_ends_are_in_order_and_within_what_is_known(items, more, how):
    """The bounds are true ones here: a token for each byte, and the longest answer."""
    made = [
        seen(
            text, max(text // 3, 1) if is_counted else None, bound=str((text + 5_000 + 5_000) / 1e6), in_flight=is_sent
        )
        for text, is_counted, is_sent in items
    ]
    answers = {
        "given": GIVEN, "measured": measured(*[(n, n % 7, 1 + n % 2) for n in range(1, 9)]),
        "rule": Answers(rule=text_rule(thinking_of({"model": "claude-opus-5"}))),
    }[how]  # fmt: skip
    sent = sum(each.in_flight for each in made)
    spent = Paid(ended=3, in_flight=sent, spent=USD("0.5"), reserved=None if sent else USD(0))
    waiting = len(made) - sent
    found = estimate_of(work(*made, answers=answers, waiting=waiting + more * bool(waiting), paid=spent))
    assert spent.spent <= found.cost.value <= found.bound
    if found.cost.low is not None:
        assert spent.spent <= found.cost.low <= found.cost.value <= found.cost.high <= found.bound
    assert orjson.loads(found.to_json())["items"] == found.items == 3 + sent + found.waiting


# what a ledger tells


def test_what_is_spent_and_reserved_counts():
    done = settled(1, {0: ("succeeded", USD("0.3"))}, cost="0.3")
    state = state_of(intent(1, 0, bound="1"), submitted(1), done, intent(2, 1, bound="0.4"), submitted(2))
    paid = Paid.of(state)
    assert (paid.ended, paid.in_flight, paid.spent, paid.reserved) == (1, 1, USD("0.3"), USD("0.4"))
    items = [seen(300, 100, in_flight=True), *[seen(300, 100)] * 4]
    found = estimate_of(work(*items, paid=paid, max_cost=USD(1), items_per_job=2))
    assert (found.items, found.ended, found.in_flight, found.waiting) == (6, 1, 1, 4)
    assert found.cost.value == USD("0.3") + 5 * USD("0.0006")
    assert found.bound == USD("0.7") + 4 * USD("0.01")
    assert (found.jobs_at_a_time, found.items_at_a_time) == (2, 4)
    assert "1 ended, 1 in flight" in str(found)


def test_batches_that_were_sent_without_a_limit_are_bound_by_what_they_ask_for():
    state = state_of(intent(1, 0, bound=None), submitted(1))
    paid = Paid.of(state)
    assert paid.reserved is None
    found = estimate_of(work(seen(300, 100, in_flight=True), paid=paid, max_cost=USD(1)))
    assert (found.bound, found.items_at_a_time) == (USD("0.01"), None)


def test_where_nothing_is_left_the_cost_is_what_was_spent():
    found = estimate_of(work(paid=Paid(ended=7, spent=USD("0.123456789"), saved=USD("0.1")), max_cost=USD(1)))
    assert found.cost == Amount(*[USD("0.123456789")] * 3)
    assert (found.bound, found.list_price) == (USD("0.123456789"), USD("0.223456789"))
    assert "nothing is left to be sent" in str(found)
    assert estimate_of(work(paid=Paid(ended=7, saved=None))).list_price is None


def test_all_from_the_cache_costs_nothing():
    found = estimate_of(work(cached=5, waiting=5, waiting_seen=5))
    assert found.cost == Amount(USD(0), USD(0), USD(0))
    assert "5 in the cache, which cost nothing" in str(found)


# the limit


@pytest.mark.parametrize(("limit", "said"), [
    (None, "none"),
    ("0.001", "below the estimate"),
    ("0.005", "so nothing would be sent"),
    ("0.029", "about 1 batch with 2 items in all at a time"),
    ("0.035", "about 2 batches with 3 items in all at a time"),
    ("100", "about 3 batches with 6 items in all at a time"),
])  # fmt: skip
def test_what_a_limit_covers(limit, said):
    found = estimate_of(
        work(*[seen(300, 100)] * 10, max_cost=limit and USD(limit), items_per_job=2, max_parallel_jobs=3)
    )
    [line] = [line for line in str(found).splitlines() if "cost limit" in line]
    assert said in line


def test_a_request_without_an_upper_bound_leaves_the_whole_without_one():
    found = estimate_of(work(seen(300, 100, bound=None), seen(300, 100), max_cost=USD(1), notes=("a note",)))
    assert (found.bound, found.items_at_a_time) == (None, None)
    assert found.cost.value == USD("0.0012")
    for words in ("no upper bound", "cannot be told without an upper bound", "note: a note"):
        assert words in str(found)


def test_every_digit_survives_in_json():
    found = estimate_of(work(seen(3, 7), paid=Paid(spent=USD("0.12345678901234567890123"))))
    as_json = orjson.loads(found.to_json())
    assert as_json == found.to_dict()
    assert USD(as_json["cost"]["value"]) == found.cost.value == USD("0.12345678901234567890123") + USD("0.000507")
    assert as_json["input_tokens"] == {"value": 7, "low": 7, "high": 7}
