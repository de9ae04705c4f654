"""A limit that covers a part of the work, and then a higher one. Run `python -m examples.limit_holds`."""

import tempfile
from pathlib import Path

from batchata import BatchManager
from examples.place import INVOICES, MODEL, api_or_simulator


def run_with(limit: float, folder: Path) -> None:
    manager = BatchManager(
        files=INVOICES,
        prompt="Who wrote this invoice, and how much is due?",
        model=MODEL,
        max_tokens=300,
        max_cost=limit,
        state_path=folder / "invoices.jsonl",
        cache=False,
    )
    summary = manager.run()
    print(f"limit ${limit}: {summary['completed_items']} of {summary['total_items']} done for ${summary['total_cost']}")
    print(f"    limit reached: {summary['cost_limit_reached']}. {summary['stopped']}\n")


def main(folder: Path) -> None:
    run_with(0.0015, folder)
    run_with(0.5, folder)


if __name__ == "__main__":
    with api_or_simulator(), tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
