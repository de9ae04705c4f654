"""Kill a run with batches in flight and start it again: nothing is paid twice. Run `python -m examples.paid_once`."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from batchata import BatchManager
from examples.place import MODEL, api_or_simulator

IN_FLIGHT = 2
ROOT = Path(__file__).parents[1]


def manager_in(folder: Path) -> BatchManager[str]:
    return BatchManager(
        messages=[[{"role": "user", "content": f"Name a town with {number} letters."}] for number in range(4, 16)],
        model=MODEL,
        max_tokens=200,
        items_per_job=3,
        max_parallel_jobs=IN_FLIGHT,
        state_path=folder / "towns.jsonl",
        cache=False,
    )


def killed_in(folder: Path) -> None:
    """Starts the same run in a process of its own and kills it without warning when batches are in flight."""
    process = subprocess.Popen([sys.executable, "-m", "examples.paid_once", str(folder)], cwd=ROOT)  # noqa: S603
    ledger = folder / "towns.jsonl"
    while process.poll() is None and not (ledger.exists() and ledger.read_bytes().count(b'"submitted"') == IN_FLIGHT):
        time.sleep(0.02)
    process.kill()
    process.wait()


def main(folder: Path) -> None:
    killed_in(folder)
    before = manager_in(folder).stats
    print(f"killed, with {before['in_flight_items']} items in flight and {before['completed_items']} done")
    summary = manager_in(folder).run()
    batches = summary["batch_ids"]
    print(
        f"gone on with: {summary['completed_items']} of {summary['total_items']} items for {summary['total_cost']} USD"
    )
    print(f"{len(batches)} batches, {len(set(batches))} of them different: {', '.join(batches)}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        manager_in(Path(sys.argv[1])).run()
    else:
        with api_or_simulator(), tempfile.TemporaryDirectory() as folder:
            main(Path(folder))
