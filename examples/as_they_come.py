"""Many small batches, and each result as soon as it is there. Run `python -m examples.as_they_come`."""

import tempfile
from pathlib import Path

from batchata import BatchManager
from examples.place import MODEL, api_or_simulator


def main(folder: Path) -> None:
    manager = BatchManager(
        messages=[[{"role": "user", "content": f"What is {n} times {n}? Only the number."}] for n in range(40)],
        model=MODEL,
        max_tokens=1_000,
        quick=True,
        state_path=folder / "squares.jsonl",
        cache=False,
    )
    for place, record in enumerate(manager.stream()):
        if place % 10 == 0:
            print(
                f"{place} before it: item {record.index} {record.outcome}, {manager.stats['in_flight_items']} in flight"
            )
    print(f"all {manager.stats['completed_items']} are there, in {manager.stats['jobs_completed']} batches")


if __name__ == "__main__":
    with api_or_simulator(), tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
