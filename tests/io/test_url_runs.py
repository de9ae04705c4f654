"""Whole runs whose files and results are on URLs."""

import json
import logging

import pytest

from batchata import (
    BatchManager,
    CredentialsError,
    InputError,
    LedgerMismatchError,
    ResultsError,
    StorageError,
    load_results_from_disk,
)
from batchata.io.ledger import read_state
from batchata.running.opening import READ_BEFOREHAND
from tests.pdfs import invoice_pdf
from tests.urls import contents, fill

from .conftest import Invoice

pytestmark = pytest.mark.usefixtures("dials")
COUNT = 20
PDFS = {f"{number:02d}.pdf": invoice_pdf(number) for number in range(COUNT)}


@pytest.fixture
def manager(client, tmp_path):
    def make(files, **options):
        usual = {
            "prompt": "Extract.",
            "model": "claude-haiku-5-5",
            "response_model": Invoice,
            "enable_citations": True,
            "items_per_job": 5,
            "state_path": tmp_path / "state.jsonl",
            "cache": False,
            "client": client,
            "orchestrator": "local",
        }
        return BatchManager(files=files, **(usual | options))

    return make


def told(manager):
    """What the results say, without where the files lie."""
    return [(each.index, each.outcome, each.result, each.cost) for each in manager.outcomes()]


def events(manager, kind):
    lines = [json.loads(line) for line in manager.state_path.read_text().splitlines()]
    return [each for each in lines if each["event"] == kind]


@pytest.mark.parametrize("scheme", ["memory", "unkind"])
def test_a_run_on_urls_is_one_on_paths(manager, simulator, tmp_path, scheme):
    urls = fill(f"{scheme}:///inbox", PDFS)
    results = f"{scheme}:///out/results"
    remote = manager(urls, results_dir=results)
    summary = remote.run()
    assert summary["completed_items"] == COUNT
    assert f"{scheme}://" in summary["results_dir"]
    assert summary["results_dir"].endswith("/out/results")
    for name, content in PDFS.items():
        (tmp_path / name).write_bytes(content)
    local = manager([tmp_path / name for name in PDFS], state_path=tmp_path / "local.jsonl")
    same = local.run()
    assert told(remote) == told(local)
    assert same["total_cost"] == summary["total_cost"]
    kept = contents(results)
    run_id = summary["run_id"]
    assert {name for name in kept if name.startswith("raw/")} == {f"raw/{each}.jsonl" for each in summary["batch_ids"]}
    assert {name for name in kept if not name.startswith("raw/")} == {
        f"processed/{run_id}-{job:06d}.jsonl" for job in range(1, 5)
    }
    assert load_results_from_disk(results, Invoice) == remote.results()
    assert remote.results()[3]["citations"]["total_amount"][0].source_file == urls[3]
    assert simulator.state()["items_billed"] == 2 * COUNT


def test_a_run_whose_results_could_not_be_written_is_gone_on_with(manager, dials, simulator):
    urls = fill("unkind:///inbox", PDFS)
    dials.writes_left = 4
    first = manager(urls, results_dir="unkind:///out", max_parallel_jobs=1)
    with pytest.raises(ResultsError, match=r"job 2 cannot be written to unkind:///out/processed/.*SlowDown.*run again"):
        first.run()
    assert [each["result"].invoice_number for each in first.results()] == [f"INV-{number:04d}" for number in range(5)]
    assert not any(".partial" in name for name in contents("unkind:///out"))
    dials.writes_left = None
    reads = simulator.state()["calls"]["results"]
    second = manager(urls, results_dir="unkind:///out", max_parallel_jobs=1)
    assert second.run()["completed_items"] == COUNT
    assert simulator.state()["items_billed"] == COUNT
    assert simulator.state()["calls"]["results"] == reads + 2  # those of job 2 were kept
    assert [each.index for each in second.outcomes()] == list(range(COUNT))


def test_a_read_that_fails_once_fails_no_item(manager, dials):
    urls = fill("unkind:///inbox", PDFS)
    each = manager(urls, results_dir="unkind:///out")
    dials.broken_reads = 2
    assert each.run()["completed_items"] == COUNT
    dials.cut_reads = 2
    assert len(each.results()) == COUNT


def test_results_that_are_not_reached_are_no_missing_ones(manager, dials):
    each = manager(fill("unkind:///inbox", PDFS), results_dir="unkind:///out")
    each.run()
    dials.is_down = True
    with pytest.raises(ResultsError, match="the results of job 1 cannot be read: SdkError"):
        each.results()
    with pytest.raises(ResultsError, match=r"the results in unkind:///out/processed cannot be read: SdkError"):
        load_results_from_disk("unkind:///out")
    dials.is_down = False
    with pytest.raises(InputError, match="there are no results in unkind:///elsewhere/processed"):
        load_results_from_disk("unkind:///elsewhere")


def test_a_storage_that_goes_down_leaves_items_waiting(manager, dials, simulator, monkeypatch):
    names = {f"{number:04d}.txt": b"Invoice number: INV-1\nTotal amount: 5" for number in range(READ_BEFOREHAND + 1)}
    urls = fill("unkind:///inbox", names)
    each = manager(urls, enable_citations=False, items_per_job=200, max_parallel_jobs=1)
    dials.reads_left = 250
    with pytest.raises(StorageError, match=r"unkind:///inbox/02.*SdkError.* not sent wait; run again"):
        each.run()
    stats = each.stats
    assert (stats["completed_items"], stats["failed_items"], stats["pending_items"]) == (200, 0, READ_BEFOREHAND - 199)
    assert not read_state(each.state_path).halted  # so that collect-due goes on when the storage is back
    dials.reads_left = None
    assert each.run()["completed_items"] == READ_BEFOREHAND + 1
    assert simulator.state()["items_billed"] == READ_BEFOREHAND + 1


