"""See each field beside the page it was taken from. Run `python -m examples.review_in_a_browser report.html`."""

import sys
import tempfile
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel

from batchata import BatchManager
from examples.place import INVOICES, MODEL, api_or_simulator


class Invoice(BaseModel):
    company_name: str
    invoice_number: str
    total_amount: Decimal


def main(folder: Path, report: str) -> None:
    manager = BatchManager(
        files=INVOICES,
        prompt="Extract the invoice. Amounts are plain numbers.",
        model=MODEL,
        response_model=Invoice,
        enable_citations=True,
        state_path=folder / "invoices.jsonl",
        cache=False,
    )
    manager.run()
    print(manager.export(report))


if __name__ == "__main__":
    with api_or_simulator(), tempfile.TemporaryDirectory() as folder:
        main(Path(folder), sys.argv[1] if len(sys.argv) > 1 else "report.html")
