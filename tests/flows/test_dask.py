"""A run whose heavy work is done by the two processes of a local Dask cluster."""

import os
import signal

import pytest

from batchata.simulator import OnClock, Simulator
from tests.flows.remote_support import (
    check_books,
    events,
    forked,
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

LIMIT = 0.0012
"""Covers half of the items."""


@pytest.fixture(scope="module")
def cluster(real_server):
    """Two processes, which take the place of two machines; they come back when they are killed."""
    from distributed import LocalCluster

    with (
        real_server.in_process(),
        key_of("none"),
        forked(),
        LocalCluster(n_workers=2, threads_per_worker=3, dashboard_address=None) as cluster,
    ):
        yield cluster


@pytest.fixture
def on_dask(cluster, inside):
    from prefect_dask import DaskTaskRunner

    return lambda: DaskTaskRunner(address=cluster.scheduler_address)


def test_two_processes_give_what_one_gives_however_they_are_killed(on_dask, cluster, tmp_path):
    """While one sends, which came to something and then to nothing, and while they collect; first under a limit that
    covers half of the items, then streamed and in a hurry. Results, order, cost, jobs and bounds are the same, and so
    is the cache that they fill.
    """
    files = invoices(tmp_path / "in", 12)
    tight = {"max_cost": LIMIT, "max_parallel_jobs": 1, "max_tokens": 60}
    wide = {"max_cost": 5, "items_per_job": 2, "max_tokens": 60, "quick": True}
    with Simulator(seed=7) as url, key_of(url):
        one = tmp_path / "one"
        half = manager_of(one, files, orchestrator="local", **tight).run()
        alone = manager_of(one, files, orchestrator="local", **wide)
        whole = alone.run()
    simulator = Simulator(seed=7, progress=OnClock(0.2))
    simulator.faults.delay("create", 2.5, times=2)
    simulator.faults.delay("results", 2.0, times=1)
    with simulator as url, key_of(url):
        cache = {"cache": tmp_path / "cache"}
        manager = manager_of(tmp_path / "two", files, task_runner=on_dask(), lost_after=0.4, **tight, **cache)

        def kill() -> None:
            kill_sender(1)
            simulator.faults.drop("create", when="before", times=1)
            kill_sender(2)
            wait_until(lambda: simulator.state()["calls"].get("results", 0) >= 1)
            for worker in cluster.workers.values():
                os.kill(worker.pid, signal.SIGKILL)

        def kill_sender(nth: int) -> None:
            pid = sender_of(manager, nth)
            wait_until(lambda: simulator.state()["create_calls"] >= nth)
            os.kill(pid, signal.SIGKILL)

        with meanwhile(kill):
            summary = manager.run()
        assert summary["cost_limit_reached"]
        assert 0 < summary["completed_items"] == half["completed_items"] < 12
        assert simulator.state()["items_billed"] == summary["completed_items"]
        assert summary["total_cost"] == half["total_cost"] <= LIMIT
        assert len(events(manager, "unsent")) == 1
        calls = simulator.state()["create_calls"]
        assert calls == simulator.state()["batches_created"] + 1

        more = manager_of(tmp_path / "two", files, task_runner=on_dask(), **wide, **cache)
        assert sorted(each.index for each in more.stream()) == list(range(12))
        summary = more.stats
        check_books(url, more, 12)
        assert [summary[name] for name in ("total_cost", "outcomes")] == [whole["total_cost"], whole["outcomes"]]
        assert told(more) == told(alone)
        assert same_story(more) == same_story(alone)
        three = manager_of(tmp_path / "three", files, task_runner=on_dask(), max_tokens=60, **cache)
        assert three.run()["cached_items"] == 12
        assert simulator.state()["items_billed"] == 12
