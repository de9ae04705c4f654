"""As a team runs it: PostgreSQL, a Prefect server, all deployments, two workers, and a person at a browser."""

import json
import time
from itertools import count

import pytest

from batchata.core.money import rounded_usd
from tests.browser.browser import running_browser
from tests.stack.invoices import DEPLOYMENT, ITEMS, LIMIT, Invoices
from tests.stack.needs import need_browser, need_postgres
from tests.stack.stack import running_stack

numbers = count()


@pytest.fixture(scope="module")
def browser():
    with running_browser(need_browser()) as browser:
        yield browser


@pytest.fixture(scope="module")
def stack():
    need_postgres()
    with running_stack() as stack:
        yield stack
    print("seconds:", stack.seconds)


@pytest.fixture(scope="module")
def workers(stack):
    """Two of them. The last test kills one."""
    with stack.worker("first") as first, stack.worker("second") as second:
        yield [first, second]


@pytest.fixture
def invoices(stack, request):
    return Invoices(stack, stack.folder / request.node.name, next(numbers))


def told_at_the_end(invoices, limit):
    return f"{ITEMS} of {ITEMS} items succeeded; {rounded_usd(invoices.bill())} of ${limit:.2f} spent"


def summary_of(invoices):
    return json.loads((invoices.ledger.parent / "summary.json").read_text())


def test_a_person_raises_the_limit_in_the_browser(browser, stack, workers, invoices):
    with stack.timed("until it pauses"):
        run_id = invoices.start()
        stack.api.wait_for(run_id, "PAUSED")
    half = invoices.billed()
    assert ITEMS // 3 <= half <= 2 * ITEMS // 3
    assert float(invoices.bill()) <= LIMIT
    with stack.timed("the form"):
        form = raise_limit(browser, stack.ui(f"runs/flow-run/{run_id}"), 0.05)
    for part in ("$0.006", f"{ITEMS - half} items wait", "Decision", "New limit in US dollars"):
        assert part in form
    with stack.timed("until it is finished"):
        stack.api.wait_for(run_id, "COMPLETED")
    assert invoices.billed() == ITEMS
    assert stack.books.billed_twice() == {}
    assert summary_of(invoices)["total_cost"] == pytest.approx(float(invoices.bill()), abs=1e-12)
    told = told_at_the_end(invoices, 0.05)
    assert stack.api.run(run_id)["state"]["message"] == told
    with stack.timed("the artifacts in the browser"):
        summary = read_artifact(browser, stack, run_id, "summary", until="The run is finished")
        newest = [each["batch_id"] for each in invoices.events("submitted")][-5:]
        jobs = read_artifact(browser, stack, run_id, "jobs", until=newest[-1])
    for part in (f"{rounded_usd(invoices.bill())} of $0.05 spent", f"succeeded {ITEMS} ", f"all {ITEMS} "):
        assert part in summary
    assert all(batch_id in jobs for batch_id in newest)


def read_artifact(browser, stack, run_id, what, until):
    """What the page of the artifact says whose key ends so, each run of white space a blank."""
    [found] = [each for each in stack.api.artifacts(run_id) if each["key"].endswith(f"-{what}")]
    page = stack.ui(f"artifacts/artifact/{found['id']}")
    return " ".join(browser.take({"do": "open", "url": page, "until": until}, {"do": "read"})[1].split())


def raise_limit(browser, run_page, limit):
    """What the form says. It is sent empty first, which must not go on."""
    _, _, form, _, refused, *_ = browser.take(
        {"do": "open", "url": run_page, "until": "Suspended"},
        {"do": "menu", "item": "Resume"},
        {"do": "read", "until": "New limit in US dollars"},
        {"do": "press", "name": "Resume", "until": "'decision' is a required property"},
        {"do": "read"},
        {"do": "fill", "fields": {"Decision": "continue", "New limit in US dollars": limit}},
        {"do": "press", "name": "Resume"},
        {"do": "gone", "role": "dialog"},
    )
    assert "New limit in US dollars" in refused
    return form


def test_the_run_form_starts_a_run(stack, browser, workers, invoices):
    """What a person fills in under Deployments, Run, Custom run."""
    page = stack.ui(f"deployments/deployment/{stack.api.deployment(DEPLOYMENT)['id']}/run")
    fields = {**invoices.parameters(0.5), "items_per_job": 30}
    with stack.timed("the run form"):
        browser.take(
            {"do": "open", "url": page, "until": "on_cancel"},
            {"do": "fill", "fields": fields},
            {"do": "press", "name": "Submit", "until": "scheduled to start now"},
        )
    run_id = stack.api.newest_run()
    stack.api.wait_for(run_id, "COMPLETED")
    assert stack.api.run(run_id)["name"].endswith(f"· {ITEMS} items"), "the form had made up another name"
    assert len(invoices.events("submitted")) == 2
    assert invoices.billed() == ITEMS


def test_another_worker_finishes_what_a_killed_one_began(stack, workers, invoices):
    stack.books.order(delay=[{"endpoint": "retrieve", "seconds": 2, "times": None}])
    dead = invoices.start(1)
    with stack.timed("until it is killed"):
        wait_until(lambda: 2 <= len(invoices.events("settled")) < len(invoices.events("submitted")))
    [victim] = [each for each in workers if each.is_at_work()]
    killed = victim.kill()
    assert killed >= 4, "two shells, the worker and its flow run"
    assert 2 <= len(invoices.events("settled")) < len(invoices.events("submitted")) < ITEMS // 5
    stack.books.order(clear=True)
    assert stack.api.run(dead)["state_type"] == "RUNNING", "nobody has told the server"
    with stack.timed("until the heir has finished"):
        run_id = invoices.start(1)
        stack.api.wait_for(run_id, "COMPLETED")
    assert invoices.billed() == ITEMS
    assert stack.books.billed_twice() == {}
    assert stack.api.run(run_id)["state"]["message"] == told_at_the_end(invoices, 1)


def wait_until(holds, within=180):
    until = time.monotonic() + within
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)
