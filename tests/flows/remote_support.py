"""Runs whose work is done by other processes: what they are about, and what must be true of them in the end."""

import json
import os
import threading
import time
from contextlib import contextmanager
from contextvars import copy_context
from uuid import UUID

from pydantic import BaseModel

from batchata import BatchManager
from tests.pdfs import pdf
from tests.soak.books import Books

MODEL = "claude-haiku-5-5"


class Invoice(BaseModel):
    invoice_number: str
    total_amount: float


def invoices(folder, count):
    """Paths of PDFs of which no two are the same."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        pages = f"Example Supplies Ltd\nInvoice number: INV-{number:04d}", f"Total amount: ${number}.50"
        (folder / f"{number:03d}.pdf").write_bytes(pdf(*pages))
    return [str(folder / f"{number:03d}.pdf") for number in range(count)]


@contextmanager
def key_of(url):
    """The environment that workers inherit."""
    before = dict(os.environ)
    os.environ.update(ANTHROPIC_API_KEY="only-in-the-environment", ANTHROPIC_BASE_URL=url)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def forked():
    """Processes of a Dask cluster begin as copies of one that has imported what they need, which takes seconds."""
    from dask import config
    from distributed.utils import get_mp_context

    with config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        needed = ["distributed", "anthropic", "prefect_dask", "batchata.orchestration.hands"]
        get_mp_context().set_forkserver_preload(needed)
        yield


@contextmanager
def meanwhile(act):
    """Does it in a thread; what goes wrong there fails the test."""
    failures = []

    def guarded():
        try:
            act()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=copy_context().run, args=(guarded,))  # Prefect's settings are in the context
    thread.start()
    yield
    thread.join()
    if failures:
        raise failures[0]


def wait_until(is_time, seconds=300):
    until = time.monotonic() + seconds
    while not (found := is_time()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return found


def sender_of(manager, nth=1):
    """The other process that took the right to send the nth of the jobs that others send."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        wait_until(lambda: manager.state_path.exists() and len(events(manager, "intent")) >= nth)
        place, job = (events(manager, "intent")[nth - 1][name] for name in ("claims", "job"))
        return wait_until(lambda: claimants(client, UUID(place)).get(job))


def claimants(client, place):
    """The other processes that took a right to send, by the job."""
    claims = client.filter_flow_run_input(place, "claim-", 100, set())
    pids = {int(each.key.rsplit("-", 1)[1]): int(json.loads(each.value).split()[1]) for each in claims}
    return {job: pid for job, pid in pids.items() if pid != os.getpid()}


def manager_of(folder, files, **options):
    usual = {
        "model": MODEL, "response_model": Invoice, "prompt": "Extract the invoice.", "items_per_job": 5,
        "max_parallel_jobs": 3, "max_tokens": 500, "cache": False, "lost_after": 1.0,
        "state_path": folder / "ledger.jsonl", "results_dir": folder / "results",
    }  # fmt: skip
    folder.mkdir(exist_ok=True)
    return BatchManager(files=files, **(usual | options))


def told(manager):
    """All that a user sees of the items."""
    return [(each.index, each.source, each.outcome, each.result, each.cost) for each in manager.outcomes()]


def events(manager, name=None):
    lines = [json.loads(line) for line in manager.state_path.read_bytes().splitlines()]
    return [each for each in lines if name in (None, each["event"])]


def same_story(manager):
    """The ledger without what differs from run to run, and without jobs that were not sent after all."""
    unsent = {each["job"] for each in events(manager, "unsent")}
    kept = (each for each in events(manager) if each["event"] in {"items", "intent", "settled"})
    return sorted(map(str, map(_told_of, (each for each in kept if each.get("job") not in unsent))))


def _told_of(event):
    items = event.get("items") or []
    if event["event"] == "intent":
        items = [(index, most, print_) for index, _attempt, most, print_ in items]
    return event["event"], items, event.get("bound"), event.get("cost")


def check_books(url, manager, total):
    """Nothing lost, nothing paid twice, and the cost is the bill."""
    books = Books(url)
    bill = books.bill(books.close())  # from here on everything that was created is in the books
    outcomes = told(manager)
    assert [each[0] for each in outcomes] == list(range(total))
    assert {each[2] for each in outcomes} == {"succeeded"}
    assert [each[3].invoice_number for each in outcomes] == [f"INV-{number:04d}" for number in range(total)]
    assert books.billed_twice() == {}
    assert books.state()["items_billed"] == total
    assert float(bill) == manager.stats["total_cost"]
