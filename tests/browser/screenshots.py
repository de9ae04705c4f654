"""`python -m tests.browser.screenshots FOLDER`: the Prefect UI as the README shows it, over the whole stack."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.browser.browser import Browser, find_tools, running_browser
from tests.stack.invoices import DEPLOYMENT, LIMIT, Invoices
from tests.stack.stack import Stack, running_stack

NEW_LIMIT = 0.05
UNDER_WAY_SECONDS = 8

Shot = Callable[..., dict[str, Any]]


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)

    def shot(name: str, *, drawn: bool = False) -> dict[str, Any]:
        return {"do": "shot", "path": str(folder / f"{name}.png"), "drawn": drawn}

    with running_browser(find_tools()) as browser, running_stack() as stack, stack.worker("worker"):
        stack.books.order(delay=[{"endpoint": "retrieve", "seconds": 1, "times": None}])
        stack.api.wait_for_worker()
        run_id = start(browser, stack, shot)
        page = stack.ui(f"runs/flow-run/{run_id}")
        under_way(browser, stack, shot, run_id)
        stack.api.wait_for(run_id, "PAUSED")
        stack.books.order(clear=True)
        approve(browser, page, shot)
        stack.api.wait_for(run_id, "COMPLETED")
        browser.take({"do": "open", "url": page, "until": "Completed"}, shot("run-finished", drawn=True))
        browser.take({"do": "tab", "name": "Artifacts"}, shot("artifacts"))
        show_artifacts(browser, stack, shot, run_id)


def start(browser: Browser, stack: Stack, shot: Shot) -> str:
    """The id of the run that was started with the form."""
    invoices = Invoices(stack, stack.project / "invoices", 0)
    given = invoices.parameters(LIMIT)
    del given["state_dir"]
    given |= {"files": ["invoices/*.pdf"], "response_model": "invoices/models.py:Invoice"}
    page = stack.ui(f"deployments/deployment/{stack.api.deployment(DEPLOYMENT)['id']}/run")
    browser.take(
        {"do": "open", "url": page, "until": "on_cancel"},
        {"do": "fill", "fields": given},
        {"do": "see", "text": "Run Name"},
        shot("run-form"),
        {"do": "press", "name": "Submit", "until": "scheduled to start now"},
    )
    return stack.api.newest_run()


def under_way(browser: Browser, stack: Stack, shot: Shot, run_id: str) -> None:
    stack.api.wait_for(run_id, "RUNNING")
    time.sleep(UNDER_WAY_SECONDS)
    browser.take(
        {"do": "open", "url": stack.ui(f"runs/flow-run/{run_id}"), "until": "Task Runs"},
        shot("run", drawn=True),
    )


def approve(browser: Browser, page: str, shot: Shot) -> None:
    browser.take(
        {"do": "open", "url": page, "until": "Suspended"},
        {"do": "menu", "item": "Resume"},
        {"do": "read", "until": "items wait"},
        {"do": "fill", "fields": {"Decision": "continue", "New limit in US dollars": NEW_LIMIT}},
        shot("pause-form"),
        {"do": "press", "name": "Resume"},
        {"do": "gone", "role": "dialog"},
    )


def show_artifacts(browser: Browser, stack: Stack, shot: Shot, run_id: str) -> None:
    """One picture each, called after the last word of its key: summary, jobs."""
    for each in stack.api.artifacts(run_id):
        kind = each["key"].rpartition("-")[2]
        page = stack.ui(f"artifacts/artifact/{each['id']}")
        browser.take({"do": "open", "url": page, "until": "Show Raw Data"}, shot(f"artifact-{kind}"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
