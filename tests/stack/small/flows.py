from pathlib import Path

from prefect import flow
from pydantic import BaseModel, Field

from batchata import BatchManager


class Invoice(BaseModel):
    company_name: str
    invoice_number: str
    total_amount: float


@flow(flow_run_name="{name}", log_prints=True)
def run_small(name: str, folder: str, limit_usd: float = Field(gt=0), items_per_job: int = 5) -> dict:
    """Reads the invoices of a folder."""
    place = Path(folder)
    manager = BatchManager(
        files=sorted(place.glob("*.pdf")), prompt="Extract the invoice.", model="claude-haiku-5-5",
        response_model=Invoice, max_tokens=300, items_per_job=items_per_job, max_parallel_jobs=2, max_cost=limit_usd,
        state_path=place / "ledger.jsonl", results_dir=place / "results", orchestrator="prefect",
        on_cost_limit="pause",
    )
    summary = manager.run()
    from prefect.artifacts import create_markdown_artifact

    create_markdown_artifact(f"{summary['completed_items']} of {summary['total_items']}, ${summary['total_cost']}", key="summary")
    return summary
