"""A run whose heavy work is done by the two processes of a local Dask cluster."""

import threading
from decimal import Decimal

import pytest

from batchata import InputError
from batchata.simulator import Simulator
from tests.flows.remote_support import check_books, events, invoices, key_of, manager_of, same_story, told

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's and Dask's own warnings are not ours to fail on


def two_processes(**options):
    from prefect_dask import DaskTaskRunner

    kwargs = {"n_workers": 2, "threads_per_worker": 3, "dashboard_address": None, **options}
    return DaskTaskRunner(cluster_kwargs=kwargs)


def test_two_processes_give_what_one_gives(inside, tmp_path):
    """Results, order, cost, jobs, bounds; and so does the cache that they fill."""
    files = invoices(tmp_path / "in", 23)
    with Simulator(seed=7) as url, key_of(url):
        one = manager_of(tmp_path / "one", files, orchestrator="local", max_cost=5)
        alone = one.run()
    simulator = Simulator(seed=7)
    with simulator as url, key_of(url):
        cache = {"cache": tmp_path / "cache"}
        two = manager_of(tmp_path / "two", files, task_runner=two_processes(), max_cost=5, **cache)
        summary = two.run()
        check_books(url, two, 23)
        assert [summary[name] for name in ("total_cost", "outcomes")] == [alone["total_cost"], alone["outcomes"]]
        assert told(two) == told(one)
        assert same_story(two) == same_story(one)
        three = manager_of(tmp_path / "three", files, task_runner=two_processes(), **cache)
        assert three.run()["cached_items"] == 23
        assert simulator.state()["items_billed"] == 23
    assert all(intent["claims"] for intent in events(two, "intent"))
