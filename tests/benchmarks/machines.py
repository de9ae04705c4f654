"""The wall time of a run by who does the heavy work. Run: python -m tests.benchmarks.machines --items 20000

PDFs of 50 KB under a cost limit, so that each is opened twice: encoded, and its pages bound. The simulator, the
Prefect server and all workers share the cores of this machine; what a second worker brings shows only where there is
a core for it. CPU is that of the workers and of the run, without the simulator's and the server's.

It is measured until all is sent, for what follows is the simulator's work: it reads every page to answer, which takes
it longer than all the rest. `--whole` goes on until the results are in.
"""

import argparse
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from tests.flows.remote_support import events, wait_until
from tests.pdfs import pdf
from tests.servers import running_server

ROOT = Path(__file__).parents[2]
SERVE = "from flows.work_shard import work_shard; work_shard.serve(name='work-shard', limit=8)"
SIZE = 50_000
_NEVER = 1e9
console = Console(width=110)


class Invoice(BaseModel):
    invoice_number: str
    total_amount: float


def documents(folder: Path, count: int) -> list[str]:
    """Three pages of text and a padding that readers pass over; no two are the same."""
    page = "\n".join(
        f"{line:02d} Delivered as agreed, see our letter of the same day; item {line} of 40" for line in range(40)
    )
    base = pdf(f"Example Supplies Ltd\nInvoice number: INV-1\nTotal amount: $10.50\n{page}", page, page)
    files = [folder / f"{number:06d}.pdf" for number in range(count)]
    head, tail = base.rsplit(b"startxref", 1)
    padding = b"%" + b"x" * (SIZE - len(base))

    def write(number: int) -> None:
        files[number].write_bytes(head + padding + b"%08d\nstartxref" % number + tail)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(count)))
    return [str(file) for file in files]


@contextmanager
def simulator(seconds: float):
    code = (
        "import signal, sys; from batchata.simulator import OnClock, Simulator\n"
        f"with Simulator(progress=OnClock({seconds})) as url: print(url, flush=True); signal.pause()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


@contextmanager
def serving(environment: dict[str, str]):
    """Somebody who starts the shards."""
    more = {"PREFECT_RUNNER_POLL_FREQUENCY": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE], cwd=ROOT, env=environment | more, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def dask(workers: int):
    from prefect_dask import DaskTaskRunner

    kwargs = {"n_workers": workers, "threads_per_worker": 2, "dashboard_address": None, "silence_logs": "ERROR"}
    return DaskTaskRunner(cluster_kwargs=kwargs)


CONTESTANTS = {
    "1 process, threads": lambda: {"orchestrator": "local"},
    "1 process, Prefect": lambda: {"orchestrator": "prefect"},
    "Dask, 1 worker": lambda: {"task_runner": dask(1)},
    "Dask, 2 workers": lambda: {"task_runner": dask(2)},
    "1 shard": lambda: {"shards": 1},
    "2 shards": lambda: {"shards": 2},
}


def raced(name: str, files: list[str], url: str, folder: Path, per_job: int, *, whole: bool) -> dict[str, float]:
    from batchata import BatchManager

    os.environ["ANTHROPIC_BASE_URL"] = url
    manager = BatchManager(
        files=files, prompt="Extract the invoice.", model="claude-haiku-5-5", response_model=Invoice, cache=False,
        items_per_job=per_job, max_parallel_jobs=8 if whole else 10_000, max_cost=1e6, max_tokens=500,
        state_path=folder / f"{name}.jsonl", **CONTESTANTS[name](),
    )  # fmt: skip
    clock = CpuClock()
    began = time.time()
    with clock:
        summary = manager.run(wait=whole)
    if summary["completed_items" if whole else "in_flight_items"] != len(files):
        raise SystemExit(f"{name}: {summary['outcomes']}")
    first = next(each["at"] for each in events(manager, "intent"))
    start = _seconds(first) - began
    wall = time.time() - began
    return {"wall": wall, "start": start, "rate": len(files) / (wall - start), "cpu": clock.seconds}


def _seconds(stamp: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(stamp).timestamp()


class CpuClock:
    """CPU seconds of this process, and of all that it started while the clock ran, as they were last seen."""

    def __enter__(self):
        self._before = self._seen()
        self._last = dict(self._before)
        self._sampler = ThreadPoolExecutor(1)
        self._runs = True
        self._sampler.submit(self._sample)
        return self

    def __exit__(self, *_):
        self._runs = False
        self._sampler.shutdown()
        self._last |= self._seen()
        self.seconds = sum(self._last.values()) - sum(self._before.values())

    def _sample(self):
        while self._runs:
            self._last |= self._seen()
            time.sleep(0.5)

    def _seen(self):
        found = {}
        for each in (psutil.Process(), *psutil.Process().children(recursive=True)):
            try:
                command = " ".join(each.cmdline())
                times = each.cpu_times()
            except psutil.Error:
                continue
            if "server start" not in command and "batchata.simulator" not in command:
                found[each.pid] = times.user + times.system
        return found


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--items", type=int, default=20_000)
    arguments.add_argument("--per-job", type=int, default=1_000)
    arguments.add_argument("--whole", action="store_true", help="until the results are in; default: until all is sent")
    arguments.add_argument("--only", nargs="*", default=list(CONTESTANTS), choices=list(CONTESTANTS))
    given = arguments.parse_args()
    from batchata.orchestration import sharding

    logging.getLogger("distributed").setLevel(logging.ERROR)
    sharding.WAIT_SECONDS = 90.0  # what they do is measured, not how fast a work pool starts them
    os.environ |= {"ANTHROPIC_API_KEY": "none", "PREFECT_LOGGING_LEVEL": "ERROR", "DO_NOT_TRACK": "1"}
    with tempfile.TemporaryDirectory() as name, running_server() as server, server.in_process():
        folder = Path(name)
        (folder / "in").mkdir()
        files = documents(folder / "in", given.items)
        environment = server.environment | {"ANTHROPIC_API_KEY": "none"}
        with serving(environment):
            wait_until(_is_deployed)
            found = {}
            for each in given.only:
                with simulator(0 if given.whole else _NEVER) as url:
                    found[each] = raced(each, files, url, folder, given.per_job, whole=given.whole)
                figures = ", ".join(f"{name} {value:.1f}" for name, value in found[each].items())
                console.print(f"{each}: {figures}")
    show(found, given)


def _is_deployed():
    from tests.flows.test_shards import is_deployed

    return is_deployed()


def show(found: dict[str, dict[str, float]], given: argparse.Namespace) -> None:
    table = Table(
        title=f"{given.items:,} PDFs of 50 KB, {given.per_job:,} per job, "
        f"until {'the results are in' if given.whole else 'all is sent'}, {os.cpu_count()} cores"
    )
    for name in (
        "",
        "wall s",
        "of the first",
        "until the first job s",
        "items per second then",
        "of the first",
        "CPU s",
    ):
        table.add_column(name, justify="right")
    first = next(iter(found.values()))
    for name, own in found.items():
        walls = f"{own['wall']:.1f}", f"{own['wall'] / first['wall']:.2f}"
        rates = f"{own['rate']:.0f}", f"{own['rate'] / first['rate']:.2f}"
        table.add_row(name, *walls, f"{own['start']:.1f}", *rates, f"{own['cpu']:.1f}")
    console.print(table)


if __name__ == "__main__":
    main()
