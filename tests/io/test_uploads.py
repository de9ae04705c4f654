"""Documents that go up through the Files API."""

import re
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import orjson
import pytest

from batchata import (
    AccountError,
    BatchManager,
    CredentialsError,
    InputError,
    Item,
    RequestRefusedError,
    document,
    make_client,
)
from batchata.core.events import Uploaded, UploadedFile
from batchata.core.uploadbook import UploadBook
from batchata.io.ledger import open_ledger, read_state
from batchata.io.sources import size_problem
from batchata.running.lanes import Lanes
from batchata.running.uploads import Uploads
from batchata.simulator import Faults, OnClock, Simulator
from tests.pdfs import invoice_pdf

MODEL = "claude-haiku-5-5"
HOUR = 3_600


@pytest.fixture
def files(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.pdf").write_bytes(invoice_pdf(number))
    (tmp_path / "n.txt").write_text("Invoice number: INV-0009")
    return ["0.pdf", "1.pdf", "2.pdf", "n.txt"]


@pytest.fixture
def manager(client):
    def make(files, **options):
        usual = {
            "model": MODEL, "state_path": "run.jsonl", "client": client, "orchestrator": "local", "cache": False,
            "upload": True, "prompt": "Which invoice?", "lost_after": 0.2,
        }  # fmt: skip
        return BatchManager(files=files, **(usual | options))

    return make


def events(kind, path="run.jsonl"):
    return [each for each in map(orjson.loads, Path(path).read_bytes().splitlines()) if each["event"] == kind]


@pytest.fixture
def stored(client):
    return lambda: [each.filename for each in client.files.list().data]


def test_each_document_goes_up_once_and_is_gone_when_no_job_needs_it(manager, files, simulator, stored, tmp_path):
    run = manager(
        files, prompt=None, prompts=["Which invoice?", "From whom?"], items_per_job=3, max_parallel_jobs=1, max_cost=1
    )
    assert run.run()["completed_items"] == 8
    assert [each.source for each in run.outcomes()] == [name for name in files for _ in "12"]
    assert "INV-0009" in list(run.outcomes())[6].result
    assert "INV-0001" in list(run.outcomes())[2].result
    assert stored() == []
    uploaded = [file for each in events("uploaded") for file, *_ in each["files"]]
    assert len(uploaded) == 5  # one is needed by two jobs, of which the first ends before the second begins
    assert {file for each in events("deleted") for file in each["files"]} == set(uploaded)


def test_what_is_asked_is_the_same_whether_or_not_it_is_uploaded(manager, files, simulator, tmp_path):
    options = {"enable_citations": True, "max_cost": 2}
    up = manager(files, cache=tmp_path / "cache", **options)
    up.run()
    plain = manager(files, upload=False, state_path="plain.jsonl", **options)
    plain.run()
    sent = [
        [item for each in events("intent", path) for item in each["items"]] for path in ("run.jsonl", "plain.jsonl")
    ]
    assert sent[0] == sent[1]
    assert events("intent")[0]["bound"] == events("intent", "plain.jsonl")[0]["bound"]
    assert [each.result for each in up.outcomes()] == [each.result for each in plain.outcomes()]
    pages = [{(c.start_page, c.source_file) for c in each.citations} for each in up.outcomes()]
    assert pages == [{(c.start_page, c.source_file) for c in each.citations} for each in plain.outcomes()]
    assert simulator.state()["items_billed"] == 8
    assert (
        manager(files, upload=False, state_path="third.jsonl", cache=tmp_path / "cache", **options).run()[
            "cached_items"
        ]
        == 4
    )


def test_uploads_stay_for_the_batch_that_needs_them_whoever_collects_it(files, tmp_path):
    simulator = Simulator(progress=OnClock(HOUR), seed=7)
    with simulator as url, make_client(api_key="none", base_url=url) as client:
        options = {
            "model": MODEL,
            "state_path": "run.jsonl",
            "client": client,
            "orchestrator": "local",
            "prompt": "Which?",
        }
        BatchManager(files=files, upload=True, cache=False, **options).run(wait=False)
        assert len(client.files.list().data) == 4 == len(read_state(Path("run.jsonl")).uploads.jobs)
        simulator.advance(HOUR)
        assert BatchManager(files=files, cache=False, **options).collect()["completed_items"] == 4
        assert client.files.list().data == []
        assert read_state(Path("run.jsonl")).uploads.jobs == {}


RUN = """
import sys
from batchata import BatchManager, make_client
client = make_client(api_key="none", base_url=sys.argv[1])
BatchManager(files=sys.argv[2:], prompt="Which?", model="claude-haiku-5-5", client=client, orchestrator="local", cache=False,
             upload=True, state_path="run.jsonl").run()
"""


def test_a_run_that_was_killed_goes_on_with_what_it_had_uploaded(files, manager):
    simulator = Simulator(progress=OnClock(HOUR), seed=7)
    with simulator as url, make_client(api_key="none", base_url=url) as client:
        process = subprocess.Popen([sys.executable, "-c", RUN, url, *files])
        try:
            _until(lambda: simulator.state()["create_calls"] and events("submitted"))
        finally:
            process.kill()
            process.wait()
        simulator.advance(HOUR)
        assert len(client.files.list().data) == 4
        assert manager(files, client=client, prompt="Which?").run()["completed_items"] == 4
        assert client.files.list().data == []
        assert simulator.state()["create_calls"] == 1


def _until(happened):
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_new_process_knows_the_uploads_and_deletes_what_a_crash_left(manager, files, client, stored):
    """The crash comes after the upload was written down and before the job was: no job of the ledger needs the file."""
    run = manager(files[:1])
    run.run()
    left = client.files.upload(file=("left.pdf", b"%PDF-", "application/pdf"))
    with open_ledger(Path("run.jsonl")) as ledger:
        ledger.record(Uploaded(at=datetime.now(UTC), job=7, files=[UploadedFile(left.id, "00")]))
    assert stored() == ["left.pdf"]
    assert manager(files[:2]).run()["completed_items"] == 2
    assert stored() == []


def test_what_was_uploaded_for_one_job_is_named_by_the_next_for_a_day_and_not_longer(client, tmp_path):
    content = document(b"some words", name="a.txt")
    uploads = Uploads(client)
    first = uploads.named(content).block["source"]["file_id"]
    assert uploads.named(Item(content, prompt="x")).content.block["source"]["file_id"] == first
    [held] = uploads.held_by(1)
    book = UploadBook()
    book.apply(Uploaded(at=datetime.now(UTC), job=1, files=[held]))
    later = Uploads.known_to(client, book)
    assert later.named(content).block["source"]["file_id"] == first
    assert [each.file_id for each in later.held_by(2)] == [first]
    assert later.release(1) == []
    assert later.release(2) == [first]
    assert book.jobs == {first: {1}}
    old = UploadBook()
    old.apply(Uploaded(at=datetime.now(UTC) - timedelta(days=1, seconds=1), job=1, files=[held]))
    assert Uploads.known_to(client, old).named(content).block["source"]["file_id"] != first


def test_uploading_is_tried_again_and_a_deletion_that_fails_is_a_warning(files, tmp_path, caplog):
    faults = Faults().fail("files", 529, times=2)
    with Simulator(faults=faults, seed=7) as url, make_client(api_key="none", base_url=url) as client:
        uploads = Uploads(client)
        file_id = uploads.named(document(b"some words", name="a.txt")).block["source"]["file_id"]
        uploads.held_by(1)
        faults.fail("files", 403, times=1)
        assert uploads.release(1) == []
        assert "it is not needed any more, and expires" in caplog.text
        client.files.delete(file_id)
        uploads.named(document(b"some words", name="a.txt"))
        gone = uploads.held_by(2)[0].file_id
        client.files.delete(gone)
        assert uploads.release(2) == [gone]


def test_what_a_process_deleted_before_it_died_is_not_named_again(manager, files, tmp_path):
    """It had collected the first job, and its word that the file is gone never came to the disk."""
    simulator = Simulator(progress=OnClock(HOUR), seed=7)
    with simulator as url, make_client(api_key="none", base_url=url) as client:
        how = {"client": client, "prompt": None, "prompts": ["Which?", "Whose?"], "items_per_job": 1,
               "prompt_caching": "off"}  # fmt: skip
        manager(files[:1], **how, max_parallel_jobs=1).run(wait=False)
        simulator.advance(HOUR)
        list(client.messages.batches.results(events("submitted")[0]["batch_id"]))
        client.files.delete(events("uploaded")[0]["files"][0][0])
        manager(files[:1], **how).run(wait=False)
        simulator.advance(HOUR)
        assert manager(files[:1], **how).run()["completed_items"] == 2
        assert client.files.list().data == []


def test_files_that_only_have_their_beginning_in_common_do_not_stay(manager, files, simulator, stored):
    """What stands before a file is known to the cache under any id of the file: 10,000 need not lie there together."""
    how = {"model": "claude-opus-5-5", "system": "Read with care. " * 1200, "max_tokens": 2000}
    run = manager(files, items_per_job=1, max_parallel_jobs=1, prompt_caching="1h", **how)
    assert run.run()["completed_items"] == 4
    assert all(each["prefixes"] for each in events("intent"))
    assert [len(each["files"]) for each in events("deleted")] == [1, 1, 1, 1]


def run_with(faults, manager, files, **options):
    """The run, what the simulator counted, and what lies there in the end."""
    simulator = Simulator(faults=faults, seed=7)
    with simulator as url, make_client(api_key="none", base_url=url) as client:
        run = manager(files, client=client, **options)
        summary = run.run()
        assert summary["completed_items"] + summary["failed_items"] == summary["total_items"]
        return run, simulator.state()["calls"], client.files.list().data


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_document_that_the_api_does_not_take_fails_alone(manager, files, status):
    faults = Faults().fail("files", status, times=1)
    run, _, left = run_with(faults, manager, files, max_cost=1, items_per_job=2)
    kinds = [each.outcome for each in run.outcomes()]
    assert sorted(kinds) == ["errored", "succeeded", "succeeded", "succeeded"]
    (refused,) = run.failures()
    assert re.search(rf"^input_error: the Files API does not take it: .* \(HTTP {status}\) \(it was", refused.reason)
    assert refused.cost == 0
    assert left == []
    uploaded, deleted = ([file for each in events(kind) for file in each["files"]] for kind in ("uploaded", "deleted"))
    assert sorted(file for file, *_ in uploaded) == sorted(deleted)
    assert len(deleted) == 3


def test_one_that_is_refused_is_not_uploaded_again_for_each_prompt(manager, files):
    """It is the only one, so that its job is empty, and the limit is not to blame for it."""
    faults = Faults().fail("files", 400, times=1)
    run, calls, _ = run_with(faults, manager, files[:1], prompt=None, prompts=["Which?", "Whose?"], max_cost=0.17)
    assert [each.outcome for each in run.outcomes()] == ["errored", "errored"]
    assert (calls["files"], run.stats["cost_limit_reached"]) == (1, False)


@pytest.mark.parametrize(
    ("status", "error"), [(403, AccountError), (401, CredentialsError), (404, RequestRefusedError)]
)
def test_what_is_not_the_documents_fault_ends_the_run_with_nothing_sent_and_nothing_lost(manager, files, status, error):
    faults = Faults().fail("files", status, times=1)
    with Simulator(faults=faults, seed=7) as url, make_client(api_key="none", base_url=url) as client:
        with pytest.raises(error, match="its upload: the "):
            manager(files, client=client).run()
        assert (events("intent"), client.files.list().data) == ([], [])
        assert manager(files, client=client).run()["completed_items"] == 4
        assert client.files.list().data == []


def test_when_all_are_refused_for_one_reason_the_run_says_so(manager, files):
    with (
        Simulator(faults=Faults().fail("files", 400, times=9), seed=7) as url,
        make_client(api_key="none", base_url=url) as client,
    ):
        summary = manager(files, client=client, items_per_job=1).run()
    assert (summary["failed_items"], summary["pending_items"]) == (3, 1)
    assert "failed for the same reason (errored: input_error: the Files API does not take it" in summary["stopped"]


def test_so_many_go_up_beside_each_other_and_no_more():
    lanes, barrier = Lanes(width=4, most_bytes=100), threading.Barrier(4, timeout=30)
    running, most, done = 0, [], threading.Semaphore(0)
    lock = threading.Lock()

    def call(size, together=lambda: None):
        nonlocal running
        with lock:
            running += size
            most.append(running)
        together()
        with lock:
            running -= size
        done.release()

    for _ in range(8):
        lanes.start(partial(call, 1, barrier.wait), 1)  # four have to be there at once, twice
    for _ in range(6):
        lanes.start(partial(call, 60), 60)
    lanes.start(partial(call, 500), 500)
    for _ in range(15):
        assert done.acquire(timeout=30)
    assert max(most[:8]) == 4
    assert max(most[8:-1]) <= 64
    assert most[-1] == 500


def test_an_api_that_takes_no_upload_for_a_while_is_waited_for(manager, files):
    """It said that the run goes on, and ended it. Each time the SDK tries five times."""
    with (
        Simulator(faults=Faults().fail("files", 429, times=11, retry_after=0.01), seed=7) as url,
        make_client(api_key="none", base_url=url) as client,
    ):
        assert manager(files, client=client).run()["completed_items"] == 4
        assert client.files.list().data == []


def test_a_file_too_large_for_a_request_goes_up(manager, tmp_path, simulator):
    large = invoice_pdf(5).replace(b"startxref", b"%" + b"x" * 24_100_000 + b"\nstartxref")
    (tmp_path / "large.pdf").write_bytes(large)
    with pytest.raises(InputError, match=r"it has 32\.1 MB as a request; the limit is 32 MB"):
        manager(["large.pdf"], upload=False).run()
    run = manager(["large.pdf"])
    assert run.run()["completed_items"] == 1
    assert "INV-0005" in next(iter(run.outcomes())).result
    assert size_problem("a.pdf", 500_000_001, uploads=True) == "it has 500 MB; the limit is 500 MB. Split it"


@pytest.mark.parametrize(("options", "words"), [
    ({"shards": 2}, "does not go together with `task_runner` and `shards`"),
    ({"task_runner": "dask"}, "does not go together"),
    ({"upload": "yes"}, "`upload` is True or False"),
])  # fmt: skip
def test_where_nothing_can_be_uploaded(files, options, words):
    with pytest.raises(InputError, match=words):
        BatchManager(files=files, prompt="x", **{"upload": True, **options})
    with pytest.raises(InputError, match="`upload=True` is about files"):
        BatchManager(messages=[[{"role": "user", "content": "x"}]], upload=True)
