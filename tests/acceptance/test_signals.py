"""A run that is told to end: real signals to real processes, threads, and a running event loop."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from batchata.simulator import Faults, OnClock, Simulator
from tests.soak.work import answers, ledger_of, manager_of

from .conftest import ROOT

SCRIPT = """
import json, signal, sys
from tests.soak.work import manager_of

signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a terminal, wherever these tests are started
print(getattr(manager_of(json.loads(sys.argv[1])), sys.argv[2])())
"""
STREAMING = """
import json, signal, sys
from tests.soak.work import manager_of

signal.signal(signal.SIGINT, signal.default_int_handler)
manager = manager_of(json.loads(sys.argv[1]))
stream = manager.stream()
if sys.argv[2] == "forgotten":
    print(next(stream).index)
    sys.exit()
for record in stream:
    print(record.index, flush=True)
"""
LONG = 7_200.0
JOBS = 3


@pytest.fixture
def simulator(monkeypatch):
    """Its batches do not end until the clock is advanced."""
    simulator = Simulator(progress=OnClock(LONG), faults=Faults())
    with simulator as url:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "any")
        yield simulator


@pytest.fixture
def job(tmp_path):
    return {"folder": str(tmp_path), "label": "G", "items": 10 * JOBS}


class Process:
    """A script that calls a method of the manager of a job."""

    def __init__(self, job, method="run", script=SCRIPT):
        self._job = job
        self._process = subprocess.Popen(
            [sys.executable, "-c", script, json.dumps(job), method],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()

    def told(self, number):
        self._process.send_signal(number)

    def ended(self):
        """The return code and what was printed."""
        out, err = self._process.communicate(timeout=30)
        return self._process.returncode, out, err


def until(holds, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def events(job, name):
    ledger = ledger_of(job["folder"])
    lines = ledger.read_bytes().split(b"\n")[:-1] if ledger.exists() else []
    return [each for each in map(json.loads, lines) if each["event"] == name]


def ids_of(job):
    """The batch ids that the ledger has, in the order of the jobs."""
    return [each["batch_id"] for each in sorted(events(job, "submitted"), key=lambda each: each["job"])]


def in_flight(simulator, job, count=JOBS):
    """Waits until so many batches are created and were looked at once, so that the run rests; their ids."""
    until(lambda: len(ids_of(job)) >= count and simulator.state()["calls"].get("retrieve", 0) >= count)
    return ids_of(job)


def finishes(simulator, job):
    """Running again, once the batches have ended, collects them and sends nothing."""
    simulator.advance(LONG)
    manager = manager_of(job)
    summary = manager.run()
    assert (summary["completed_items"], summary["in_flight_items"]) == (job["items"], 0)
    assert [each["result"].model_dump() for each in manager.results()] == answers(job["label"], job["items"])
    state = simulator.state()
    assert state["batches_created"] == JOBS
    assert set(state["billed"].values()) == {1}
    assert state["items_billed"] == job["items"]


def statuses(simulator):
    """How many items of each batch ended how."""
    return [dict(batch.counts) for batch in reversed(simulator._backend.batches.newest_first())]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, -signal.SIGINT), (signal.SIGTERM, 143)])
def test_an_interrupted_run_says_what_goes_on_and_is_taken_up_again(simulator, job, number, code):
    """A shell shows a process that died of SIGINT as 130."""
    with Process(job) as process:
        ids = in_flight(simulator, job)
        process.told(number)
        returned, _, said = process.ended()
    assert returned == code
    last = [line for line in said.splitlines() if "was interrupted" in line][-1]
    assert f"3 batches ({', '.join(ids)}): in flight, going on without it" in last
    assert f"Run the same with `state_path={str(ledger_of(job['folder']))!r}` to go on" in last
    assert simulator.state()["calls"].get("cancel", 0) == 0
    finishes(simulator, job)


def test_a_reader_of_a_stream_that_is_interrupted_ends_the_run(simulator, job):
    """Ctrl-C reaches the reader's thread, and the run works in another one."""
    with Process(job, "read", STREAMING) as process:
        ids = in_flight(simulator, job)
        process.told(signal.SIGINT)
        returned, _, said = process.ended()
    assert returned == -signal.SIGINT
    assert f"3 batches ({', '.join(ids)}): in flight, going on without it" in said
    finishes(simulator, job)


def test_a_stream_that_is_forgotten_does_not_keep_the_process(simulator, job):
    """Its run works when the program is at its end: it is left, and what goes on is named."""
    job["options"] = {"max_parallel_jobs": 1}
    with Process(job, "forgotten", STREAMING) as process:
        in_flight(simulator, job, 1)
        simulator.advance(LONG)
        returned, printed, said = process.ended()
    assert (returned, printed) == (0, "0\n")
    assert "the run was interrupted" in said
    assert simulator.state()["items_billed"] == 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_cancel_on_exit_cancels_what_is_in_flight(simulator, job, number):
    with Process({**job, "options": {"cancel_on_exit": True}}) as process:
        ids = in_flight(simulator, job)
        process.told(number)
        returned, _, said = process.ended()
    assert returned in (-signal.SIGINT, 143)
    assert f"3 batches ({', '.join(ids)}): told to stop" in said
    assert simulator.state()["calls"]["cancel"] == JOBS
    assert simulator.state()["items_billed"] == 0
    summary = manager_of(job).run()
    assert (summary["outcomes"], summary["total_cost"]) == ({"canceled": 30}, 0)


