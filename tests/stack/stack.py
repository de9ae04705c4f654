"""All of it, started at the same time where one does not need the other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from tests.servers import PrefectServer, running_server
from tests.soak.books import Books
from tests.stack.api import Api
from tests.stack.postgres import running_postgres
from tests.stack.project import clone, deploy_all, work_pools
from tests.stack.tied import MARK, is_running, kill_tree, swept, tied

POLL_SECONDS = "1"
DATABASE = "PREFECT_SERVER_DATABASE_CONNECTION_URL"


@dataclass(frozen=True)
class Worker:
    name: str
    pid: int
    log: Path

    def is_at_work(self) -> bool:
        """Whether it carries out a flow run."""
        return is_running(self.pid, "prefect.engine")

    def kill(self) -> int:
        """kill -9 of the worker and of the flow runs in it. How many processes there were."""
        return kill_tree(self.pid)


@dataclass(frozen=True)
class Stack:
    folder: Path
    """Temporary; all processes reach it."""
    project: Path
    server: PrefectServer
    api: Api
    books: Books
    environment: dict[str, str] = field(repr=False)
    """Of workers and of the commands that a person types."""
    seconds: dict[str, float] = field(default_factory=dict)
    """How long what took."""

    @contextmanager
    def worker(self, name: str) -> Iterator[Worker]:
        log = self.folder / f"{name}.log"
        [pool] = work_pools(self.project)
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--name", name]
        with tied(command, self.environment, log, folder=self.project) as process:
            yield Worker(name, process.pid, log)

    def ui(self, path: str) -> str:
        """The address of a page of the UI, as in `runs/flow-run/<id>`."""
        return self.server.api_url.removesuffix("/api") + f"/v2/{path}"

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[what] = round(time.monotonic() - started, 1)


@contextmanager
def running_stack(*, seconds_per_batch: float = 0) -> Iterator[Stack]:
    """Everything but workers, and all of prefect.yaml deployed from a fresh clone, its schedules switched off."""
    mark, started = uuid4().hex, time.monotonic()
    with swept(mark), ExitStack() as resources, ThreadPoolExecutor() as pool:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="stack-", ignore_cleanup_errors=True)))
        project = pool.submit(clone, folder / "project")
        simulator = pool.submit(resources.enter_context, _running_simulator(folder, seconds_per_batch, mark))
        template = pool.submit(_job_template, folder)
        server = resources.enter_context(_running_server(mark))
        api = resources.enter_context(closing(Api(server.api_url)))
        environment = _environment(server, simulator.result(), project.result())
        stack = Stack(folder, project.result(), server, api, Books(simulator.result()), environment)
        stack.seconds["servers"] = round(time.monotonic() - started, 1)
        with stack.timed("deploy"):
            _create_pools(stack, template.result())
            deploy_all(stack.project, environment)
            api.pause_schedules()
        yield stack


@contextmanager
def _running_server(mark: str) -> Iterator[PrefectServer]:
    with running_postgres() as database:
        settings = {DATABASE: database, MARK: mark, "PREFECT_LOGGING_LEVEL": "INFO"}
        with running_server(settings=settings) as server:
            yield server


@contextmanager
def _running_simulator(folder: Path, seconds: float, mark: str) -> Iterator[str]:
    log = folder / "simulator.log"
    command = [sys.executable, "-m", "batchata.cli", "simulate", "--port", "0", "--seconds", str(seconds)]
    with tied(command, {**os.environ, MARK: mark}, log) as process:
        until = time.monotonic() + 60
        while (found := re.search(r"ANTHROPIC_BASE_URL=(\S+)", log.read_text())) is None:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the simulator did not start:\n{log.read_text()}")
            time.sleep(0.1)
        yield found[1]


def _environment(server: PrefectServer, simulator_url: str, project: Path) -> dict[str, str]:
    return server.environment | {
        "ANTHROPIC_BASE_URL": simulator_url,
        "ANTHROPIC_API_KEY": "simulated",
        "PREFECT_WORKER_QUERY_SECONDS": POLL_SECONDS,
        "PYTHONPATH": str(project),
    }


def _job_template(home: Path) -> dict[str, object]:
    """Of a process of its own, for tests that have not imported Prefect yet choose its home themselves."""
    code = (
        "import json, prefect.workers.process as p; print(json.dumps(p.ProcessWorker.get_default_base_job_template()))"
    )
    environment = {**os.environ, "PREFECT_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _create_pools(stack: Stack, template: dict[str, object]) -> None:
    """What `prefect work-pool create NAME --type process` does, without the seconds that a command takes to start."""
    for name in work_pools(stack.project):
        stack.api.post("/work_pools/", {"name": name, "type": "process", "base_job_template": template})
