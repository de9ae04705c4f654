"""Add the bill up again, from the API's own lines. Run `python -m examples.the_bill`."""

import json
import tempfile
from decimal import Decimal
from pathlib import Path

from batchata import BatchManager, price
from examples.place import INVOICES, MODEL, api_or_simulator


def main(folder: Path) -> None:
    manager = BatchManager(
        files=INVOICES[:6],
        prompt="Summarize this invoice in one sentence.",
        model=MODEL,
        items_per_job=2,
        state_path=folder / "invoices.jsonl",
        results_dir=folder / "results",
        cache=False,
    )
    shown = manager.run()["total_cost"]
    again = Decimal(0)
    for path in (folder / "results" / "raw").glob("*.jsonl"):
        for line in path.read_bytes().splitlines():
            result = json.loads(line)["result"]
            if result["type"] == "succeeded":
                again += price(result["message"]["usage"], result["message"]["model"]).total
    print(f"shown: {shown} USD; from the usage of the raw lines: {again} USD; equal: {Decimal(str(shown)) == again}")


if __name__ == "__main__":
    with api_or_simulator(), tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
