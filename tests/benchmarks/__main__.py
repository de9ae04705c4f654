"""Speed and memory side by side with a floor and with a plain loop over the SDK. Run: python -m tests.benchmarks

Each contestant runs in a process of its own against the same simulator, which runs in another one; the
figures are the medians of the rounds. CPU is that of the contestant alone, without the simulator's.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table

from tests.servers import running_server

ENVIRONMENT = {**os.environ, "ANTHROPIC_API_KEY": "none", "PYTHONHASHSEED": "0"}
console = Console(width=100)


@contextmanager
def simulator():
    command = [sys.executable, "-m", "batchata.cli", "simulate", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT)
    try:
        line = process.stdout.readline()
        yield re.search(r"http://\S+", line)[0]
    finally:
        process.terminate()
        process.wait()


def run(contestant: str, url: str, count: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.contestants", contestant, url, str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=ENVIRONMENT)
    return json.loads(done.stdout)


def medians(contestant: str, count: int, rounds: int) -> dict[str, float]:
    found = []
    for _ in range(rounds):
        with simulator() as url:  # a fresh one each time, so that nobody meets a warm or a full one
            found.append(run(contestant, url, count))
    return {name: statistics.median(each[name] for each in found) for name in found[0]}


def pipeline(count: int, rounds: int) -> None:
    names = ("floor", "batchata", "sdk")
    figures = {name: medians(name, count, rounds) for name in names}
    table = Table(title=f"build + submit + stream + parse, {count:,} small structured items, median of {rounds}")
    for name in ("", "wall s", "of floor", "CPU s", "of floor", "peak MB"):
        table.add_column(name, justify="right")
    floor = figures["floor"]
    for name in names:
        own = figures[name]
        ratios = [f"{own[key] / floor[key]:.2f}" for key in ("wall", "cpu")]
        table.add_row(name, f"{own['wall']:.2f}", ratios[0], f"{own['cpu']:.2f}", ratios[1], f"{own['peak_mb']:.0f}")
    console.print(table)


def memory(counts: list[int]) -> None:
    table = Table(title="peak memory of stream_results + parse, results thrown away")
    for name in ("results", "peak MB", "above the first"):
        table.add_column(name, justify="right")
    first = None
    for count in counts:
        with simulator() as url:
            batch_id = run("submit", url, count)["batch_id"]
            peak = run(f"stream:{batch_id}", url, count)["peak_mb"]
        first = first or peak
        table.add_row(f"{count:,}", f"{peak:.1f}", f"{peak - first:+.1f}")
    console.print(table)


def whole_runs(count: int, rounds: int) -> None:
    table = Table(title=f"BatchManager, {count:,} small structured items from run() to results(), median of {rounds}")
    for name in ("", "wall s", "of the SDK loop", "CPU s", "peak MB", "last fifth of second"):
        table.add_column(name, justify="right")
    loop = medians("sdk", count, rounds)
    rows = {"SDK loop, one batch": loop, "1,000 per job": medians("manager:1000:local", count, rounds)}
    rows["10 per job"] = medians("manager:10:local", count, rounds)
    with running_server() as server:
        ENVIRONMENT.update({name: value for name, value in server.environment.items() if name.startswith("PREFECT_")})
        with simulator() as url:
            run("manager:10:prefect", url, 100)  # the server's own first flow run takes seconds
        rows["1,000 per job, Prefect"] = medians("manager:1000:prefect", count, rounds)
    for name, own in rows.items():
        growth = f"{own['growth']:.2f}" if "growth" in own else ""
        ratio = f"{own['wall'] / loop['wall']:.2f}"
        table.add_row(name, f"{own['wall']:.2f}", ratio, f"{own['cpu']:.2f}", f"{own['peak_mb']:.0f}", growth)
    console.print(table)


def large_run(count: int) -> None:
    with simulator() as url:
        own = run("manager:1000:local", url, count)
    console.print(
        f"BatchManager, {count:,} items at 1,000 per job: {own['wall']:.1f} s, peak {own['peak_mb']:.0f} MB, "
        f"the last fifth of the jobs took {own['growth']:.2f} times as long as the second"
    )


def one_invoice() -> None:
    table = Table(title="parse + map_citations of one cited invoice, microseconds")
    for name in ("shape of the answer", "median", "slowest of 40"):
        table.add_column(name, justify="right")
    done = run("invoices", "-", 20)
    for shape, times in done.items():
        table.add_row(shape, f"{statistics.median(times):.0f}", f"{max(times):.0f}")
    console.print(table)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--items", type=int, default=50_000)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    pipeline(given.items, given.rounds)
    whole_runs(10_000, given.rounds)
    large_run(100_000)
    one_invoice()
    memory([1_000, 10_000, 100_000])


if __name__ == "__main__":
    main()
