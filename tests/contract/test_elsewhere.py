"""A run at work is stopped from another process; what was sent is collected without sending more."""

import threading
import time
from contextvars import copy_context

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


def test_a_run_at_work_is_canceled_by_another_manager(manager, people, simulator, client, orchestrator):
    at_work, other = manager(people(23)), manager(people(23))
    ended = []
    context = copy_context()  # Prefect's settings are in it: without them the thread would start a server of its own
    worker = threading.Thread(target=context.run, args=(lambda: ended.append(at_work.run()),), daemon=True)
    worker.start()
    until = time.monotonic() + 180
    while len(other.stats["batch_ids"]) < 2 and time.monotonic() < until:
        time.sleep(0.2)
    assert len(other.cancel()) == 2
    worker.join(120)
    (summary,) = ended
    assert summary["stopped"] == "it was canceled; run again to go on"
    assert (summary["in_flight_items"], summary["pending_items"]) == (0, 13)
    assert simulator.state()["batches_created"] == 2
    assert [each.cancel_initiated_at is not None for each in client.messages.batches.list()] == [True, True]


def test_collecting_sends_nothing(manager, people, simulator, tmp_path):
    each = manager(people(23))
    each.run(wait=False)
    simulator.advance(HOUR)
    summary = each.collect(wait=False)
    assert (summary["completed_items"], summary["in_flight_items"], summary["pending_items"]) == (10, 0, 13)
    assert summary["stopped"] == "nothing is in flight and 13 items wait; run again to go on"
    assert simulator.state()["batches_created"] == 2
    assert each.collect()["completed_items"] == 10


def test_files_that_changed_are_no_reason_not_to_collect(client, simulator, tmp_path, orchestrator):
    from batchata import BatchManager

    paths = [tmp_path / f"{name}.txt" for name in ("Ada", "Grace")]
    for path in paths:
        path.write_text(f"Name: {path.stem}")
    each = BatchManager(
        files=paths, prompt="Who?", model="claude-haiku-5-5", client=client, state_path=tmp_path / "s.jsonl",
        cache=False, orchestrator=orchestrator, items_per_job=1, max_parallel_jobs=1,
    )  # fmt: skip
    each.run(wait=False)
    paths[0].write_text("Name: Somebody else")
    paths[1].unlink()
    simulator.advance(HOUR)
    assert each.collect()["completed_items"] == 1
