import pytest
from pydantic import BaseModel

from batchata.io import remote
from tests.pdfs import invoice_pdf
from tests.urls import emptied


class Invoice(BaseModel):
    invoice_number: str
    total_amount: float


@pytest.fixture
def invoices(tmp_path):
    """Twenty invoices of two pages: the number on the first, the total on the second."""
    paths = [tmp_path / f"invoice{number}.pdf" for number in range(20)]
    for number, path in enumerate(paths):
        path.write_bytes(invoice_pdf(number))
    return paths


@pytest.fixture
def dials(monkeypatch):
    """Of `unkind://`, which is empty, as `memory://` is; what fails there is tried again at once."""
    monkeypatch.setattr(remote, "PAUSES", (0.01, 0.01))
    return emptied()
