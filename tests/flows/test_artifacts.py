"""What a run leaves in Prefect: names, artifacts, events, logs, read back through the API of a real server."""

import json
import logging
import threading
import time
from contextlib import closing
from contextvars import copy_context
from datetime import timedelta
from uuid import uuid4

import pytest

from batchata import BatchManager
from batchata.simulator import AfterLooks
from tests.servers import free_port

pytestmark = pytest.mark.filterwarnings("default")  # Prefect's own warnings are not ours to fail on

MODEL = "claude-haiku-5-5"
COUNT = 8


@pytest.fixture
def name():
    return f"Post {uuid4().hex[:8]}"


@pytest.fixture
def manager(client, tmp_path, inside, name):
    def make(count=20, **options):
        usual = {
            "messages": [[{"role": "user", "content": f"Name: Secret Person{number}"}] for number in range(count)],
            "model": MODEL,
            "items_per_job": 5,
            "max_parallel_jobs": 2,
            "state_path": tmp_path / "state.jsonl",
            "cache": False,
            "client": client,
            "orchestrator": "prefect",
            "name": name,
        }
        return BatchManager(**(usual | options))

    return make


@pytest.fixture
def api(inside):
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        yield client


def flow_runs(api, name):
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName

    return api.read_flow_runs(flow_run_filter=FlowRunFilter(name=FlowRunFilterName(like_=name)))


def artifacts(api, flow_run):
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    found = api.read_artifacts(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[flow_run.id])))
    assert len({each.key for each in found}) == len(found), "each was updated in place"
    return {each.key.rpartition("-")[2]: each for each in found}


def eventually(look, seconds=20):
    """Logs and events arrive a moment later."""
    until = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < until:
        time.sleep(0.2)
    return found


def logs(api, flow_run):
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId

    return api.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run.id])))


def all_events(api, run_id):
    wanted = {"filter": {"resource": {"id": [f"batchata.run.{run_id}"]}}}
    return api.request("POST", "/events/filter", json=wanted).json()["events"]


def events(api, run_id):
    return {each["event"]: each for each in all_events(api, run_id)}


@pytest.fixture
def watched(manager, simulator):
    """A run some of whose items fail and which reaches its limit."""
    simulator.faults.outcome("refused", match=lambda custom_id: custom_id.endswith(("-000001-1", "-000002-1")))
    each = manager(COUNT, max_tokens=1000, max_cost=0.0004)
    each.run()
    return each


def test_what_the_ui_shows_is_what_the_run_did(watched, api, name, client):
    stats, failed = watched.stats, watched.failures()
    assert stats["cost_limit_reached"]
    assert failed
    [flow_run] = flow_runs(api, name)
    assert flow_run.name.endswith(f" · {COUNT} items")
    assert flow_run.name.startswith(f"{name} 20")
    assert flow_run.parameters["name"] == name
    found = artifacts(api, flow_run)
    assert {key: each.type for key, each in found.items()} == {
        "progress": "progress",
        "jobs": "table",
        "failures": "table",
        "summary": "markdown",
    }
    assert {each.key for each in found.values()} == {f"{name.lower().replace(' ', '-')}-{what}" for what in found}
    ended = stats["completed_items"] + stats["failed_items"]
    assert found["progress"].data == ended * 1000 // COUNT / 10
    _check_jobs(json.loads(found["jobs"].data), watched)
    assert json.loads(found["failures"].data) == [
        {"index": each.index, "source": "", "outcome": each.outcome, "reason": each.reason} for each in failed
    ]
    summary = found["summary"].data
    for part in (
        f"refused | {len(failed)} |",
        f"waiting | {stats['pending_items']} |",
        "of $0.0004",
        "**The run stopped**",
    ):
        assert part in summary
    _check_events(api, stats)
    _check_nothing_private(api, flow_run, found)


