"""Records that come out while the run goes on, with both pairs of hands."""

import threading
import time

import pytest

from batchata import AccountError, InputError, make_client
from batchata.simulator import BySize, Simulator
from tests.contract.test_contract import everybody, first_try_of, item

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on


def until(holds, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def slow():
    """A batch takes a minute and five seconds for each of its items, by a clock that the test moves."""
    simulator = Simulator(progress=BySize(60, 5), seed=7)
    with simulator:
        yield simulator


@pytest.fixture
def slowly(slow, manager):
    with make_client(api_key="none", base_url=slow.url) as client:
        yield lambda messages, **options: manager(messages, client=client, **options)


def advanced_when_in_flight(simulator, batches, seconds):
    def work():
        until(lambda: simulator.state()["batches_created"] == batches)
        simulator.advance(seconds)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_quick_results_come_with_the_small_jobs_and_the_last_before_a_usual_run_has_any(slowly, slow, people):
    """200 items: at 90 s those of the three smallest jobs, all at 250 s. One batch of 200 would end at 1,060 s."""
    each = slowly(people(200), quick=True, items_per_job=None, max_parallel_jobs=None)
    thread, indexes = advanced_when_in_flight(slow, 13, 90), []
    for record in each.stream():
        indexes.append(record.index)
        if len(indexes) == 1:
            assert each.stats["in_flight_items"] >= 186
            until(lambda: each.stats["completed_items"] == 14)
        if len(indexes) == 14:
            assert set(indexes) == {*range(11), 197, 198, 199}
            slow.advance(160)
    thread.join()
    assert sorted(indexes) == list(range(200))
    assert (each.stats["completed_items"], slow.state()["items_billed"]) == (200, 200)


def test_every_item_comes_once_whatever_became_of_it_and_whenever(manager, people, simulator):
    """Ten ended in an earlier run; of the others some fail, some are sent again, and the reader is slow."""
    manager(people(10)).run()
    simulator.faults.outcome("expired", match=first_try_of(11, 17))
    simulator.faults.outcome("refused", match=item(13))
    each, seen = manager(people(23)), []
    for record in each.stream():
        if not seen:
            until(lambda: sum(each.stats["outcomes"].values()) == 23)
        seen.append(record)
    assert [record.index for record in seen[:10]] == list(range(10))
    assert sorted(seen, key=lambda record: record.index) == list(each.outcomes())
    assert {record.index: record.outcome for record in seen if not record.succeeded} == {13: "refused"}
    assert each.stats["failed_items"] == 1
    calls = simulator.state()["calls"]
    assert sorted(record.index for record in each.stream()) == list(range(23))
    assert simulator.state()["calls"] == calls


def test_errors_come_after_what_there_is(manager, people, simulator):
    simulator.faults.outcome("errored", match=item(7), error="billing_error")
    each, seen = manager(people(20), items_per_job=5, max_parallel_jobs=2), []
    with pytest.raises(AccountError, match="wait"):
        seen.extend(record.index for record in each.stream())
    assert len(seen) == each.stats["completed_items"] >= 4
    assert each.stats["pending_items"] == 20 - len(seen)
    simulator.faults.clear()
    assert sorted(record.index for record in each.stream()) == list(range(20))
    assert simulator.state()["items_billed"] == 20


@pytest.mark.parametrize(("orchestrator", "way"), [
    ("local", "break"), ("local", "raise"), ("prefect", "break"),
], indirect=["orchestrator"])  # fmt: skip
def test_who_leaves_early_leaves_the_batches_to_the_next_run(slowly, slow, people, caplog, way):
    each = slowly(people(9), items_per_job=4, max_parallel_jobs=3)
    thread = advanced_when_in_flight(slow, 3, 66)  # the batch of one
    if way == "break":
        for record in each.stream():
            assert record.index == 8
            break
    else:
        with pytest.raises(ZeroDivisionError):
            for record in each.stream():
                record.index / 0
    thread.join()
    told = [line.getMessage() for line in caplog.records if "was interrupted" in line.getMessage()]
    assert len(told) == 1
    assert "2 batches" in told[0]
    assert "going on without it" in told[0]
    assert (each.stats["completed_items"], each.stats["in_flight_items"]) == (1, 8)
    slow.advance(1_000)
    assert each.run()["completed_items"] == 9
    assert [entry["result"].name for entry in each.results()] == everybody(9)
    assert (slow.state()["batches_created"], slow.state()["items_billed"]) == (3, 9)


@pytest.mark.parametrize("orchestrator", ["local"], indirect=True)
def test_one_stream_of_a_manager_at_a_time(manager, people, simulator):
    each = manager(people(10))
    first = each.stream()
    next(first)
    with pytest.raises(InputError, match="being streamed already"):
        next(each.stream())
    first.close()
    assert len(list(each.stream())) == 10
    assert simulator.state()["items_billed"] == 10


@pytest.mark.parametrize("orchestrator", ["prefect"], indirect=True)
def test_a_stream_in_a_flow_belongs_to_that_flow_run(manager, people):
    """As a run does that is called from a flow: it has no flow run of its own."""
    from prefect import flow
    from prefect.client.orchestration import get_client

    @flow
    def reads(name):
        return [record.index for record in manager(people(5), name=name).stream()]

    assert reads("streamed in a flow") == [0, 1, 2, 3, 4]
    with get_client(sync_client=True) as server:
        names = [run.name for run in server.read_flow_runs()]
    assert not any("streamed in a flow" in name for name in names)


@pytest.mark.parametrize("orchestrator", ["local"], indirect=True)
def test_bad_input_is_told_before_anything_is_sent(manager, people, simulator):
    with pytest.raises(InputError, match="item 2"):
        next(manager([*people(2), [{"role": "user", "content": ""}]]).stream())
    assert simulator.state()["create_calls"] == 0
