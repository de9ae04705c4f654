"""A cancel in the UI, a crash, and a start again: with a real server, a real worker and a deployed flow."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from uuid import uuid4

import pytest

from batchata import BatchataError, BatchManager, LedgerError, make_client
from batchata.simulator import Simulator
from batchata.simulator.progress import OnClock

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on

HERE = Path(__file__).parents[2]
WORK = """
from prefect import flow
from batchata import BatchManager, make_client
from batchata.orchestration.hooks import cancel_open_batches, settle_cancelled

def manager(url, folder, cancels, **options):
    return BatchManager(
        messages=[[{"role": "user", "content": f"Name: Person{number}"}] for number in range(4)],
        model="claude-haiku-5-5", items_per_job=2, state_path=f"{folder}/state.jsonl", cache=False,
        client=make_client(api_key="none", base_url=url), cancel_on_exit=cancels, **options)

@flow(on_cancellation=[settle_cancelled], on_crashed=[cancel_open_batches])
def work(url, folder, cancels):
    manager(url, folder, cancels).run()
"""


@pytest.fixture
def slow():
    with Simulator(progress=OnClock(3600)) as url:
        yield url


@contextmanager
def worker(server, folder, url):
    """A process worker on a pool of its own, and the deployment of the flow above."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate

    (folder / "work.py").write_text(WORK)
    pool = f"pool-{uuid4().hex[:8]}"
    with get_client(sync_client=True) as api:
        api.create_work_pool(WorkPoolCreate(name=pool, type="process"))
        deployment = api.create_deployment(
            flow_id=api.create_flow_from_name("work"),
            name=pool,
            entrypoint="work.py:work",
            path=str(folder),
            work_pool_name=pool,
        )
        environment = server.environment | {
            "PYTHONPATH": str(HERE),
            "ANTHROPIC_API_KEY": "none",
            "ANTHROPIC_BASE_URL": url,
            "PREFECT_WORKER_QUERY_SECONDS": "1",
            "PREFECT_LOGGING_LEVEL": "INFO",
        }
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"]
        with (folder / "worker.log").open("wb") as log:
            process = subprocess.Popen(
                command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True
            )
        try:
            yield api, deployment
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def events(folder):
    path = folder / "state.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def wait_for(look, what, seconds=120):
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, f"{what} did not come about in {seconds} s"
        time.sleep(0.2)
    return found


def test_a_cancel_and_a_crash_do_with_the_batches_what_the_run_was_told(inside, tmp_path, slow):
    from prefect.states import Cancelling

    folders = {name: tmp_path / name for name in ("left", "cancelled", "killed")}
    with worker(inside, tmp_path, slow) as (api, deployment):
        runs = {}
        for name, folder in folders.items():
            folder.mkdir()
            parameters = {"url": slow, "folder": str(folder), "cancels": name != "left"}
            runs[name] = api.create_flow_run_from_deployment(deployment, parameters=parameters).id
        for folder in folders.values():
            wait_for(lambda: sum(each["event"] == "submitted" for each in events(folder)) == 2, "two batches")  # noqa: B023
        api.set_flow_run_state(runs["left"], Cancelling())
        api.set_flow_run_state(runs["cancelled"], Cancelling())
        os.kill(next(each["pid"] for each in events(folders["killed"]) if each["event"] == "opened"), signal.SIGKILL)

        def state_of(name):
            return api.read_flow_run(runs[name]).state.name

        wait_for(lambda: state_of("left") == state_of("cancelled") == "Cancelled", "the state Cancelled")
        wait_for(lambda: state_of("killed") == "Crashed", "the state Crashed")
        wait_for(lambda: events(folders["killed"])[-1]["event"] == "decision", "the cancel by the hook")
        with make_client(api_key="none", base_url=slow) as client:
            for name, status in (("left", "in_progress"), ("cancelled", "ended"), ("killed", "ended")):
                assert statuses(client, folders[name]) == {status}, name
        said = logs(api, runs["left"])
        assert "the run was interrupted. 2 batches" in said
        assert "going on without it" in said
        assert sum(each["event"] == "decision" for each in events(folders["cancelled"])) == 1, "once is enough"
        assert "go on and are collected by the next run" in wait_for(lambda: logs(api, runs["left"]), "the log")
        assert [each["what"] for each in events(folders["left"]) if each["event"] == "decision"] == ["halted"]
    for name, folder in folders.items():
        _goes_on(folder, slow, cancels=name != "left")


