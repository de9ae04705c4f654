"""Nested objects: every leaf has its own citations. Run `python -m examples.citation_with_pydantic`."""

from decimal import Decimal

from pydantic import BaseModel

from batchata import batch
from examples.place import INVOICES, MODEL, api_or_simulator


class Line(BaseModel):
    description: str
    quantity: Decimal
    amount: Decimal


class Invoice(BaseModel):
    company_name: str
    line_items: list[Line]
    total_amount: Decimal


def main() -> None:
    job = batch(
        files=INVOICES[:2],
        prompt="Extract the invoice with all of its lines. Amounts are plain numbers.",
        model=MODEL,
        response_model=Invoice,
        enable_citations=True,
    )
    for entry in job.results():
        invoice = entry["result"]
        print(f"{invoice.company_name}: {len(invoice.line_items)} lines, {invoice.total_amount} in all")
        for path, citations in (entry["citations"] or {}).items():
            places = [f"page {each.start_page} of {each.source_file}" for each in citations]
            print(f"    {path:<28} {', '.join(places) or 'not located'}")


if __name__ == "__main__":
    with api_or_simulator():
        main()
