"""The limit is a limit, by the simulator's books and not only by our own; and failed items are paid for once more."""

from types import SimpleNamespace

import pytest

from batchata import BatchManager, Rates, bound, build_requests
from batchata.errors import UnknownPriceError
from batchata.simulator import Faults, Simulator
from tests.soak.books import Books
from tests.soak.work import Order

RATES = Rates(input=1, output=5)
FILLER = (
    "The goods are packed in boxes of wood and leave the house on Monday. " * 79
    + "The boxes are not to get wet, for the wood is old and light."
)
MODEL, COUNT, EACH = "claude-haiku-5-5", 400, 0.00105


def letters(count):
    """Orders in long letters: 1,995 tokens to read and 21 to answer, which is 0.00105 USD in a batch."""
    return [
        [{"role": "user", "content": f"Order number: L-{n:04d}\nQuantity: {n + 1000}\n\n{FILLER}"}]
        for n in range(count)
    ]


def answers(count):
    return [{"order_number": f"L-{n:04d}", "quantity": n + 1000} for n in range(count)]


@pytest.fixture
def world(tmp_path, monkeypatch):
    simulator = Simulator(faults=Faults())
    with simulator as url:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "any")
        yield SimpleNamespace(simulator=simulator, books=Books(url), folder=tmp_path)


def manager(world, count=COUNT, **options):
    given = {"model": MODEL, "rates": RATES, "max_tokens": 64, "cache": False, **options}
    return BatchManager(
        messages=letters(count), response_model=Order, state_path=world.folder / "ledger.jsonl", **given
    )


def bill(world):
    """What is to be paid for all message batches that exist."""
    return float(world.books.bill(world.books.close(), rates=RATES))


def test_the_letters_cost_what_these_tests_say(world):
    summary = manager(world, 40, items_per_job=10).run()
    assert bill(world) == pytest.approx(40 * EACH, rel=1e-9)
    assert summary["total_cost"] == pytest.approx(40 * EACH, rel=1e-9)
    request = build_requests(letters(1), model=MODEL, response_model=Order, max_tokens=64)[0]
    assert EACH < float(bound(request, rates=RATES).total) < 5 * EACH


@pytest.mark.parametrize("items", [10, 50])
@pytest.mark.parametrize("parallel", [1, 5, 10])
def test_the_bill_never_passes_max_cost_and_a_higher_one_goes_on(world, parallel, items):
    options = {"max_parallel_jobs": parallel, "items_per_job": items}
    first = manager(world, max_cost=0.10, **options)
    summary = first.run()
    paid = bill(world)
    assert paid <= 0.10
    assert paid >= 0.08 or items == 50
    assert summary["total_cost"] == pytest.approx(paid, rel=1e-9)
    assert summary["cost_limit_reached"] is True
    assert summary["stopped"].startswith("the cost limit of $0.10 is reached")
    done = round(paid / EACH)
    assert (summary["completed_items"], summary["pending_items"]) == (done, COUNT - done)
    assert [each.index for each in first.outcomes()] == list(range(done))
    again = manager(world, max_cost=1.0, **options)
    assert again.run()["cost_limit_reached"] is False
    assert bill(world) == pytest.approx(0.42, rel=1e-9)
    assert set(world.simulator.state()["billed"].values()) == {1}
    assert [each["result"].model_dump() for each in again.results()] == answers(COUNT)


def test_the_same_limit_again_sends_nothing(world):
    manager(world, max_cost=0.10, items_per_job=10).run()
    before, paid = world.simulator.state()["create_calls"], bill(world)
    summary = manager(world, max_cost=0.10, items_per_job=10).run()
    assert summary["cost_limit_reached"] is True
    assert (world.simulator.state()["create_calls"], bill(world)) == (before, paid)


def test_a_limit_holds_where_connections_drop(world):
    """A batch whose id was lost keeps its part of the limit until it is found."""
    world.simulator.faults.drop("create", "after", times=3).drop("create", "before", times=2)
    summary = manager(world, max_cost=0.10, items_per_job=10, max_parallel_jobs=5, lost_after=1.0).run()
    paid = bill(world)
    assert 0.08 <= paid <= 0.10
    assert summary["total_cost"] == pytest.approx(paid, rel=1e-9)


def test_a_limit_less_than_one_item_sends_nothing(world):
    summary = manager(world, 20, max_cost=0.001).run()
    assert (summary["cost_limit_reached"], summary["pending_items"]) == (True, 20)
    assert world.simulator.state()["create_calls"] == 0


def test_a_limit_without_a_price_is_an_error_before_anything_is_sent(world):
    with pytest.raises(UnknownPriceError, match="claude-mythos-5-1"):
        manager(world, 20, model="claude-mythos-5-1", rates=None, max_cost=1.0).run()
    assert world.simulator.state()["calls"] == {}


@pytest.mark.parametrize(("kind", "is_billed"), [("errored", False), ("refused", True)])
def test_what_fails_is_kept_and_retry_failed_sends_only_that(world, kind, is_billed):
    """One item of each job of 20 fails: 5 %."""
    world.simulator.faults.outcome(kind, indices={3}, error="invalid_request_error")
    run = manager(world, 100, items_per_job=20)
    summary = run.run()
    assert (summary["completed_items"], summary["failed_items"], summary["pending_items"]) == (95, 5, 0)
    assert [each.index for each in run.outcomes()] == list(range(100))
    assert [(each.index, each.outcome) for each in run.failures()] == [(n, kind) for n in range(3, 100, 20)]
    world.simulator.faults.clear()
    before = world.simulator.state()
    assert (before["create_calls"], before["items_processed"]) == (5, 100)
    again = run.retry_failed()
    after = world.simulator.state()
    assert (again["retry_count"], again["completed_items"], again["failed_items"]) == (5, 100, 0)
    assert (after["create_calls"], after["items_processed"]) == (6, 105)
    assert after["items_billed"] == (105 if is_billed else 100)
    assert again["total_cost"] == pytest.approx(bill(world), rel=1e-9)
    assert [each["result"].model_dump() for each in run.results()] == answers(100)
    assert run.retry_failed()["retry_count"] == 0
    assert world.simulator.state()["create_calls"] == 6
