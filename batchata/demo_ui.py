"""The demo in the Prefect UI: a server, a worker and the simulator on this machine, and a run that stops to ask."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from batchata.demo import MODEL, PROMPT, demo_files
from batchata.errors import BatchataError
from batchata.scaffold import write_project

LIMIT, ENOUGH = 0.01, 0.05
MAX_TOKENS = 8_000
"""Enough for the longest answer, and half of what is reserved otherwise: the limit covers several items at a time."""

_PATIENCE = 120.0
_SECONDS_PER_BATCH = 4.0


def run_demo_ui(console: Console, wait: Callable[[], Any]) -> None:
    """Brings everything up, starts a run, and keeps it up until `wait` returns. Leaves nothing behind."""
    from batchata.simulator import OnClock, Simulator

    for number in (signal.SIGTERM, signal.SIGHUP):  # whatever ends us ends what we started
        signal.signal(number, _end)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="batchata-", ignore_cleanup_errors=True)))
        simulator = stack.enter_context(Simulator(progress=OnClock(_SECONDS_PER_BATCH)))
        columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
        with Progress(*columns, console=console, transient=True) as progress:
            task, began = progress.add_task(""), time.monotonic()

            def step(what: str) -> None:
                """A line for each, also where no spinner can be shown: each takes seconds, or minutes."""
                console.print(f"[{time.monotonic() - began:3.0f} s] {what}", markup=False, highlight=False)
                progress.update(task, description=what)

            page = stack.enter_context(_running(folder, simulator, step))
        console.print(_told(page), highlight=False)
        wait()


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


@contextmanager
def _running(folder: Path, simulator: str, step: Callable[[str], None]) -> Iterator[str]:
    """The page of a run that has begun."""
    project, port = _project(folder), _free_port()
    url = f"http://127.0.0.1:{port}"
    environment = _environment(folder, url, simulator)
    with ExitStack() as processes:
        step("starting a Prefect server")
        log = folder / "prefect.log"
        processes.enter_context(_process(["server", "start"], environment, project, log))
        _wait_until_healthy(url, log)
        step("making a work pool")
        _prefect("work-pool", "create", "batchata", "--type", "process", environment=environment, project=project)
        step("deploying the flows")
        _prefect("deploy", "--all", "--no-prompt", environment=environment, project=project)
        step("starting a worker")
        processes.enter_context(_process(["worker", "start", "--pool", "batchata"], environment, project, log))
        step("starting a run")
        yield f"{url}/v2/runs/flow-run/{_begun(url)}"


def _project(folder: Path) -> Path:
    project = folder / "project"
    write_project(project)
    (project / "invoices").mkdir()
    for file in demo_files():
        shutil.copy(file, project / "invoices")
    return project


def _environment(folder: Path, url: str, simulator: str) -> dict[str, str]:
    """A home of its own, so that nothing of the user's Prefect is touched."""
    theirs = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return theirs | {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_SERVER_API_PORT": url.rsplit(":", 1)[1],
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "DO_NOT_TRACK": "1",
        "ANTHROPIC_BASE_URL": simulator,
        "ANTHROPIC_API_KEY": "simulated",
    }


@contextmanager
def _process(arguments: list[str], environment: Mapping[str, str], project: Path, log: Path) -> Iterator[None]:
    with log.open("ab") as out:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "prefect", *arguments], env=dict(environment), cwd=project, stdout=out, stderr=out,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    try:
        yield
    finally:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """With all that it started: a worker puts its runs into process groups of their own."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()
    process.kill()
    process.wait()


def _prefect(*arguments: str, environment: Mapping[str, str], project: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "prefect", *arguments],
        env=dict(environment), cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BatchataError(f"`prefect {' '.join(arguments)}` failed:\n{done.stdout}{done.stderr}")


def _wait_until_healthy(url: str, log: Path) -> None:
    import httpx

    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            if httpx.get(f"{url}/api/health", timeout=2).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise BatchataError(f"the Prefect server did not start within {_PATIENCE:.0f} s:\n{log.read_text()[-2000:]}")


def _begun(url: str) -> str:
    """The id of a new run over the invoices whose limit covers a part of them."""
    import httpx

    parameters = {
        "files": ["invoices"],
        "prompt": PROMPT,
        "model": MODEL,
        "response_model": "batchata.demo:Invoice",
        "enable_citations": True,
        "items_per_job": 3,
        "max_cost": LIMIT,
        "max_tokens": MAX_TOKENS,
    }
    with httpx.Client(base_url=f"{url}/api", timeout=30) as api:
        deployment = api.get("/deployments/name/run-batch/run-batch").raise_for_status().json()["id"]
        run = api.post(f"/deployments/{deployment}/create_flow_run", json={"name": "demo", "parameters": parameters})
        return str(run.raise_for_status().json()["id"])


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _told(page: str) -> str:
    return (
        f"A run over 12 invoices, on the simulator: [bold]{page}[/]\n\n"
        "The worker takes it up within half a minute. "
        f"It pauses at its limit of ${LIMIT}. Then open the menu at the top right, choose [bold]Resume[/], "
        f"[bold]continue[/], and type a new limit of [bold]{ENOUGH}[/].\n"
        "Its tables and its bill are under Artifacts. Ctrl-C ends everything and leaves nothing behind."
    )
