"""Many files through many batches, with a limit and a ledger. Run `python -m examples.batch_manager_example`."""

import tempfile
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel

from batchata import BatchManager, load_results_from_disk
from examples.place import INVOICES, MODEL, api_or_simulator


class Invoice(BaseModel):
    company_name: str
    invoice_number: str
    total_amount: Decimal


def main(folder: Path) -> None:
    manager = BatchManager(
        files=INVOICES,
        prompt="Extract the invoice. Amounts are plain numbers.",
        model=MODEL,
        response_model=Invoice,
        enable_citations=True,
        items_per_job=4,
        max_parallel_jobs=3,
        max_cost=1.0,
        max_tokens=4_000,
        state_path=folder / "invoices.jsonl",
        results_dir=folder / "results",
    )
    summary = manager.run(print_progress=True)
    if summary["failed_items"]:
        summary = manager.retry_failed()
    stats = manager.stats
    print(f"{stats['completed_items']} of {stats['total_items']} invoices for ${stats['total_cost']:.4f}")
    for entry in load_results_from_disk(folder / "results", Invoice):
        print("   ", entry["result"])


if __name__ == "__main__":
    with api_or_simulator(), tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
