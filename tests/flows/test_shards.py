"""A run whose heavy work is done by flow runs of a deployment, each in a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from batchata import InputError
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
)  # fmt: skip

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on

ROOT = Path(__file__).parents[2]
SERVE = "from flows.work_shard import work_shard; work_shard.serve(name='work-shard', limit=4)"
LIMIT = 0.0012
"""Covers half of the items."""


@pytest.fixture(autouse=True)
def _with_shards_from_the_start(monkeypatch):
    from batchata.orchestration import sharding

    monkeypatch.setattr(sharding, "WAIT_SECONDS", 240.0)


@pytest.fixture(scope="module")
def served(real_server):
    """Somebody who starts a process for each shard, and has the key."""
    environment = real_server.environment | {
        "PYTHONPATH": str(ROOT), "PREFECT_RUNNER_POLL_FREQUENCY": "1", "ANTHROPIC_API_KEY": "only-in-the-environment",
    }  # fmt: skip
    with real_server.in_process():
        process = subprocess.Popen([sys.executable, "-c", SERVE], cwd=ROOT, env=environment, start_new_session=True)
        try:
            wait_until(is_deployed)
            yield process.pid
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def is_deployed():
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client:
        try:
            return client.read_deployment_by_name("work-shard/work-shard")
        except ObjectNotFound:
            return None


def shards_of(pid):
    return [each for each in psutil.Process(pid).children(recursive=True) if "flow_engine" in " ".join(each.cmdline())]


def test_two_shards_give_what_one_machine_gives_however_they_are_killed(served, inside, tmp_path):
    """One while it sends, the other while it collects, under a limit that covers half of the items; the run goes on
    alone.
    """
    files = invoices(tmp_path / "in", 12)
    tight = {"max_cost": LIMIT, "max_parallel_jobs": 1, "max_tokens": 60}
    wide = {"max_cost": 5, "items_per_job": 2, "max_tokens": 60, "orchestrator": "local"}
    with Simulator(seed=7) as url, key_of(url):
        one = tmp_path / "one"
        half = manager_of(one, files, orchestrator="local", **tight).run()
        alone = manager_of(one, files, **wide)
        whole = alone.run()
    simulator = Simulator(seed=7, progress=OnClock(0.2))
    simulator.faults.delay("create", 2.5, times=1)
    simulator.faults.delay("results", 3.0, times=1)
    with simulator as url, key_of(url):
        manager = manager_of(tmp_path / "two", files, shards=2, **tight)

        def kill() -> None:
            sender = sender_of(manager)
            wait_until(lambda: simulator.state()["create_calls"] >= 1)
            os.kill(sender, signal.SIGKILL)
            wait_until(lambda: simulator.state()["calls"].get("results"))
            for shard in shards_of(served):
                shard.kill()

        with meanwhile(kill):
            summary = manager.run()
        assert summary["cost_limit_reached"]
        assert 0 < summary["completed_items"] == half["completed_items"] < 12
        assert simulator.state()["items_billed"] == summary["completed_items"]
        assert summary["total_cost"] == half["total_cost"] <= LIMIT
        state = simulator.state()
        assert state["create_calls"] == state["batches_created"] == len(events(manager, "intent"))

        more = manager_of(tmp_path / "two", files, **wide)
        summary = more.run()
        check_books(url, more, 12)
    assert [summary[name] for name in ("total_cost", "outcomes")] == [whole["total_cost"], whole["outcomes"]]
    assert told(more) == told(alone)
    assert same_story(more) == same_story(alone)
    assert not list((tmp_path / "two" / "results").glob(".batchata-*"))


def test_a_deployment_that_is_not_there_is_said_before_anything_is_sent(inside, simulator, tmp_path):
    with key_of(simulator.url):
        files = invoices(tmp_path / "in", 1)
        manager = manager_of(tmp_path / "run", files, shards=2, shard_deployment="no/such")
        with pytest.raises(InputError, match="there is no deployment 'no/such' to run shards"):
            manager.run()
    assert simulator.state()["create_calls"] == 0
    assert not list((tmp_path / "run" / "results").glob(".batchata-*"))
