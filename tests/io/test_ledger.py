import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from batchata.core.events import FORMAT, Ended, Ending, Intent, Opened, Sent, Settled, Submitted, encoded
from batchata.core.state import Standing
from batchata.errors import LedgerError, LedgerInUseError
from batchata.io.ledger import open_ledger, read_state
from tests.core.brain_support import AT, intent, observed, settled, started, state_of, submitted, unsent

ROOT = Path(__file__).parents[2]
EVENTS = [
    *started(),
    intent(1, 0, 1, bound="0.5"),
    submitted(1),
    settled(1, {0: "succeeded", 1: "refused"}, cost="0.1"),
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs" / "state.jsonl"


def write(path, events=EVENTS):
    with open_ledger(path) as ledger:
        for event in events:
            ledger.record(event, sync=True)
        return ledger.state


def after(count):
    return observed(state_of(*EVENTS[3:count]))


def test_what_is_recorded_is_there_when_it_is_opened_again(path):
    live = write(path)
    assert observed(read_state(path)) == observed(live) == after(len(EVENTS))
    with open_ledger(path) as ledger:
        assert observed(ledger.state) == observed(live)
        ledger.record(intent(2, 2))
    assert path.read_bytes() == b"".join(encoded(event) for event in [*EVENTS, intent(2, 2)])


def test_every_line_is_json_that_says_what_happened(path):
    write(path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["run", "items", "opened", "intent", "submitted", "settled"]
    assert lines[3]["items"] == [[0, 1, None, "print 0"], [1, 1, None, "print 1"]]


def test_a_ledger_that_is_not_there_is_a_new_one(path):
    assert read_state(path).run is None
    assert not path.exists()
    with open_ledger(path) as ledger:
        assert ledger.state.total == 0
    path.write_bytes(b"")
    with open_ledger(path) as ledger:
        assert ledger.state.run is None


def test_starting_over_forgets_everything(path):
    with open_ledger(path) as ledger:
        for event in EVENTS:
            ledger.record(event)
        ledger.start_over()
        assert ledger.state.run is None
        for event in started(items=2):
            ledger.record(event)
    assert read_state(path).total == 2


# torn


@pytest.mark.parametrize("kept", range(4, len(EVENTS) + 1))
def test_a_last_line_that_was_torn_anywhere_is_no_line(path, kept):
    """Cut at every byte: the ledger ends with the event before and goes on from there."""
    whole = b"".join(encoded(event) for event in EVENTS[: kept - 1])
    last = encoded(EVENTS[kept - 1])
    path.parent.mkdir()
    for cut in range(len(last)):
        path.write_bytes(whole + last[:cut])
        assert observed(read_state(path)) == after(kept - 1)
        with open_ledger(path) as ledger:
            assert path.read_bytes() == whole
            ledger.record(EVENTS[kept - 1])
        assert path.read_bytes() == whole + last
    assert observed(read_state(path)) == after(kept)


def test_a_very_long_last_line_that_was_torn_is_cut_off_whole(path):
    write(path, EVENTS[:2])
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(encoded(intent(1, *range(20_000)))[:-1])
    with open_ledger(path):
        assert path.read_bytes() == whole


def test_what_a_power_cut_leaves_behind_is_cut_off(path):
    """Zeros where the file had grown and its bytes had not come."""
    write(path)
    with path.open("ab") as file:
        file.write(b"\0" * 5000)
    with open_ledger(path) as ledger:
        assert observed(ledger.state) == after(len(EVENTS))


def test_a_first_line_that_was_torn_is_a_new_ledger(path):
    """Nothing was sent before it was whole."""
    path.parent.mkdir()
    line = encoded(EVENTS[0])
    for cut in range(len(line)):
        path.write_bytes(line[:cut])
        with open_ledger(path) as ledger:
            assert ledger.state.run is None
            ledger.record(EVENTS[0])
        assert path.read_bytes() == line


# not ours


@pytest.mark.parametrize("number", [1, 2, 4, len(EVENTS)])
@pytest.mark.parametrize(
    "garbage", [b"{", b"", b"\xff\xfe", b"\0\0\0", b'{"event":"later","at":"2026-11-22T12:00:00Z"}', b"[]"]
)
def test_garbage_in_the_middle_is_refused_by_its_line(path, number, garbage):
    lines = [encoded(event) for event in EVENTS]
    lines[number - 1] = garbage + b"\n"
    path.parent.mkdir()
    path.write_bytes(b"".join(lines))
    for reader in (read_state, lambda path: open_ledger(path).__enter__()):
        with pytest.raises(LedgerError, match=rf"line {number} of .*state\.jsonl cannot be read.*another `state_path`"):
            reader(path)
    assert path.read_bytes() == b"".join(lines)


@pytest.mark.parametrize(("events", "number"), [
    ([*EVENTS, EVENTS[0]], len(EVENTS) + 1),
    (EVENTS[1:], 1),
    ([*EVENTS[:3], submitted(1)], 4),
    ([*EVENTS[:3], unsent(1)], 4),
    ([*EVENTS[:3], Ended(at=AT, job=1, batch_id="b")], 4),
    ([*EVENTS[:3], intent(1, 99)], 4),
    ([*EVENTS, settled(2, {99: "succeeded"})], len(EVENTS) + 1),
])  # fmt: skip
def test_events_that_do_not_follow_from_those_before_are_refused(path, events, number):
    path.parent.mkdir()
    path.write_bytes(b"".join(encoded(event) for event in events))
    with pytest.raises(LedgerError, match=f"line {number} of "):
        read_state(path)


@pytest.mark.parametrize("foreign", [
    json.dumps({"created_at": "2025-07-01T12:00:00", "pending_jobs": [{"id": "job_1"}]}).encode(),
    json.dumps({"created_at": "2025-07-01T12:00:00", "pending_jobs": [{"id": "job_1"}]}, indent=2).encode(),
    json.dumps({"pending_jobs": []}, indent=2).encode() + b"\n",
    b"name,total\nMiller,12\nSmith,13",
    b"%PDF-1.7",
    b"\0" * 100,
    b"\n",
])  # fmt: skip
def test_a_file_of_somebody_else_is_refused_and_left_as_it_is(path, foreign):
    """The state of an old batchata was one JSON object at the same place."""
    path.parent.mkdir()
    path.write_bytes(foreign)
    with pytest.raises(LedgerError, match="another `state_path`"), open_ledger(path):
        pass
    assert path.read_bytes() == foreign


def test_a_ledger_of_a_later_format_is_refused(path):
    later = EVENTS[0].model_copy(update={"format": FORMAT + 1, "version": "9.9"})
    path.parent.mkdir()
    path.write_bytes(encoded(later) + b'{"event":"unheard of"}\n')
    with pytest.raises(LedgerError, match=r"batchata 9\.9, which is newer; update"):
        read_state(path)


def test_what_a_later_version_adds_to_a_line_is_passed_over(path):
    path.parent.mkdir()
    lines = [json.loads(encoded(event)) | {"news": 1} for event in EVENTS]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert observed(read_state(path)) == after(len(EVENTS))


def test_a_folder_at_its_place_is_one_of_our_errors(tmp_path):
    with pytest.raises(LedgerError), open_ledger(tmp_path):
        pass


# the lock


def in_another_process(path, then):
    """A process that opens the ledger, says so, and does as it is told."""
    code = f"""
import os, resource, sys, time
from datetime import UTC, datetime
from pathlib import Path
from batchata.core.events import Opened
from batchata.errors import LedgerError
from batchata.io.ledger import open_ledger
from tests.core.brain_support import intent, started
with open_ledger(Path({str(path)!r})) as ledger:
    for event in started()[:2]:
        ledger.record(event)
    ledger.record(Opened(at=datetime(2026, 11, 22, 12, 30, 5, tzinfo=UTC), pid=os.getpid(), host="there"), sync=True)
    print("open", flush=True)
    {then}
"""
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)


def test_a_second_process_is_told_who_holds_the_ledger_and_a_kill_frees_it(path):
    with in_another_process(path, "time.sleep(60)") as holder:
        try:
            assert holder.stdout.readline() == "open\n"
            before = path.read_bytes()
            words = rf"process {holder.pid} on there since 2026-11-22 12:30:05 UTC works on .*another `state_path`"
            with pytest.raises(LedgerInUseError, match=words), open_ledger(path):
                pass
            assert path.read_bytes() == before
            assert read_state(path).opened.pid == holder.pid
        finally:
            holder.send_signal(signal.SIGKILL)
        holder.wait()
        with open_ledger(path) as ledger:
            assert ledger.state.total == 6


def test_a_ledger_is_opened_once_in_a_process_too(path):
    caught = []

    def again():
        try:
            with open_ledger(path):
                caught.append(None)
        except LedgerError as error:
            caught.append(error)

    with open_ledger(path) as ledger:
        for event in [*EVENTS[:2], Opened(at=AT, pid=os.getpid(), host="here")]:
            ledger.record(event)
        again()
        thread = threading.Thread(target=again)
        thread.start()
        thread.join()
        assert [type(each) for each in caught] == [LedgerInUseError] * 2
        assert f"process {os.getpid()} on here since 2026-11-22 12:00:00 UTC" in str(caught[0])
        ledger.record(intent(1, 0))
    again()
    assert caught[2] is None


def test_whoever_came_too_late_leaves_the_lock_with_the_holder(path):
    with open_ledger(path):
        for _ in range(3):
            with pytest.raises(LedgerInUseError), open_ledger(path):
                pass
    with open_ledger(path):
        pass


# the disk


def test_a_full_disk_leaves_a_ledger_that_goes_on(path):
    """The event that did not fit is not there, in part neither; once there is room it is written."""
    then = """
    size = os.path.getsize(ledger.path)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    for room in (0, 1, 20):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, hard))
        try:
            ledger.record(intent(1, 0, 1), sync=True)
        except LedgerError as error:
            print(error, flush=True)
        assert os.path.getsize(ledger.path) == size and not ledger.state.open
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    ledger.record(intent(1, 0, 1), sync=True)
    print("went on", flush=True)
"""
    with in_another_process(path, then.strip()) as process:
        lines = process.stdout.read().splitlines()
    assert process.returncode == 0
    assert (lines[0], lines[-1], len(lines)) == ("open", "went on", 5)
    assert all("cannot be written" in line and "Nothing more is sent" in line for line in lines[1:-1])
    assert list(read_state(path).open) == [1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_one_of_our_errors(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(LedgerError, match="cannot be used"), open_ledger(tmp_path / "state.jsonl"):
        pass


def test_it_can_be_read_while_somebody_writes(path):
    counts, done = [], threading.Event()

    def read_on():
        while not done.is_set():
            counts.append(read_state(path).next_job)

    with open_ledger(path) as ledger:
        for event in started():
            ledger.record(event)
        reader = threading.Thread(target=read_on)
        reader.start()
        for job in range(1, 401):
            ledger.record(intent(job, 0, 1, 2, attempt=job))
            ledger.record(unsent(job))
        done.set()
        reader.join()
    assert counts == sorted(counts)
    assert read_state(path).next_job == 401


# size


def test_100_000_items_in_jobs_of_ten_are_replayed(path):
    items, size = 100_000, 10
    names = [f"invoices/{index:06d}.pdf" for index in range(items)]
    path.parent.mkdir()
    with path.open("wb") as file:
        for event in started(names=names):
            file.write(encoded(event))
        for job in range(1, items // size + 1):
            mine = range((job - 1) * size, job * size)
            sent = [Sent(index, 1, None, f"{index:032x}") for index in mine]
            file.write(encoded(Intent(at=AT, job=job, items=sent, total=size, bound="0.01")))
            file.write(encoded(Submitted(at=AT, job=job, batch_id=f"msgbatch_{job}")))
            file.write(encoded(Ended(at=AT, job=job, batch_id=f"msgbatch_{job}")))
            if job % 100:
                endings = [Ending(index, "refused" if index % 20 == 0 else "succeeded", "0.0005") for index in mine]
                file.write(encoded(Settled(at=AT, job=job, batch_id=f"msgbatch_{job}", endings=endings, cost="0.005")))
    state = read_state(path)
    assert (state.total, len(state.open), state.next_job, len(state.batches)) == (items, 100, 10_001, 10_000)
    assert (state.count(Standing.DONE), state.count(Standing.HELD), state.count(Standing.PENDING)) == (99_000, 1000, 0)
    assert state.tally.kinds == {"refused": 5000, "succeeded": 94_000}
    assert str(state.budget.spent) == "49.500"
    assert (state.kind_of(99_989), state.kind_of(99_990), state.job_of(12_345)) == ("succeeded", None, 1235)