def _check_jobs(rows, manager):
    settled = [json.loads(line) for line in manager.state_path.read_text().splitlines()]
    costs = {each["job"]: each["cost"] for each in settled if each["event"] == "settled"}
    assert sorted(row["job"] for row in rows) == sorted(costs)
    assert {row["batch id"] for row in rows} == set(manager.stats["batch_ids"])
    assert sum(row["items"] for row in rows) == COUNT - manager.stats["pending_items"]
    for row in rows:
        assert float(row["cost"].strip("$")) == pytest.approx(float(costs[row["job"]]), abs=5e-5)


def _check_events(api, stats):
    wanted = {
        f"batchata.{what}"
        for what in ("run.started", "limit.reached", "items.failed", "run.finished", "attention.wanted")
    }
    eventually(lambda: wanted <= events(api, stats["run_id"]).keys())
    found = events(api, stats["run_id"])
    assert found.keys() == wanted
    finished = found["batchata.run.finished"]["payload"]
    assert finished["ending"] == "stopped"
    assert finished["outcomes"] == stats["outcomes"]
    assert float(finished["spent_usd"]) == stats["total_cost"]
    assert all(
        any("prefect.flow-run." in one["prefect.resource.id"] for one in each["related"]) for each in found.values()
    )


def headlines(api, run_id):
    """What somebody is told of a run until its end."""
    assert eventually(lambda: "batchata.run.finished" in events(api, run_id))
    return [each["payload"]["headline"] for each in all_events(api, run_id) if each["event"].endswith("wanted")]


def test_a_run_that_asks_wants_attention_once_and_its_failures_are_told_once(manager, api, name, simulator):
    simulator.faults.outcome("refused", match=lambda custom_id: custom_id.endswith("-000000-1"))
    options = {"max_tokens": 1000, "max_cost": 0.0004, "on_cost_limit": "pause", "answer_within": 0.2}
    each = manager(COUNT, **options)
    each.run()
    assert each.stats["cost_limit_reached"]
    run_id = each.stats["run_id"]
    assert headlines(api, run_id) == [f"{name}: waits for your answer"]
    assert [one["event"] for one in all_events(api, run_id)].count("batchata.items.failed") == 1


def _check_nothing_private(api, flow_run, found):
    eventually(lambda: logs(api, flow_run))
    told = json.dumps([each.model_dump(mode="json") for each in [flow_run, *found.values(), *logs(api, flow_run)]])
    assert "Secret Person" not in told
    assert "x-api-key" not in told.lower()


def test_the_log_of_the_library_is_in_the_flow_run_and_nowhere_twice(manager, api, name, caplog, capfd):
    library = logging.getLogger("batchata")
    before = library.level, list(library.handlers), list(library.filters)
    with caplog.at_level(logging.WARNING):
        manager(10).run()
    assert (library.level, library.handlers, library.filters) == before
    assert not any(each.levelno < logging.WARNING for each in caplog.records)
    [flow_run] = flow_runs(api, name)

    def of_batches():
        return [each for each in logs(api, flow_run) if each.name == "batchata" and " sent: " in each.message]

    eventually(lambda: len(of_batches()) >= 2)
    assert sorted(each.message.partition(":")[0] for each in of_batches()) == ["job 1 sent", "job 2 sent"]
    assert all(each.task_run_id for each in of_batches()), "they were logged by the tasks that submit"
    assert "job 1" not in capfd.readouterr().err


