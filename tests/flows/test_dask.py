"""A run whose heavy work is done by the two processes of a local Dask cluster."""

import os
import signal

import pytest

from batchata.simulator import OnClock, Simulator
from tests.flows.remote_support import (
    check_books,
    events,
    invoices,
    key_of,
    manager_of,
    meanwhile,
    same_story,
    sender_of,
    told,
    wait_until,
)

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's and Dask's own warnings are not ours to fail on


@pytest.fixture(scope="module")
def cluster(real_server):
    """Two processes, which take the place of two machines; they come back when they are killed."""
    from distributed import LocalCluster

    with (
        real_server.in_process(),
        key_of("none"),
        LocalCluster(n_workers=2, threads_per_worker=3, dashboard_address=None) as cluster,
    ):
        yield cluster


@pytest.fixture
def on_dask(cluster, inside):
    from prefect_dask import DaskTaskRunner

    return lambda: DaskTaskRunner(address=cluster.scheduler_address)


def test_two_processes_give_what_one_gives(on_dask, tmp_path):
    """Results, order, cost, jobs, bounds; and so does the cache that they fill."""
    files = invoices(tmp_path / "in", 23)
    with Simulator(seed=7) as url, key_of(url):
        one = manager_of(tmp_path / "one", files, orchestrator="local", max_cost=5)
        alone = one.run()
    simulator = Simulator(seed=7)
    with simulator as url, key_of(url):
        cache = {"cache": tmp_path / "cache"}
        two = manager_of(tmp_path / "two", files, task_runner=on_dask(), max_cost=5, **cache)
        summary = two.run()
        check_books(url, two, 23)
        assert [summary[name] for name in ("total_cost", "outcomes")] == [alone["total_cost"], alone["outcomes"]]
        assert told(two) == told(one)
        assert same_story(two) == same_story(one)
        three = manager_of(tmp_path / "three", files, task_runner=on_dask(), **cache)
        assert three.run()["cached_items"] == 23
        assert simulator.state()["items_billed"] == 23


@pytest.mark.parametrize("comes_to_nothing", [False, True], ids=["created", "not created"])
def test_a_worker_that_is_killed_while_it_sends_sends_nothing_twice(on_dask, tmp_path, comes_to_nothing):
    """Dask runs the task again on the other one, which has no right to send."""
    files = invoices(tmp_path / "in", 15)
    simulator = Simulator(seed=7)
    simulator.faults.delay("create", 4.0, times=1)
    if comes_to_nothing:
        simulator.faults.drop("create", when="before", times=1)
    with simulator as url, key_of(url):
        manager = manager_of(tmp_path / "run", files, task_runner=on_dask(), max_parallel_jobs=1, max_cost=5)

        def kill() -> None:
            pid = sender_of(manager)
            wait_until(lambda: simulator.state()["create_calls"] >= 1)
            os.kill(pid, signal.SIGKILL)

        with meanwhile(kill):
            manager.run()
        check_books(url, manager, 15)
        assert simulator.state()["batches_created"] == 3
        assert simulator.state()["create_calls"] == 3 + comes_to_nothing
    assert len(events(manager, "unsent")) == comes_to_nothing


def test_workers_that_are_killed_while_they_collect_lose_nothing(on_dask, cluster, tmp_path):
    """Under a limit that covers half of the items."""
    files = invoices(tmp_path / "in", 16)
    simulator = Simulator(seed=7, progress=OnClock(0.5))
    simulator.faults.delay("results", 2.0, times=2)
    with simulator as url, key_of(url):
        limit = 0.0025
        manager = manager_of(tmp_path / "run", files, task_runner=on_dask(), max_cost=limit)

        def kill() -> None:
            wait_until(lambda: simulator.state()["calls"].get("results", 0) >= 1)
            for worker in cluster.workers.values():
                os.kill(worker.pid, signal.SIGKILL)

        with meanwhile(kill):
            summary = manager.run()
        assert summary["cost_limit_reached"]
        assert 0 < summary["completed_items"] < 16
        assert simulator.state()["items_billed"] == summary["completed_items"]
        assert summary["total_cost"] <= limit
        more = manager_of(tmp_path / "run", files, orchestrator="local", max_cost=5)
        more.run()
        check_books(url, more, 16)
