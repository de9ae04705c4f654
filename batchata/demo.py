"""The demo: a folder of PDF invoices through the whole pipeline, shown on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from batchata.core.citations import Citation
from batchata.core.money import rounded_usd
from batchata.core.records import Record, plain_record
from batchata.errors import InputError
from batchata.io.client import make_client
from batchata.job import BatchJob, batch

if TYPE_CHECKING:
    from anthropic import Anthropic

MODEL = "claude-haiku-5-5"
PROMPT = "Extract the invoice. Dates are ISO dates, amounts are plain numbers, and currency is the three-letter code."
_WIDE = 100
_STEPS = ("reading and checking the files", "sending one message batch", "waiting for the batch", "reading the results")


class Line(BaseModel):
    """One row of the invoice's table."""

    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


class Invoice(BaseModel):
    """What is read from each invoice."""

    company_name: str = Field(description="The seller who wrote the invoice")
    invoice_number: str
    invoice_date: date
    due_date: date | None = None
    currency: str | None = Field(None, description="The currency as a three-letter code")
    subtotal: Decimal | None = None
    tax: Decimal | None = None
    total_amount: Decimal
    line_items: list[Line] = []


def demo_files(folder: Path | None = None) -> list[Path]:
    """The PDFs of a folder; without one, those that come with the package."""
    here = Path(__file__).parent
    places = [folder] if folder else [here / "demo_documents", here.parent / "examples" / "invoices"]
    for place in places:
        if files := sorted(place.glob("*.pdf")):
            return files
    raise InputError(f"there are no PDFs in {places[-1]}")


def run_demo(folder: Path | None, *, live: bool, console: Console) -> None:
    """Puts the invoices through the simulator, or through the API with `live`, and shows what came of them."""
    files = demo_files(folder)
    with _client(live=live) as (client, where):
        console.print(f"[bold]{len(files)} PDF invoices[/] -> {where}\n")
        job = _run(files, client, console, live=live)
        _show(job, console)


def demo_document(folder: Path | None, *, live: bool, console: Console) -> dict[str, Any]:
    """The same as one document of plain values; money is USD. The console shows the progress only."""
    files = demo_files(folder)
    with _client(live=live) as (client, where):
        job = _run(files, client, console, live=live)
        cost = job.cost()
        figures = {"cost": cost.total, "list_price": cost.list_price, "saved": cost.saved}
        return {"api": where, "model": MODEL, **figures, "items": [plain_record(each) for each in job.outcomes()]}


@contextmanager
def _client(*, live: bool) -> Iterator[tuple[Anthropic, str]]:
    if live:
        client = make_client()
        yield client, f"the Claude API, model {MODEL}"
        client.close()
        return
    from batchata.simulator import AfterLooks, Simulator

    with Simulator(progress=AfterLooks(4)) as url, make_client(api_key="simulated", base_url=url) as client:
        yield client, f"a simulator of the Claude API at {url} (it answers by rule; it is not a model)"


