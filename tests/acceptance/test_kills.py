"""Nothing is paid twice and nothing is lost: real processes, real kills, and the simulator's own books."""

import json
import re
import shutil
import subprocess
import time
from types import SimpleNamespace

import pytest

from batchata.errors import LedgerInUseError
from batchata.simulator import Simulator
from tests.soak.books import Books
from tests.soak.forge import Forge
from tests.soak.rounds import check, played
from tests.soak.work import ledger_of, manager_of, report_of

KILL = -9


@pytest.fixture(scope="module")
def forge():
    with Forge() as forge:
        yield forge


@pytest.fixture
def world(forge, tmp_path):
    """A simulator in a process of its own, its books, and a job of 30 items over it."""
    yield from _world(forge, tmp_path)


@pytest.fixture
def slow_world(forge, tmp_path):
    """One whose answers take a while, so that a kill comes in time on a busy machine too."""
    yield from _world(forge, tmp_path, latency=0.05)


def _world(forge, folder, **options):
    pid, url = forge.simulate(**options)
    job = {"folder": str(folder), "url": url, "label": "K", "items": 30}
    yield SimpleNamespace(books=Books(url), job=job, folder=folder, url=url)
    forge.stop(pid)


def events(folder, name):
    lines = [json.loads(line) for line in ledger_of(folder).read_bytes().split(b"\n")[:-1]]
    return [each for each in lines if each["event"] == name]


def one_at_a_time(job, **options):
    return {**job, "options": {"max_parallel_jobs": 1, **options}}


def test_six_rounds_of_the_soak(tmp_path):
    rounds = list(played(3, range(6), tmp_path))
    assert [(each.number, each.problems) for each in rounds if each.problems] == []
    assert sum(each.seen["items billed"] for each in rounds) == 600
    assert sum(each.seen["kills"] for each in rounds) >= 3


@pytest.mark.parametrize("parallel", [1, 4])
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_create_call_whose_connection_drops_is_not_paid_twice(world, forge, when, times, parallel):
    world.books.order(drop=[{"endpoint": "create", "when": when, "times": times}])
    job = {**world.job, "options": {"max_parallel_jobs": parallel, "lost_after": 0.6}}
    assert forge.run(job)["code"] == 0
    assert list(check("K", 30, world.folder, world.books)) == []
    state = world.books.state()
    assert state["batches_created"] == 3
    assert state["create_calls"] == (3 if when == "after" else 3 + times)
    assert len(events(world.folder, "unsent")) == (0 if when == "after" else times)


def test_what_was_killed_before_it_was_created_is_sent_once_after_lost_after(world, forge):
    """The call hangs until after the kill and then comes to nothing."""
    world.books.order(
        delay=[{"endpoint": "create", "seconds": 2.0, "times": 1}], drop=[{"endpoint": "create", "when": "before"}]
    )
    job = one_at_a_time(world.job)
    assert forge.run(job, {"event": "intent", "nth": 1, "seconds": 0.7})["code"] == KILL
    assert world.books.state()["batches_created"] == 0
    again = forge.run(job)
    assert again["code"] == 0
    assert again["seconds"] > 1.5
    assert list(check("K", 30, world.folder, world.books)) == []
    assert [each["reason"] for each in events(world.folder, "unsent")] == [
        "the API lists no batch of it 1.5 s after it was tried"
    ]
    assert world.books.state()["batches_created"] == 3


def test_what_was_killed_before_its_id_came_home_is_adopted(world, forge):
    """The batch is there, its id is lost, and nobody could look for it before the kill."""
    world.books.order(
        drop=[{"endpoint": "create", "when": "after"}], fail=[{"endpoint": "list", "status": 529, "times": None}]
    )
    job = one_at_a_time(world.job)
    assert forge.run(job, {"event": "intent", "nth": 1, "seconds": 1.0})["code"] == KILL
    assert world.books.state()["batches_created"] == 1
    assert events(world.folder, "submitted") == []
    world.books.order(clear=True)
    assert forge.run(job)["code"] == 0
    assert list(check("K", 30, world.folder, world.books)) == []
    assert world.books.state()["create_calls"] == 3


@pytest.mark.parametrize(
    "unreadable",
    [
        {"cut": [{"after_lines": 0, "times": 1}]},
        {"cut": [{"after_lines": 0, "inside": True, "times": 1}]},
        {"fail": [{"endpoint": "results", "status": 404, "times": 1}]},
    ],
    ids=["empty", "cut inside the first line", "404"],
)
def test_a_lost_batch_whose_results_cannot_be_read_once_is_still_looked_for(world, forge, unreadable):
    """A read that tells nothing must not make the batch somebody else's: it would be sent and paid again."""
    world.books.order(drop=[{"endpoint": "create", "when": "after"}], **unreadable)
    assert forge.run(one_at_a_time(world.job))["code"] == 0
    assert list(check("K", 30, world.folder, world.books)) == []
    assert world.books.state()["create_calls"] == 3


