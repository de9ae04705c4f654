"""Whatever goes wrong, each item ends in one named outcome. Run `python -m examples.nothing_lost`."""

import tempfile
from collections import Counter
from pathlib import Path

from batchata import BatchManager
from batchata.simulator import Faults
from examples.place import MODEL, api_or_simulator

FAULTS = (
    Faults().outcome("refused", indices=[2]).outcome("expired", indices=[5], times=1).fail("retrieve", 529, times=2)
)


def main(folder: Path) -> None:
    manager = BatchManager(
        messages=[[{"role": "user", "content": f"What is {number} times {number}?"}] for number in range(12)],
        model=MODEL,
        max_tokens=2_000,
        items_per_job=4,
        state_path=folder / "squares.jsonl",
        cache=False,
    )
    manager.run()
    for record in manager.failures():
        print(f"item {record.index} ended as {record.outcome}: {record.reason}")
    outcomes = Counter(record.outcome for record in manager.outcomes())
    print(f"{len(manager)} items in, {outcomes.total()} outcomes out: {dict(outcomes)}")


if __name__ == "__main__":
    with api_or_simulator(FAULTS), tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