def _run(files: Sequence[Path], client: Anthropic, console: Console, *, live: bool) -> BatchJob[Invoice]:
    columns = (SpinnerColumn(), BarColumn(24), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(_STEPS[0], total=len(_STEPS))
        job = batch(
            files=files,
            prompt=PROMPT,
            model=MODEL,
            response_model=Invoice,
            enable_citations=True,
            client=client,
        )
        progress.update(bar, completed=2, description=f"{_STEPS[2]} {job.batch_id}")
        try:
            job.wait()
        except KeyboardInterrupt:
            if live:  # the simulator's is gone with it
                console.print(f"The batch goes on. Take it up again in Python: BatchJob.attach({job.batch_id!r}).")
            raise
        progress.update(bar, completed=3, description=_STEPS[3])
        job.results()
        progress.update(bar, completed=4, description=f"{len(files)} invoices done")
    return job


def _show(job: BatchJob[Invoice], console: Console) -> None:
    records = job.outcomes()
    read = [record for record in records if record.result is not None]
    if read:
        console.print(_objects(read))
        console.print(_field_by_field(max(read, key=_interest), console.width))
    for record in job.failures():
        console.print(f"[red]{record.outcome}[/] {record.source}: {record.reason}")
    _show_bill(job, console)


def _objects(records: Sequence[Record[Invoice]]) -> Table:
    table = Table(
        title="Each object, and under each value the page it comes from", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    table.add_column("Document", max_width=18, no_wrap=True, overflow="ellipsis")
    table.add_column("Company", ratio=5, overflow="fold")
    for name, justify in (("Number", "left"), ("Date", "left"), ("Lines", "right"), ("Total", "right")):
        table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    for record in records:
        if record.result is not None:
            table.add_row(Path(record.source or "").stem, *_cells(record, record.result))
    return table


def _cells(record: Record[Invoice], invoice: Invoice) -> list[str]:
    def cell(value: object, path: str) -> str:
        return f"{value}\n[dim]{_pages(_below(record, path))}[/]"

    total = f"{invoice.total_amount:,.2f} {invoice.currency or ''}".strip()
    return [
        cell(invoice.company_name, "company_name"),
        cell(invoice.invoice_number, "invoice_number"),
        cell(invoice.invoice_date, "invoice_date"),
        cell(len(invoice.line_items), "line_items"),
        cell(total, "total_amount"),
    ]


def _by_path(record: Record[Any]) -> dict[str, list[Citation]]:
    return record.citations if isinstance(record.citations, dict) else {}


def _below(record: Record[Any], path: str) -> list[Citation]:
    """The citations of a field, or of everything below it."""
    found = _by_path(record).items()
    return [each for key, citations in found if key == path or key.startswith(f"{path}[") for each in citations]


def _pages(citations: Sequence[Citation]) -> str:
    pages = sorted({each.start_page for each in citations if each.start_page})
    if not pages:
        return "not located"
    return f"p. {pages[0]}" if len(pages) == 1 else f"p. {pages[0]}-{pages[-1]}"


def _interest(record: Record[Invoice]) -> int:
    """How many pages the citations come from: the more, the more there is to show."""
    return len({each.start_page for citations in _by_path(record).values() for each in citations})


def _field_by_field(record: Record[Invoice], width: int) -> Table:
    """The fields of one object but for most rows of its table: the first and the last will do."""
    table = Table(
        title=f"One of them field by field: {Path(record.source or '').name}", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    widths = {"Field": 27, "Value": 12 if width < _WIDE else 24, "Page": 6, "Rule": 5}
    widths["Cited text"] = max(12, width - sum(widths.values()) - 2 * len(widths))
    for name, own in widths.items():
        table.add_column(name, no_wrap=True, overflow="ellipsis", width=own)
    last = f"line_items[{len(record.result.line_items) - 1}]" if record.result else ""
    for path, citations in _by_path(record).items():
        if not path.startswith("line_items") or path.startswith(("line_items[0]", last)):
            first = citations[0] if citations else None
            text = shorten(first.cited_text, 60, placeholder=" ...") if first else ""
            rule = (first.match if first else None) or ""
            page = _pages(citations) if citations else "-"
            table.add_row(path, _value_at(record.result, path), page, rule, text)
    return table


def _value_at(result: object, path: str) -> str:
    value: Any = result
    for step in path.replace("]", "").replace("[", ".").split("."):
        value = value[int(step)] if step.isdigit() else getattr(value, step)
    return "-" if value is None else str(value)


def _show_bill(job: BatchJob[Invoice], console: Console) -> None:
    stats, cost = job.stats(), job.cost()
    ended = ", ".join(f"{count} {kind}" for kind, count in stats["outcomes"].items())
    console.print(
        f"[bold]{stats['total_items']} items[/]: {ended} in {stats['elapsed_seconds']:.1f} s\n"
        f"[bold]{stats['total_citations']:,} citations[/] tied to fields\n"
        f"[bold]{stats['total_input_tokens']:,}[/] tokens in, [bold]{stats['total_output_tokens']:,}[/] out\n"
        f"cost [bold green]{rounded_usd(cost.total)}[/] instead of {rounded_usd(cost.list_price)}: "
        f"the batch discount saved [bold]{rounded_usd(cost.saved)}[/]",
        highlight=False,
    )
