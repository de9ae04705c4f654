"""Know the price before a cent is spent, and compare models. Run `python -m examples.estimate_first`."""

import tempfile
from pathlib import Path

from batchata import BatchManager
from examples.place import INVOICES, MODEL, api_or_simulator


def main(folder: Path) -> None:
    manager = BatchManager(
        files=INVOICES,
        prompt="Who wrote this invoice, and how much is due?",
        model=MODEL,
        max_tokens=1_000,
        state_path=folder / "invoices.jsonl",
        cache=False,
    )
    print(manager.estimate())
    for model, each in manager.estimate(models=[MODEL, "claude-sonnet-5-5"]).items():
        print(f"{model}: about ${each.cost.value:.4f}, at most ${each.bound:.4f}")
    print(f"it was ${manager.run()['total_cost']:.4f}")


if __name__ == "__main__":
    with api_or_simulator(), tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
