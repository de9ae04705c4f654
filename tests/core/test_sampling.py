"""The sample: which items, what they cost, and what that says about all of them."""

import math
import random
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchata.core.events import decoded_event, encoded
from batchata.core.outcomes import Refused, Succeeded
from batchata.core.records import record_of
from batchata.core.samplereport import report_of, unapproved
from batchata.core.sampling import Forecast, draw, forecast, size_of_sample, student
from batchata.core.state import RunState
from tests.core.brain_support import decided, intent, opened, settled, started, state_of, submitted

USD = Decimal


# which items


@pytest.mark.parametrize(("wanted", "total", "size"), [
    (0.01, 10_000, 100), (0.01, 10_001, 101), (0.01, 50, 2), (0.5, 3, 2), (1.0, 7, 7), (0.01, 1, 1),
    (50, 10_000, 50), (50, 20, 20), (1, 10, 1),
])  # fmt: skip
def test_a_share_is_two_items_at_least_and_a_number_is_that_many(wanted, total, size):
    assert size_of_sample(wanted, total) == size


@given(st.text(min_size=1), st.integers(1, 400), st.one_of(st.floats(0.001, 1), st.integers(1, 500)))
def test_the_same_run_draws_the_same_items(run_id, total, wanted):
    population = range(0, 3 * total, 3)
    drawn = draw(run_id, wanted, population, total)
    assert drawn == draw(run_id, wanted, list(population), total)
    assert drawn == sorted(set(drawn))
    assert set(drawn) <= set(population)
    assert len(drawn) == size_of_sample(wanted, total)


def test_each_item_is_drawn_equally_often():
    times = [0] * 20
    for run in range(4_000):
        for index in draw(f"run {run}", 5, range(20), 20):
            times[index] += 1
    assert 900 < min(times) <= max(times) < 1_100


# the forecast


def integral(t, freedom):
    """Student's distribution function by Simpson's rule, from its density."""
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    density = lambda x: scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2)  # noqa: E731
    steps = 2_000
    inner = sum((4 if step % 2 else 2) * density(step * t / steps) for step in range(1, steps))
    return 0.5 + t / steps / 3 * (density(0) + inner + density(t))


@pytest.mark.parametrize("freedom", [*range(1, 45), 60, 99, 1_000, 50_000])
def test_the_points_of_student(freedom):
    assert integral(student(freedom), freedom) == pytest.approx(0.975, abs=1e-5)


def test_a_published_example():
    """Cochran, Sampling Techniques (1977), example 2.1: signatures on 50 of 676 sheets."""
    times = {42: 23, 41: 4, 36: 1, 32: 1, 29: 1, 27: 2, 23: 1, 19: 1, 16: 2, 15: 2, 14: 1, 11: 1, 10: 1, 9: 1, 7: 1,
             6: 3, 5: 2, 4: 1, 3: 1}  # fmt: skip
    costs = [USD(value) for value, count in times.items() for _ in range(count)]
    found = forecast(costs, waiting=676 - 50, spent=sum(costs))
    assert round(found.cost) == 19_888
    standard_error = 676 * 15.13 / math.sqrt(50) * math.sqrt(1 - 50 / 676)
    assert float(found.high - found.cost) == pytest.approx(2.0096 * standard_error, rel=1e-3)
    assert found.high - found.cost == found.cost - found.low


@pytest.mark.parametrize(("costs", "waiting", "spent", "expected"), [
    (["1", "3"], 0, "4", ("4", "4", "4")),  # all of it was sampled: it is known
    (["2", "2"], 8, "4", ("20", "20", "20")),
    (["2"], 8, "2", ("18", None, None)),  # one item says nothing about how they differ
    (["1", "3"], 2, "10", ("14", "10", "49.9")),  # others were paid before; never below what is spent
    (["0", "2"], 2, "2", ("4", "2", "39.9")),  # an answer from the cache is an item that costs nothing
    (["0", "0"], 8, "0", (None, None, None)),
    (["1", None], 8, "1", (None, None, None)),
])  # fmt: skip
def test_the_forecast(costs, waiting, spent, expected):
    found = forecast([each and USD(each) for each in costs], waiting=waiting, spent=USD(spent))
    shown = [each and each.quantize(USD("0.1")) for each in (found.cost, found.low, found.high)]
    assert shown == [each and USD(each).quantize(USD("0.1")) for each in expected]


