"""Sixty invoices to be read by the deployed flow, and what the books say about them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.pdfs import invoice_pdf
from tests.stack.stack import Stack

ITEMS = 60
LIMIT = 0.006
"""US dollars that cover about half of them."""
DEPLOYMENT = "run-batch/run-batch"
MODELS = """
from pydantic import BaseModel

class Invoice(BaseModel):
    company_name: str
    invoice_number: str
    total_amount: float
"""


class Invoices:
    """A folder of PDFs that no other run of the stack has; `number` makes them different."""

    def __init__(self, stack: Stack, folder: Path, number: int) -> None:
        self._stack, self.folder = stack, folder
        folder.mkdir()
        (folder / "models.py").write_text(MODELS)
        for each in range(ITEMS):
            (folder / f"{each:02}.pdf").write_bytes(invoice_pdf(number * ITEMS + each))
        self._before = stack.books.state()["items_billed"]

    @property
    def ledger(self) -> Path:
        return self.folder / "state" / "ledger.jsonl"

    def parameters(self, limit: float) -> dict[str, Any]:
        return {
            "files": [f"{self.folder}/*.pdf"],
            "prompt": "Extract the invoice.",
            "model": "claude-haiku-5-5",
            "response_model": f"{self.folder}/models.py:Invoice",
            "max_tokens": 300,
            "max_cost": limit,
            "items_per_job": 5,
            "max_parallel_jobs": 2,
            "state_dir": str(self.ledger.parent),
        }

    def start(self, limit: float = LIMIT) -> str:
        """The id of the flow run."""
        return self._stack.api.start(DEPLOYMENT, self.parameters(limit))

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of the ledger with this name."""
        lines = self.ledger.read_bytes().split(b"\n")[:-1] if self.ledger.exists() else []
        return [each for each in map(json.loads, lines) if each["event"] == name]

    def billed(self) -> int:
        """How many items the simulator has billed since the folder was made."""
        return self._stack.books.state()["items_billed"] - self._before

    def bill(self) -> Decimal:
        """What the message batches of the run cost by the simulator's books."""
        return self._stack.books.bill([each["batch_id"] for each in self.events("submitted")])
