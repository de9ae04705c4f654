"""`wait=False`: what may be sent is sent, and nobody waits for hours."""

import time

import pytest

from batchata.simulator import OnClock, Simulator

pytestmark = pytest.mark.filterwarnings("default")

HOUR = 3600


@pytest.fixture
def simulator():
    simulator = Simulator(progress=OnClock(HOUR), seed=7)
    simulator.start()
    yield simulator
    simulator.stop()


def test_a_run_over_batches_of_an_hour_takes_seconds_each_time(manager, people, simulator):
    each = manager(people(23))
    began = time.monotonic()
    summary = each.run(wait=False)
    assert (summary["completed_items"], summary["in_flight_items"], summary["pending_items"]) == (0, 10, 13)
    assert summary["stopped"].startswith("2 batches are in flight with 10 items and 13 more wait")
    assert each.run(wait=False)["in_flight_items"] == 10
    rounds = 0
    while summary["completed_items"] < 23:
        simulator.advance(HOUR)
        summary = each.run(wait=False)
        rounds += 1
    assert rounds == 3
    assert summary["stopped"] == ""
    assert time.monotonic() - began < 60
    assert simulator.state()["items_billed"] == 23


def test_what_it_sent_is_within_the_limit_and_more_follows_when_money_comes_back(manager, people, simulator):
    each = manager(people(20), max_cost=0.003, max_tokens=1000, items_per_job=100)
    first = each.run(wait=False)
    assert 0 < first["in_flight_items"] < 20
    assert first["cost_reserved"] <= 0.003
    simulator.advance(HOUR)
    second = each.run(wait=False)
    assert second["completed_items"] == first["in_flight_items"]
    assert second["in_flight_items"] > 0


def test_failed_items_are_sent_again_without_waiting(manager, people, simulator):
    simulator.faults.outcome("refused", match=lambda custom_id: custom_id.endswith("-000002-1"))
    each = manager(people(5))
    each.run(wait=False)
    simulator.advance(HOUR)
    assert each.run(wait=False)["failed_items"] == 1
    assert each.retry_failed(wait=False)["in_flight_items"] == 1
    simulator.advance(HOUR)
    assert each.run(wait=False)["completed_items"] == 5