def statuses(client, folder):
    ids = [each["batch_id"] for each in events(folder) if each["event"] == "submitted"]
    return {client.messages.batches.retrieve(each).processing_status for each in ids}


def logs(api, run):
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId

    return "\n".join(each.message for each in api.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run]))))


def _goes_on(folder, url, *, cancels):
    """The next run reads the ledger, collects what there is, and sends nothing that was sent."""
    room = {}
    exec(WORK, room)  # noqa: S102
    manager = room["manager"](url, folder, cancels, orchestrator="local")
    if cancels:
        summary = manager.run()
        assert summary["outcomes"] == {"canceled": 4}
    else:
        assert manager.stats["in_flight_items"] == 4
        assert sorted(manager.cancel()) == sorted(manager.stats["batch_ids"]), "two jobs are created side by side"
    assert sum(each["event"] == "intent" for each in events(folder)) == 2


def test_a_cancel_without_a_worker_stops_the_batches_too(inside, tmp_path, slow):
    """Nobody interrupts such a run: it sees that it was cancelled."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
    from prefect.states import Cancelling

    name = f"alone {uuid4().hex[:8]}"
    room, told = {}, {}
    exec(WORK, room)  # noqa: S102
    manager = room["manager"](slow, tmp_path, cancels=True, name=name, orchestrator="prefect")
    thread = threading.Thread(target=copy_context().run, args=(lambda: told.update(manager.run()),))
    thread.start()
    wait_for(lambda: sum(each["event"] == "submitted" for each in events(tmp_path)) == 2, "two batches")
    with get_client(sync_client=True) as api:
        [run] = api.read_flow_runs(flow_run_filter=FlowRunFilter(name=FlowRunFilterName(like_=name)))
        api.set_flow_run_state(run.id, Cancelling())
        thread.join(90)
        assert api.read_flow_run(run.id).state.name == "Cancelled"
    assert "cancelled" in told["stopped"]
    with make_client(api_key="none", base_url=slow) as client:
        assert statuses(client, tmp_path) == {"ended"}
    _goes_on(tmp_path, slow, cancels=True)


def a_manager(client, path, **options):
    return BatchManager(
        messages=[[{"role": "user", "content": "Name: Person"}]],
        model="claude-haiku-5-5",
        state_path=path,
        cache=False,
        client=client,
        orchestrator="prefect",
        **options,
    )


def started_twice(first, second):
    """What the second start of one flow run gives."""
    from prefect import flow
    from prefect.runtime import flow_run

    @flow(retries=1)
    def starting():
        if flow_run.run_count == 1:
            first()
            raise ValueError
        return second()

    return starting()


def test_a_flow_run_that_is_started_again_without_its_ledger_sends_nothing(inside, tmp_path, client, simulator):
    path = tmp_path / "state.jsonl"

    def first():
        a_manager(client, path).run()
        path.unlink()

    for _ in range(2):
        with pytest.raises(LedgerError, match=r"which is not here .* nothing was sent"):
            started_twice(first, lambda: a_manager(client, path).run())
        path.unlink()
    assert simulator.state()["create_calls"] == 2, "one for each first start"


def test_a_flow_run_that_is_started_again_with_another_ledger_sends_nothing(inside, tmp_path, client, simulator):
    with pytest.raises(LedgerError, match="has another one now"):
        started_twice(a_manager(client, tmp_path / "a.jsonl").run, a_manager(client, tmp_path / "b.jsonl").run)
    assert simulator.state()["create_calls"] == 1


def test_a_flow_run_that_is_started_again_goes_on_with_its_ledger(inside, tmp_path, client, simulator):
    each = a_manager(client, tmp_path / "state.jsonl")

    def first():
        simulator.faults.fail("retrieve", 401)
        with pytest.raises(BatchataError):
            each.run()

    assert started_twice(first, each.run)["completed_items"] == 1
    assert simulator.state()["create_calls"] == 1


def test_two_managers_in_one_start_of_a_flow_run_are_nobodys_business(inside, tmp_path, client, simulator):
    from prefect import flow

    @flow
    def both():
        return [a_manager(client, tmp_path / f"{name}.jsonl").run()["completed_items"] for name in "ab"]

    assert both() == [1, 1]
