"""The least that a team would deploy."""

from pathlib import Path

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from pydantic import BaseModel

from batchata import BatchManager


class Invoice(BaseModel):
    company_name: str
    invoice_number: str
    total_amount: float


@flow(flow_run_name="{name}")
def run_small(name: str, folder: str, limit_usd: float, items_per_job: int = 5) -> None:
    """Reads the invoices of a folder."""
    place = Path(folder)
    summary = BatchManager(
        files=sorted(place.glob("*.pdf")), prompt="Extract the invoice.", model="claude-haiku-5-5",
        response_model=Invoice, max_tokens=300, items_per_job=items_per_job, max_parallel_jobs=2, max_cost=limit_usd,
        state_path=place / "ledger.jsonl", results_dir=place / "results", on_cost_limit="pause",
    ).run()  # fmt: skip
    told = f"{summary['completed_items']} of {summary['total_items']} items for ${summary['total_cost']}"
    create_markdown_artifact(told, key="summary")
