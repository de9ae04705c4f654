import io

import pytest
from pydantic import BaseModel
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from batchata import make_client
from batchata.simulator import Simulator


class Invoice(BaseModel):
    invoice_number: str
    total_amount: float


@pytest.fixture
def simulator():
    simulator = Simulator(seed=7)
    simulator.start()
    yield simulator
    simulator.stop()


@pytest.fixture
def client(simulator):
    with make_client(api_key="none", base_url=simulator.url) as client:
        yield client


def pdf(*pages: str, encrypt: str | None = None) -> bytes:
    """A PDF with these pages; each line of a page is a line of text."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A4, invariant=True, encrypt=encrypt)
    for page in pages:
        for number, line in enumerate(page.splitlines()):
            canvas.drawString(72, 770 - 18 * number, line)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def invoice_pdf(number: int) -> bytes:
    return pdf(f"Example Supplies Ltd\nInvoice number: INV-{number:04d}", f"Total amount: ${number}.50")


@pytest.fixture
def invoices(tmp_path):
    """Twenty invoices of two pages: the number on the first, the total on the second."""
    paths = [tmp_path / f"invoice{number}.pdf" for number in range(20)]
    for number, path in enumerate(paths):
        path.write_bytes(invoice_pdf(number))
    return paths
