"""PDFs for tests, made on the spot."""

import io

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas


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
