"""Requests, schemas and PDFs for the simulator's tests."""

import base64
import io
import json
import re

import pypdf
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

MODEL = "claude-haiku-4-5"
STYLE = getSampleStyleSheet()


def item(custom_id="a", **params):
    return {"custom_id": custom_id, "params": request(**params)}


def request(**params):
    base = {"model": MODEL, "max_tokens": 4096, "messages": [{"role": "user", "content": "Hello there, how are you?"}]}
    return {name: value for name, value in (base | params).items() if value is not None}


def run(client, *items, **options):
    """The results of one message batch by custom_id, as plain dicts."""
    batch = client.messages.batches.create(requests=list(items), **options)
    return {line.custom_id: line.result.to_dict() for line in client.messages.batches.results(batch.id)}


def answer(client, **params):
    result = run(client, item(**params))["a"]
    assert result["type"] == "succeeded", result
    return result["message"]


def error(client, params, **options):
    result = run(client, {"custom_id": "a", "params": params}, **options)["a"]
    assert result["type"] == "errored", result
    assert result["error"]["type"] == "error"
    return result["error"]["error"]


def text_of(message):
    return "".join(block["text"] for block in message["content"] if block["type"] == "text")


def json_in(text):
    """The last JSON object in a text that spans several lines."""
    start = re.search(r"^\{$", text, re.MULTILINE).start()
    return json.JSONDecoder().raw_decode(text, start)[0]


def pdf_block(data, *, cited=True, **extra):
    source = {"type": "base64", "media_type": "application/pdf", "data": base64.b64encode(data).decode()}
    return {"type": "document", "source": source, "citations": {"enabled": cited}, **extra}


def text_document(text, *, cited=True, **extra):
    source = {"type": "text", "media_type": "text/plain", "data": text}
    return {"type": "document", "source": source, "citations": {"enabled": cited}, **extra}


def asking(schema, *documents):
    text = "Answer with one JSON object that conforms to this schema:\n" + json.dumps(schema)
    return [{"role": "user", "content": [*documents, {"type": "text", "text": text}]}]


def closed(**properties):
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def flowing(*parts):
    """A PDF of paragraphs, tables (lists of rows) and whatever else platypus takes."""
    stream = io.BytesIO()
    built = []
    for part in parts:
        if isinstance(part, str):
            built += [Paragraph(part, STYLE["Normal"]), Spacer(1, 6)]
        elif isinstance(part, list):
            built.append(Table(part, repeatRows=1, colWidths=[180, 60, 80, 80][: len(part[0])]))
        else:
            built.append(part)
    SimpleDocTemplate(stream, pagesize=A4, invariant=1).build(built)
    return stream.getvalue()


def drawn(*lines, pages=1):
    """A PDF of (x, y, text) lines, the same on every page."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, invariant=1)
    for _ in range(pages):
        for x, y, text in lines:
            canvas.drawString(x, y, text)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def pages_of(data):
    return [" ".join(page.extract_text().split()) for page in pypdf.PdfReader(io.BytesIO(data)).pages]


ROWS = [[f"Steel bracket type {n}", str(n), f"{n * 2}.50", f"{n * (n * 2 + 0.5):,.2f}"] for n in range(1, 61)]
HEADER = ["Description", "Qty", "Unit price", "Amount"]


def labelled_invoice():
    return flowing(
        "Northwind Traders Ltd",
        "INVOICE",
        "Invoice number: NW-2041",
        "Invoice date: 5 March 2025",
        "Due date: April 4, 2025",
        "Bill to: Contoso GmbH",
        [HEADER, *ROWS],
        "Subtotal: $10,000.00",
        "Tax: $1,900.00",
        "Total due: $11,900.00",
    )


def columns_invoice():
    return drawn(
        (50, 800, "From:"), (320, 800, "Bill to:"),
        (50, 785, "Northwind Traders Ltd"), (320, 785, "Contoso GmbH"),
        (50, 770, "1 Harbour Road"), (320, 770, "Lindenallee 4"),
        (50, 720, "Invoice no."), (200, 720, "Issued"), (350, 720, "Payment due"),
        (50, 705, "NW-2041"), (200, 705, "2025-03-05"), (350, 705, "2025-04-04"),
        (50, 650, "Item"), (250, 650, "Quantity"), (350, 650, "Rate"), (450, 650, "Total"),
        (50, 635, "Steel bracket"), (250, 635, "2"), (350, 635, "4.50"), (450, 635, "9.00"),
        (50, 620, "Copper pipe"), (250, 620, "3"), (350, 620, "7.00"), (450, 620, "21.00"),
        (350, 590, "Subtotal"), (450, 590, "30.00"),
        (350, 575, "Grand total"), (450, 575, "$11,900.00"),
    )  # fmt: skip


def european_invoice():
    return drawn(
        (50, 800, "Rechnung / Invoice # NW-2041"),
        (50, 780, "Supplier     Northwind Traders Ltd"),
        (50, 760, "Customer     Contoso GmbH"),
        (50, 740, "Date         05.03.2025"),
        (50, 720, "Payable by   04.04.2025"),
        (50, 660, "Details"), (250, 660, "Pcs"), (320, 660, "Unit cost"), (420, 660, "Amount"),
        (50, 645, "Steel bracket"), (250, 645, "2"), (320, 645, "4,50"), (420, 645, "9,00"),
        (50, 600, "Amount due   11.900,00 EUR"),
    )  # fmt: skip


STRING, NUMBER, INTEGER = {"type": "string"}, {"type": "number"}, {"type": "integer"}
DATE = {"type": "string", "format": "date"}
LINE = closed(description=STRING, quantity=INTEGER, unit_price=NUMBER, amount=NUMBER)
INVOICE = {
    **closed(
        invoice_number=STRING,
        invoice_date=DATE,
        due_date={"anyOf": [DATE, {"type": "null"}]},
        vendor={"$ref": "#/$defs/Party"},
        customer_name=STRING,
        total_amount=NUMBER,
        lines={"type": "array", "items": {"$ref": "#/$defs/Line"}},
    ),
    "$defs": {"Party": closed(name=STRING), "Line": LINE},
}
EXPECTED = {
    "invoice_number": "NW-2041",
    "invoice_date": "2025-03-05",
    "due_date": "2025-04-04",
    "vendor": {"name": "Northwind Traders Ltd"},
    "customer_name": "Contoso GmbH",
    "total_amount": 11900.0,
}