def test_what_was_killed_while_its_results_came_home_is_not_sent_again(world, forge):
    world.books.order(delay=[{"endpoint": "results", "seconds": 1.0, "times": 1}])
    job = one_at_a_time(world.job)
    assert forge.run(job, {"event": "ended", "nth": 1, "seconds": 0.2})["code"] == KILL
    assert events(world.folder, "settled") == []
    assert forge.run(job)["code"] == 0
    assert list(check("K", 30, world.folder, world.books)) == []
    assert world.books.state()["create_calls"] == 3


def test_a_limit_holds_across_kills(slow_world, forge):
    """What a killed process had in flight counts until it is known what it cost."""
    world = slow_world
    options = {"max_tokens": 100, "max_cost": 0.0008, "items_per_job": 3, "max_parallel_jobs": 3}
    job = {**world.job, "items": 100, "options": options}
    world.books.order(drop=[{"endpoint": "create", "when": "after", "times": 2}])
    assert forge.run(job, {"event": "submitted", "nth": 3, "seconds": 0.0})["code"] == KILL
    assert forge.run(job, {"event": "intent", "nth": 1, "seconds": 0.02})["code"] == KILL
    assert forge.run(job)["code"] == 0
    summary = json.loads(report_of(world.folder).read_text())["summary"]
    bill = float(world.books.bill(world.books.close()))
    assert summary["cost_limit_reached"] is True
    assert summary["total_cost"] == pytest.approx(bill)
    assert 0.0006 < bill <= 0.0008
    assert world.books.billed_twice() == {}


def test_a_second_runner_is_refused_while_the_first_works(world, forge):
    world.books.order(fail=[{"endpoint": "retrieve", "status": 529, "times": None}])
    pid = forge.start(world.job)
    with pytest.raises(LedgerInUseError) as refused:
        _run_when_somebody_works(world)
    assert forge.wait(pid, {"seconds": 0.0})["code"] == KILL
    assert re.match(
        rf"process {pid} on \S+ since 20\d\d-\S+ \S+ UTC works on \S*ledger.jsonl; wait", str(refused.value)
    )
    world.books.order(clear=True)
    assert forge.run(world.job)["code"] == 0
    assert list(check("K", 30, world.folder, world.books)) == []


def _run_when_somebody_works(world):
    deadline = time.monotonic() + 30
    while not (ledger_of(world.folder).exists() and events(world.folder, "submitted")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    manager_of(world.job).run()


def test_a_finished_run_started_again_needs_nobody_and_costs_nothing(tmp_path, monkeypatch):
    with Simulator() as url:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "any")
        job = {"folder": str(tmp_path), "label": "F", "items": 30}
        first = manager_of(job).run()
        ledger = ledger_of(tmp_path).read_bytes()
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    manager = manager_of(job)
    assert manager.run() == first
    assert manager.retry_failed() == {**first, "retry_count": 0}
    assert ledger_of(tmp_path).read_bytes() == ledger
    assert len(manager.results()) == 30


def test_the_same_work_with_another_ledger_in_another_process_is_answered_from_the_cache(world, forge, tmp_path):
    first = {**world.job, "options": {"cache": str(tmp_path / "cache")}}
    assert forge.run(first)["code"] == 0
    before, paid = world.books.state(), json.loads(report_of(tmp_path).read_text())["summary"]["total_cost"]
    (tmp_path / "other").mkdir()
    assert forge.run({**first, "folder": str(tmp_path / "other")})["code"] == 0
    after, report = world.books.state(), json.loads(report_of(tmp_path / "other").read_text())
    assert (after["create_calls"], after["items_billed"]) == (before["create_calls"], before["items_billed"])
    assert report["summary"]["cached_items"] == report["summary"]["completed_items"] == 30
    assert report["summary"]["total_cost"] == 0
    assert report["summary"]["cost_saved_by_cache"] == pytest.approx(paid)
    assert report["results"] == json.loads(report_of(tmp_path).read_text())["results"]


@pytest.mark.skipif(shutil.which("jq") is None, reason="there is no jq here")
def test_jq_reads_the_ledger_of_a_run_that_was_killed(slow_world, forge):
    world = slow_world
    assert forge.run(world.job, {"event": "submitted", "nth": 2, "seconds": 0.0})["code"] == KILL
    done = subprocess.run(["jq", "-c", ".event", ledger_of(world.folder)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[:3] == ['"run"', '"items"', '"opened"']