def test_a_create_call_that_is_under_way_brings_its_id_home_first(simulator, job):
    simulator.faults.delay("create", 2.0)
    with Process(job) as process:
        until(lambda: simulator.state()["create_calls"] == JOBS)
        process.told(signal.SIGINT)
        returned, _, said = process.ended()
    assert returned == -signal.SIGINT
    ids = ids_of(job)
    assert len(ids) == JOBS
    assert f"3 batches ({', '.join(ids)}): in flight, going on" in said
    finishes(simulator, job)


@pytest.mark.parametrize("moment", ["before it is written", "after it is written"])
def test_an_interrupt_while_an_id_goes_into_the_ledger_leaves_no_batch_behind(simulator, job, monkeypatch, moment):
    """Ctrl-C at the very moment in which the batch id is on its way into the ledger."""
    monkeypatch.setattr("os.write", interrupting_write(os.write, signal.SIGINT, after=moment.startswith("after")))
    with pytest.raises(KeyboardInterrupt):
        manager_of({**job, "options": {"cancel_on_exit": True}}).run()
    state = simulator.state()
    assert state["calls"].get("cancel", 0) == state["batches_created"]
    assert len(ids_of(job)) == state["batches_created"]


def interrupting_write(write, number, *, after):
    """Raises the signal once, just before or just after an id is written."""
    left = [1]

    def interrupting(file, data):
        hit = b'"event":"submitted"' in data and left and left.pop()
        if hit and not after:
            signal.raise_signal(number)
        written = write(file, data)
        if hit and after:
            signal.raise_signal(number)
        return written

    return interrupting


def test_who_cannot_wait_interrupts_twice_and_still_pays_once(simulator, job):
    simulator.faults.delay("create", 2.5)
    with Process(job) as process:
        until(lambda: simulator.state()["create_calls"] == JOBS)
        process.told(signal.SIGINT)
        time.sleep(0.3)
        process.told(signal.SIGINT)
        returned, _, _ = process.ended()
    assert returned == -signal.SIGINT
    assert events(job, "submitted") == []
    until(lambda: simulator.state()["batches_created"] == JOBS)
    finishes(simulator, job)


def test_another_process_cancels_what_an_interrupted_one_left(simulator, job):
    with Process(job) as process:
        ids = in_flight(simulator, job)
        process.told(signal.SIGTERM)
        process.ended()
    with Process(job, "cancel") as process:
        assert process.ended()[:2] == (0, f"{ids}\n")
    assert statuses(simulator) == [{"canceled": 10}] * JOBS
    manager = manager_of(job)
    assert manager.run()["outcomes"] == {"canceled": 30}
    assert {each.outcome for each in manager.failures()} == {"canceled"}
    assert (simulator.state()["create_calls"], simulator.state()["items_billed"]) == (JOBS, 0)


def run_in_thread(manager):
    """Starts the run; the thread, and the list that its summary or error comes into."""
    came = []

    def run():
        try:
            came.append(manager.run())
        except BaseException as error:
            came.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, came


def test_a_run_in_a_thread_is_canceled_from_another_one(simulator, job):
    manager = manager_of(job)
    thread, came = run_in_thread(manager)
    ids = in_flight(simulator, job)
    until(lambda: manager.stats["in_flight_items"] == 30)
    assert manager.cancel() == ids
    thread.join(30)
    assert not thread.is_alive()
    summary = came[0]
    assert summary["outcomes"] == {"canceled": 30}
    assert summary["stopped"] == "it was canceled; run again to go on"
    assert simulator.state()["items_billed"] == 0


def test_what_waits_when_a_run_is_canceled_is_sent_by_the_next_one(simulator, job):
    """One batch in flight, two to come: what was processed before the cancel is kept and not sent again."""
    options = {"max_parallel_jobs": 1}
    manager = manager_of({**job, "options": options})
    thread, came = run_in_thread(manager)
    in_flight(simulator, job, 1)
    simulator.advance(LONG / 2)
    manager.cancel()
    thread.join(30)
    assert came[0]["outcomes"] == {"succeeded": 5, "canceled": 5}
    assert came[0]["pending_items"] == 20
    thread, came = run_in_thread(manager)
    for count in (2, 3):
        in_flight(simulator, job, count)
        simulator.advance(LONG)
    thread.join(30)
    assert came[0]["outcomes"] == {"succeeded": 25, "canceled": 5}
    thread, came = run_in_thread(manager_of({**job, "options": {"max_parallel_jobs": 1}}))
    thread.join(30)
    assert simulator.state()["items_billed"] == 25


def test_a_run_in_a_thread_leaves_signals_alone(simulator, job):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    thread, came = run_in_thread(manager_of(job))
    in_flight(simulator, job)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    simulator.advance(LONG)
    thread.join(30)
    assert came[0]["completed_items"] == 30


def test_a_run_in_the_main_thread_puts_the_handlers_back(simulator, job):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    in_time = threading.Timer(1.0, simulator.advance, [LONG])
    in_time.start()
    manager_of(job).run()
    in_time.join()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_run_inside_a_running_event_loop(simulator, job):
    """As in a notebook, where a loop runs already."""
    in_time = threading.Timer(1.0, simulator.advance, [LONG])
    in_time.start()

    async def cell():
        return manager_of(job).run()

    assert asyncio.run(cell())["completed_items"] == 30
    in_time.join()