def test_logs_of_threads_and_of_other_flow_runs(inside, api):
    from prefect import flow

    from batchata.orchestration.runlog import logged_in_the_flow_run

    library = logging.getLogger("batchata")
    tag = uuid4().hex[:8]
    barrier = threading.Barrier(2, timeout=30)

    def logging_flow(number):
        @flow(flow_run_name=f"{tag}-{number}")
        def logs_something():
            with logged_in_the_flow_run():
                barrier.wait()
                library.info("%s in %d", tag, number)
                library.debug("%s not at all", tag)
                thread = threading.Thread(target=library.info, args=("%s thread of %d", tag, number))
                thread.start()
                thread.join()
                barrier.wait()

        logs_something()

    threads = [threading.Thread(target=copy_context().run, args=(logging_flow, number)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert library.level == logging.NOTSET
    first, second = (flow_runs(api, f"{tag}-{number}")[0] for number in (1, 2))
    eventually(lambda: len(logs(api, first)) >= 3 and len(logs(api, second)) >= 3)
    told = {each.message for each in logs(api, first) if each.name == "batchata"}
    assert told == {f"{tag} in 1", f"{tag} thread of 1", f"{tag} thread of 2"}


def facts(name, run_id="r1"):
    from batchata.core.reports import Facts

    return Facts(name, run_id, MODEL, "/state.jsonl", "/results")


def view(name, share, run_id="r1"):
    from batchata.core.reports import View

    return View(f"{name}-progress", "progress", share, f"Run {run_id}: {share}")


class Clock:
    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        return self.seconds


def test_artifacts_go_on_after_a_restart_and_are_made_anew_when_deleted(inside, api):
    from prefect import flow
    from prefect.runtime import flow_run as runtime

    from batchata.core.reports import is_about
    from batchata.orchestration.artifacts import Artifacts

    key = f"post-{uuid4().hex[:8]}"

    def shown():
        return sorted((each.description, each.data) for each in artifacts_of(runtime.id))

    def artifacts_of(run):
        from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

        return api.read_artifacts(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run])))

    @flow
    def showing():
        def shows(run_id, *views):
            with closing(Artifacts(lambda text: is_about(text, facts("x", run_id)))) as each:
                each.show(views)

        shows("r1", view(key, 1.0))
        shows("r1", view(key, 2.0), view(key, 3.0))
        assert shown() == [("Run r1: 3.0", 3.0)]
        shows("r2", view(key, 4.0, "r2"))
        assert shown() == [("Run r1: 3.0", 3.0), ("Run r2: 4.0", 4.0)]
        with closing(Artifacts(lambda text: is_about(text, facts("x", "r1")))) as each:
            each.show([view(key, 5.0)])
            for artifact in artifacts_of(runtime.id):
                api.delete_artifact(artifact.id)
            each.show([view(key, 5.0)])
            assert shown() == [], "what did not change is not sent"
            each.show([view(key, 6.0)])
        assert shown() == [("Run r1: 6.0", 6.0)]

    showing()


def test_a_server_that_is_away_costs_one_line_and_a_pause(inside, caplog):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from batchata.orchestration.artifacts import Artifacts
    from batchata.orchestration.naming import name_flow_run

    clock = Clock()
    name_flow_run("not in a flow run")
    nowhere = temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{free_port()}/api"})
    with nowhere, closing(Artifacts(lambda _: True, clock=clock)) as each:
        for seconds in (0, 1, 31, 32):
            clock.seconds = seconds
            each.show([view("a", float(seconds))])
    assert len(caplog.messages) == 1
    assert "not up to date for now" in caplog.text


def test_a_run_inside_a_flow_of_the_user_reports_there(manager, api, name, simulator):
    from prefect import flow

    from batchata.orchestration.naming import name_flow_run

    simulator.progress = AfterLooks(1)

    @flow
    def nightly():
        each = manager(4)
        each.run()
        name_flow_run(f"{name} renamed")

    nightly()
    [flow_run] = flow_runs(api, name)
    assert flow_run.name == f"{name} renamed"
    found = artifacts(api, flow_run)
    assert found["progress"].data == 100
    assert "finished" in found["summary"].description
    assert json.loads(found["failures"].data) == []
    assert timedelta(0) < flow_run.total_run_time


def test_a_name_is_no_template(manager, api, name):
    manager(1, name=f"{name} {{x}}").run()
    [flow_run] = flow_runs(api, f"{name} {{x}}")
    assert flow_run.name.endswith("· 1 item")