def populations(chance):
    """The costs of documents that differ in length, as most collections have them."""
    while True:
        shape, size = chance.choice(("even", "bell", "skewed")), chance.randint(100, 1_500)
        one = {
            "even": lambda: chance.uniform(0.1, 1),
            "bell": lambda: max(chance.gauss(1, 0.25), 0),
            "skewed": lambda: chance.gammavariate(4, 0.01),
        }[shape]
        yield [USD(one()) for _ in range(size)]


def test_the_interval_holds_the_true_cost_in_95_of_100_cases():
    chance = random.Random(20261122)
    made, held, tries = populations(chance), 0, 1_500
    for number in range(tries):
        costs = next(made)
        sampled = draw(f"run {number}", chance.choice((8, 15, 40, 0.1)), range(len(costs)), len(costs))
        spent = sum(costs[index] for index in sampled)
        found = forecast([costs[index] for index in sampled], waiting=len(costs) - len(sampled), spent=spent)
        held += found.low <= sum(costs) <= found.high
    assert 0.93 <= held / tries <= 0.97


@given(
    st.lists(st.decimals(0, 10, places=4), min_size=1, max_size=30), st.integers(0, 1_000), st.decimals(0, 5, places=2)
)
def test_the_ends_are_in_order_and_never_below_what_is_spent(costs, waiting, before):
    spent = sum(costs, USD(0)) + before
    found = forecast(costs, waiting=waiting, spent=spent)
    if found.low is not None:
        assert spent <= found.low <= found.cost <= found.high
    else:
        assert found == Forecast(found.cost)
        assert found.cost is None or len(costs) == 1


# what a state knows of its sample, and what is reported


SAMPLED = [decided("sample", [4, 1]), intent(1, 1, 4), submitted(1)]
MEASURED = settled(1, {1: ("succeeded", USD("0.2")), 4: ("refused", USD("0.1"))}, cost="0.3")


def test_what_the_sample_cost_counts_every_try():
    state = state_of(
        *SAMPLED, settled(1, {1: ("succeeded", USD("0.2"))}, cost="0.2"),
        intent(2, 0, 4, attempt=2), submitted(2),
        settled(2, {0: ("succeeded", USD(7)), 4: ("succeeded", USD("0.5"))}, cost="7.5"),
    )  # fmt: skip
    assert state.sample.costs == {1: USD("0.2"), 4: USD("0.5")}
    assert list(state.sample.costs) == [1, 4]


def test_a_try_that_is_sent_again_counts_and_an_unknown_cost_stays_unknown():
    state = RunState()
    for event in [*started(), *SAMPLED]:
        state.apply(event)
    first = settled(1, again={1: "truncated", 4: "truncated"}).again
    again = [first[0]._replace(cost=USD("0.3")), first[1]._replace(cost=None)]
    state.apply(settled(1).model_copy(update={"again": again}))
    state.apply(settled(2, {1: ("succeeded", USD("0.2")), 4: ("succeeded", USD("0.2"))}))
    assert state.sample.costs == {1: USD("0.5"), 4: None}


def test_it_is_written_and_read_back():
    event = decided("sample", [4, 1])
    assert decoded_event(encoded(event)) == event
    assert decoded_event(encoded(decided("approved"))).what == "approved"


def test_the_report():
    state = state_of(*SAMPLED, MEASURED, limit="0.5")
    report = report_of(state, state.sample)
    assert (report.items, report.total, report.drawn_from, report.waiting) == (2, 6, 6, 4)
    assert (report.cost_per_item, report.forecast, report.spent) == (USD("0.15"), USD("0.9"), USD("0.3"))
    assert report.low == USD("0.3")
    assert report.high > 2
    assert report.outcomes == {"succeeded": 1, "refused": 1}
    assert report.shares == {"succeeded": 0.5, "refused": 0.5}
    assert report.limit == USD("0.5")
    assert (report.is_below(report.high), report.is_below(report.high - USD("0.0001"))) == (True, False)


