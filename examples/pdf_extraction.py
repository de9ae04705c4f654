"""Read PDFs into objects and see on which page each field was found. Run `python -m examples.pdf_extraction`."""

from datetime import date
from decimal import Decimal

from pydantic import BaseModel

from batchata import batch
from examples.place import INVOICES, MODEL, api_or_simulator


class Invoice(BaseModel):
    company_name: str
    invoice_number: str
    invoice_date: date
    total_amount: Decimal


def main() -> None:
    job = batch(
        files=INVOICES[:4],
        prompt="Extract the invoice. Dates are ISO dates, amounts are plain numbers.",
        model=MODEL,
        response_model=Invoice,
        enable_citations=True,
    )
    for entry in job.results():
        print(entry["result"])
        for field, citations in (entry["citations"] or {}).items():
            for each in citations:
                print(f"    {field}: page {each.start_page}, {each.cited_text.strip()!r}")
    job.stats(print_stats=True)


if __name__ == "__main__":
    with api_or_simulator():
        main()