def test_nothing_is_sent_when_a_file_is_missing_or_results_have_no_place(manager, dials, simulator):
    urls = fill("unkind:///inbox", PDFS)
    with pytest.raises(InputError, match=r"item 20 \(unkind:///inbox/gone.pdf\): there is no such file"):
        manager([*urls, "unkind:///inbox/gone.pdf"]).run()
    many = [f"unkind:///inbox/gone{number}.pdf" for number in range(READ_BEFOREHAND + 1)]
    with pytest.raises(InputError, match=f"{len(many)} of {len(many)} items cannot be sent"):
        manager(many).run()
    dials.writes_left = 0
    with pytest.raises(InputError, match="`results_dir` unkind:///out cannot be written to"):
        manager(urls, results_dir="unkind:///out").run()
    dials.is_down = True
    with pytest.raises(StorageError, match=r"item 0 \(unkind:///inbox/00.pdf\): .*SdkError"):
        manager(urls).run()
    assert simulator.state()["create_calls"] == 0


@pytest.mark.parametrize("state", ["memory://state.jsonl", "s3://bucket/state.jsonl"])
def test_the_ledger_is_no_url(manager, state):
    with pytest.raises(
        InputError, match=r"`state_path` .* is a URL.* a folder that all workers mount; `files` and `results_dir`"
    ):
        manager(["a.pdf"], state_path=state)


def test_a_ledger_and_results_by_file_url(manager, tmp_path):
    (tmp_path / "inbox").mkdir()
    urls = fill(f"file://{tmp_path}/inbox", PDFS)
    each = manager(urls, state_path=f"file://{tmp_path}/ledger.jsonl", results_dir=f"file://{tmp_path}/out")
    assert each.run()["results_dir"] == str(tmp_path / "out")
    assert each.state_path == tmp_path / "ledger.jsonl"
    assert len(list((tmp_path / "out/processed").iterdir())) == 4


@pytest.mark.parametrize("scheme", ["memory", "unkind"])
def test_a_file_that_changed_in_flight_is_noticed(manager, simulator, scheme):
    """`memory://` says when it was written, `unkind://` does not."""
    urls = fill(f"{scheme}:///inbox", PDFS)
    simulator.faults.fail("retrieve", 401)
    with pytest.raises(CredentialsError):
        manager(urls).run()
    fill(f"{scheme}:///inbox", {"03.pdf": invoice_pdf(99)})
    with pytest.raises(LedgerMismatchError, match=r"item 3 \(.*/inbox/03.pdf\) changed after being sent"):
        manager(urls).run()
    fill(f"{scheme}:///inbox", {"03.pdf": PDFS["03.pdf"]})
    assert manager(urls).run()["completed_items"] == COUNT
    assert simulator.state()["items_billed"] == COUNT


def test_a_file_that_changed_when_all_was_done(manager, dials, simulator):
    kind, unkind = (fill(f"{scheme}:///inbox", PDFS) for scheme in ("memory", "unkind"))
    manager(kind).run()
    fill("memory:///inbox", {"03.pdf": invoice_pdf(99)})
    with pytest.raises(LedgerMismatchError, match="item 3"):
        manager(kind).run()
    there = {"state_path": "unkind.jsonl"}
    manager(unkind, **there).run()
    fill("unkind:///inbox", {"03.pdf": invoice_pdf(99)})
    dials.calls.clear()
    assert manager(unkind, **there).run()["completed_items"] == COUNT
    assert dials.calls["read"] == 0
    assert simulator.state()["items_billed"] == 2 * COUNT


def test_whether_files_changed_is_asked_of_a_storage_that_is_down(manager, dials, simulator, caplog):
    """What is in flight is paid for: it is collected without it."""
    urls = fill("unkind:///inbox", PDFS)
    simulator.faults.fail("retrieve", 401)
    with pytest.raises(CredentialsError):
        manager(urls, items_per_job=COUNT).run()
    dials.is_down = True
    with caplog.at_level(logging.WARNING):
        summary = manager(urls, items_per_job=COUNT).run()
    assert summary["completed_items"] == COUNT
    assert "whether files changed since they were sent is not known" in caplog.text


def test_no_file_is_read_that_the_job_has_no_place_for(manager, dials):
    urls = fill("unkind:///inbox", PDFS)
    each = manager(urls)
    assert each.run()["completed_items"] == COUNT
    assert dials.calls["read"] == 2 * COUNT + 1  # to check them, to try a request, and to send them


def test_urls_keep_what_a_upath_knows(manager, simulator):
    from upath import UPath

    urls = [UPath(each) for each in fill("memory:///inbox", PDFS)]
    each = manager(urls, results_dir=UPath("memory://out"))
    assert each.run()["completed_items"] == COUNT
    assert [record.source for record in each.outcomes()] == [str(url) for url in urls]
    assert manager([str(url) for url in urls]).run()["completed_items"] == COUNT
    assert simulator.state()["items_billed"] == COUNT