def test_the_report_reads_well():
    state = state_of(*SAMPLED, MEASURED, limit="0.5", items=1_200)
    succeeded = Succeeded(custom_id="x", model="m", usage={}, result={"name": "Ann"}, citations={"name": []})
    refused = Refused(custom_id="y", model="m", usage={}, category=None, explanation="no\nway")
    records = [record_of(succeeded, 1, "a.pdf", None, None), record_of(refused, 4, None, None, None)]
    text = str(replace(report_of(state, state.sample), results=records))
    assert text.splitlines()[0] == "Sample of 2 of 1,200 items"
    for words in ("$0.15, measured", "$180.00 (95 %: $0.30 to $", "$0.50, which is below the forecast",
                  "1 succeeded (50.0%), 1 refused (50.0%)", "1,198 items", 'a.pdf: {"name": "Ann"} [0 citations]',
                  "item 4: refused: "):  # fmt: skip
        assert words in text
    assert "cache" not in text
    assert "no way" in text


def test_small_amounts_are_rounded_too():
    third = USD("0.0001")
    done = {index: ("succeeded", third if index == 1 else USD(0)) for index in (1, 3, 4)}
    state = state_of(decided("sample", [1, 3, 4]), intent(1, 1, 3, 4), submitted(1), settled(1, done, cost="0.0001"))
    assert "$0.0000333, measured" in str(report_of(state, state.sample))


def test_an_answer_from_the_cache_costs_nothing_and_is_counted():
    from_cache = settled(1, {1: "succeeded", 0: "succeeded"}, batch_id=None, cached=2)
    paid = settled(2, {4: ("succeeded", USD("0.1"))}, cost="0.1")
    state = state_of(decided("sample", [4, 1]), from_cache, intent(2, 4), submitted(2), paid)
    report = report_of(state, state.sample)
    assert (report.cached, report.cost_per_item) == (1, USD("0.05"))
    assert "1, which cost nothing" in str(report)


@pytest.mark.parametrize("done", [
    {1: ("succeeded", USD("0.2")), 4: ("missing", None)},
    {1: "errored", 4: "expired"},
])  # fmt: skip
def test_what_was_not_measured_is_not_forecast(done):
    """Unknown is not zero, and a sample that nobody had to pay for says nothing about the price of the rest."""
    state = state_of(*SAMPLED, settled(1, done, cost="0.2"))
    report = report_of(state, state.sample)
    assert (report.cost_per_item, report.forecast, report.low, report.high) == (None, None, None, None)
    assert not report.is_below(USD(1_000_000))
    assert "not known" in str(report)
    assert "not known" in unapproved(report, "the rest was not approved")


def test_an_item_of_unknown_cost_outside_of_the_sample_leaves_the_whole_unknown():
    before = [intent(9, 0), submitted(9), settled(9, {0: ("missing", None)})]
    state = state_of(*before, *SAMPLED, MEASURED)
    assert report_of(state, state.sample).forecast is None


def test_items_that_came_later_are_said_to_be_taken_for_alike():
    state = state_of(*SAMPLED, MEASURED)
    state.apply(started()[1].model_copy(update={"first": 6, "names": ["late", "later"]}))
    state.apply(opened())
    report = report_of(state, state.sample)
    assert (report.total, report.drawn_from, report.waiting) == (8, 6, 6)
    assert "2 of them came after" in str(report)


@pytest.mark.parametrize(("limit", "said"), [
    (None, "none"), ("0.5", "below the forecast"), ("1.5", "inside the interval"), ("1000", "$1,000.00"),
])  # fmt: skip
def test_the_limit_is_compared_with_the_forecast(limit, said):
    state = state_of(*SAMPLED, MEASURED, limit=limit)
    [line] = [line for line in str(report_of(state, state.sample)).splitlines() if "cost limit" in line]
    assert said in line
