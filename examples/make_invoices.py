"""Draws the twelve example invoices and writes down what a reader should find in them.

Run `python examples/make_invoices.py`. The same files come out every time, byte for byte.
"""

import json
import string
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.pdfgen.canvas import Canvas

HERE = Path(__file__).parent
Value = str | Decimal | date
COLUMNS = ("description", "quantity", "unit_price", "amount")
LEFT, PALE, INK = 54, HexColor("#f1f3f6"), HexColor("#20242c")
SANS, BOLD, ROMAN, SERIF = "Helvetica", "Helvetica-Bold", "Times-Roman", "Times-Bold"
ENGLISH = ("Invoice", "Description", "Qty", "Unit price", "Amount", "Subtotal", "Tax", "Total due")
GERMAN = ("Rechnung", "Bezeichnung", "Menge", "Einzelpreis", "Betrag", "Zwischensumme", "MwSt.", "Gesamtbetrag")


class Region(NamedTuple):
    """How one country writes money and dates."""

    currency: str
    money: Callable[[Decimal], str]
    day: str
    size: tuple[float, float] = A4
    words: tuple[str, ...] = ENGLISH


US = Region("USD", "${:,.2f}".format, "%B %d, %Y", LETTER)
US_CODE = Region("USD", "USD {:,.2f}".format, "%m/%d/%Y", LETTER)
UK = Region("GBP", "£{:,.2f}".format, "%d %B %Y")
EU = Region("EUR", lambda value: f"{value:,.2f} EUR".translate({44: ".", 46: ","}), "%d.%m.%Y", words=GERMAN)
CH = Region("CHF", lambda value: f"CHF {value:,.2f}".translate({44: "'"}), "%d-%b-%Y")


class Text(NamedTuple):
    """Lines of text, one below the other, from (x, down); a negative x counts from the right and aligns there."""

    x: float
    down: float
    lines: str
    size: float = 9
    font: str = SANS
    color: Color | None = None
    step: float = 14


@dataclass(frozen=True)
class Layout:
    """A look: shapes as (x, down, width, height, corner, opacity), texts, and where table and totals stand."""

    shapes: list[tuple[float, float, float, float, float, float]]
    texts: list[Text]
    table: float = 0  # 0: on a page of its own
    filled: bool = False
    total: str = ""
    step: float = 18
    totals_apart: bool = False


LAYOUTS = {
    "classic": Layout(
        [(LEFT, 82, 36, 36, 18, 1.0), (LEFT, 97, 504, 1, 0, 1.0)],
        [
            Text(LEFT + 48, 62, "{company_name}", 15, BOLD),
            Text(LEFT + 48, 76, "{address}", 8),
            Text(LEFT, 124, "Bill to: {customer}"),
            Text(LEFT + 13, 70, "*", 26, SERIF, white),
            Text(
                380,
                124,
                "Invoice number: {invoice_number}|Invoice date: {invoice_date}|Due date: {due_date}|"
                "Currency: {currency}",
            ),
        ],
        table=205,
        filled=True,
    ),
    "two_column": Layout(
        [(0, 96, 620, 96, 0, 1.0), *((480 + 16 * i, 66, 10, 14 + 9 * i, 2, 0.35) for i in range(4))],
        [
            Text(LEFT, 58, "{company_name}", 18, BOLD, white),
            Text(LEFT, 76, "{address}", 8, color=white),
            Text(LEFT, 130, "BILLED TO|{customer}", 10, step=18),
            Text(330, 130, "No.|Issued|Pay by", font=BOLD),
            Text(-LEFT, 130, "{invoice_number}|{invoice_date}|{due_date}"),
        ],
        table=214,
    ),
    "boxed": Layout(
        [
            *((LEFT + 7 * i, 70 - 7 * i, 18, 18, 0, 1 - i / 3) for i in range(3)),
            *((LEFT + 122 * i, 140, 118, 42, 6, 0.12) for i in range(4)),
        ],
        [
            Text(LEFT + 46, 68, "{company_name}", 16, SERIF),
            Text(-LEFT, 68, "INVOICE", 20, ROMAN),
            *(
                Text(LEFT + 8 + 122 * i, 112, lines, 10, BOLD, step=18)
                for i, lines in enumerate(
                    (
                        "INVOICE #|{invoice_number}",
                        "DATE OF ISSUE|{invoice_date}",
                        "PAYMENT DUE|{due_date}",
                        "AMOUNT DUE|{total_amount}",
                    )
                )
            ),
            Text(LEFT, 164, "Customer: {customer}. All prices in {currency}."),
        ],
        table=200,
        total="Balance",
        filled=True,
    ),
    "rechnung": Layout(
        [(487 + 18 * i, 74, 16, 14 + 10 * i, 0, 1.0) for i in range(3)],
        [
            Text(LEFT, 60, "{company_name}", 14, BOLD),
            Text(LEFT, 74, "{address}", 8),
            Text(LEFT, 120, "{customer}", 10),
            Text(LEFT, 172, "Rechnung Nr. {invoice_number}", 15, BOLD),
            Text(LEFT, 800, "Alle Beträge in {currency}.", 8),
            Text(-LEFT, 168, "Rechnungsdatum: {invoice_date}|Zahlbar bis: {due_date}"),
        ],
        table=220,
    ),
    "letter": Layout(
        [(LEFT, 70, 487, 3, 0, 1.0)],
        [
            Text(LEFT, 56, "{company_name}", 17, SERIF),
            Text(-LEFT, 56, "{address}", 8, "Times-Italic"),
            Text(
                LEFT,
                130,
                "{customer}|{invoice_date}|Dear client,|thank you for your trust. This letter is our invoice "
                "{invoice_number} for the work set out overleaf.|The fees come to {subtotal} before tax. With tax of "
                "{tax} the sum payable is {total_amount}.|Please settle it no later than {due_date}. All amounts are "
                "in {currency}.|Yours faithfully,|{company_name}",
                11,
                ROMAN,
                step=28,
            ),
        ],
        total="Sum payable",
        step=24,
    ),
    "statement": Layout(
        [(500 - 6 * i, 110 + 6 * i, 24 + 12 * i, 24 + 12 * i, 12 + 6 * i, 0.25) for i in range(3)],
        [
            Text(LEFT, 64, "{company_name}", 13, BOLD),
            Text(LEFT, 90, "Account of {customer}", 12),
            Text(LEFT, 108, "Invoice {invoice_number} of {invoice_date}|Payable by {due_date} in {currency}|{address}"),
        ],
        table=170,
        filled=True,
        step=32,
        totals_apart=True,
    ),
}


class Invoice(NamedTuple):
    """Who bills whom, when and for what, and which layout draws it. An item reads `description: quantity x price`."""

    layout: str
    region: Region
    color: str
    company_name: str
    address: str
    customer: str
    number: str
    issued: date
    days: int
    rate: str
    items: str

    def values(self) -> dict[str, Value]:
        """Every field by its path, in the order of the expected file."""
        rows: dict[str, Value] = {}
        subtotal = Decimal("0.00")
        for i, item in enumerate(self.items.split("; ")):
            text, _, sums = item.rpartition(": ")
            count, price = map(Decimal, sums.split(" x "))
            subtotal += count * price
            cells: tuple[Value, ...] = (text, count, price, count * price)
            rows |= {f"line_items[{i}].{name}": cell for name, cell in zip(COLUMNS, cells, strict=True)}
        tax = (subtotal * Decimal(self.rate) / 100).quantize(Decimal("0.01"))
        head: dict[str, Value] = {
            "company_name": self.company_name,
            "invoice_number": self.number,
            "invoice_date": self.issued,
            "due_date": self.issued + timedelta(days=self.days),
            "currency": self.region.currency,
            "subtotal": subtotal,
            "tax": tax,
            "total_amount": subtotal + tax,
        }
        return head | rows

    def show(self, path: str, value: Value) -> str:
        if isinstance(value, Decimal):
            return f"{value.normalize():f}" if path.endswith("quantity") else self.region.money(value)
        return value.strftime(self.region.day) if isinstance(value, date) else value


@dataclass
class Sheet:
    """A canvas measured from the top that fills in `{field}` marks and remembers the pages they were written on."""

    invoice: Invoice
    canvas: Canvas
    pages: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        self.width, self.height = self.invoice.region.size
        self.color, self.right = HexColor(self.invoice.color), self.width - LEFT
        self.shown = {path: self.invoice.show(path, value) for path, value in self.invoice.values().items()}

    def write(self, text: Text) -> None:
        for i, marked in enumerate(text.lines.split("|")):
            marks, line = {mark for _, mark, _, _ in string.Formatter().parse(marked) if mark}, marked
            for mark in marks:
                line = line.replace(f"{{{mark}}}", self.shown.get(mark) or getattr(self.invoice, mark))
            signed = any(sign in line for sign in (self.shown["currency"], "$", "£"))
            for mark in marks | ({"currency"} if signed else set()):
                self.pages[mark].add(self.canvas.getPageNumber())
            self.canvas.setFont(text.font, text.size)
            self.canvas.setFillColor(text.color or (self.color if text.size > 12 else INK))
            draw = self.canvas.drawRightString if text.x < 0 else self.canvas.drawString
            draw(text.x % self.width, self.height - text.down - i * text.step, line)

    def box(
        self, x: float, down: float, width: float, height: float, corner: float = 0, color: Color | None = None
    ) -> None:
        self.canvas.setFillColor(color or self.color)
        self.canvas.roundRect(x, self.height - down, width, height, corner, stroke=0, fill=1)

    def turn(self) -> float:
        """The next page, which names the seller and the invoice in a band at its top."""
        self.canvas.showPage()
        self.box(0, 40, self.width, 40)
        self.write(Text(LEFT, 25, "{company_name}", 11, BOLD, white))
        self.write(Text(-LEFT, 25, f"{self.invoice.region.words[0]} {{invoice_number}}", 10, SANS, white))
        return 86


def table(s: Sheet, down: float, look: Layout) -> float:
    ends = (LEFT, -LEFT - 190, -LEFT - 95, -LEFT)
    head = Text(0, 0, "", 9, BOLD, white if look.filled else s.color)
    for i in range(-1, s.invoice.items.count(";") + 1):
        if down > s.height - 70:
            down = s.turn()
        if i % 2 == 0 or (i < 0 and look.filled):
            s.box(LEFT - 6, down + 5, s.width - 2 * LEFT + 12, 17, color=PALE if i >= 0 else None)
        cells = s.invoice.region.words[1:5] if i < 0 else [f"{{line_items[{i}].{name}}}" for name in COLUMNS]
        for x, cell in zip(ends, cells, strict=True):
            s.write((head if i < 0 else Text(0, 0, ""))._replace(x=x, down=down, lines=cell))
        down += look.step
    s.box(LEFT - 6, down - 8, s.width - 2 * LEFT + 12, 0.8)
    return down + 14


def totals(s: Sheet, down: float, look: Layout) -> None:
    if look.totals_apart or down > s.height - 110:
        down = s.turn()
    words = s.invoice.region.words
    s.box(s.right - 248, down + 47, 256, 22)
    labels = f"{words[5]}|{words[6]} ({s.invoice.rate} %)|{look.total or words[7]}"
    for x, lines in ((s.right - 240, labels.split("|")), (-LEFT, ["{subtotal}", "{tax}", "{total_amount}"])):
        s.write(Text(x, down, "|".join(lines[:2]), step=18))
        s.write(Text(x, down + 40, lines[2], 11, BOLD, white))


def catalog(nouns: str, sizes: str) -> str:
    """A long list of items: every noun (`name price`) in every size, dearer from size to size."""
    pairs = product(enumerate(sizes.split(", "), 2), (noun.rpartition(" ") for noun in nouns.split(", ")))
    return "; ".join(
        f"{noun}, {size}: {7 * i % 9 + n} x {Decimal(price) * n}"
        for i, ((n, size), (noun, _, price)) in enumerate(pairs)
    )


INVOICES = (
    Invoice(
        "classic",
        US,
        "#1f5fa8",
        "Northwind Office Supply Co.",
        "410 Harbor Street, Portland, OR 97209",
        "Kestrel Architects LLP",
        "INV-2026-0118",
        date(2026, 3, 15),
        30,
        "8.25",
        "Ergonomic chair: 4 x 189.00; "
        "Standing desk, oak: 2 x 549.50; Desk lamp: 6 x 42.75; Copy paper, box: 12 x 38.90; Delivery: 1 x 65.00",
    ),
    Invoice(
        "two_column",
        UK,
        "#0f766e",
        "Pennine Web Studio Ltd",
        "7 Canal Wharf, Leeds LS1 4BR",
        "Harrow & Finch",
        "PWS/2026/77",
        date(2026, 4, 2),
        14,
        "20",
        "Website design: 1 x 3200.00; Copywriting, hours: 12.5 x 64.00; "
        "Product photos: 40 x 9.50; Hosting, 12 months: 12 x 18.00",
    ),
    Invoice(
        "boxed",
        CH,
        "#b3261e",
        "Alpenblick Instruments AG",
        "Seestrasse 12, 8002 Zurich",
        "Biozentrum Basel",
        "A-100482",
        date(2026, 1, 9),
        45,
        "8.1",
        "Analytical balance AB-220: 1 x 4850.00; Pipette set: 3 x 612.50; "
        "Calibration on site: 2 x 390.00; Vial rack, 50 places: 10 x 27.40",
    ),
    Invoice(
        "rechnung",
        EU,
        "#4a5d23",
        "Gartenbau Lindner GmbH",
        "Am Anger 5, 99084 Erfurt",
        "Hotel Drei Linden",
        "2026-0342",
        date(2026, 5, 18),
        21,
        "19",
        "Heckenschnitt, Stunden: 14 x 48.50; Rollrasen, m²: 120 x 6.95; Mutterboden, m³: 8 x 32.00; Anfahrt: 2 x 35.00",
    ),
    Invoice(
        "letter",
        US_CODE,
        "#5b2a86",
        "Hargrove & Sloan Attorneys",
        "88 Beacon Street, Boston",
        "Orchard Foods",
        "HS-5521",
        date(2026, 2, 27),
        30,
        "0",
        "Review of supply agreement, hours: 9.5 x 340.00; "
        "Negotiation with supplier, hours: 6 x 340.00; Filing fee: 1 x 275.00",
    ),
    Invoice(
        "statement",
        US,
        "#0b3c5d",
        "Cobalt Fasteners Inc.",
        "2200 Foundry Road, Akron",
        "Delta Machine Works",
        "CF-90417",
        date(2026, 6, 30),
        60,
        "6.75",
        catalog(
            "Hex bolt 0.85, Lock nut 0.32, Washer 0.11, Threaded rod 4.20, Wood screw 0.18, Anchor 1.95, Rivet 0.09",
            "M4, M5, M6, M8, M10, M12, M16, M20, M24",
        ),
    ),
    Invoice(
        "classic",
        CH,
        "#8a5a00",
        "Atelier Rochat Sàrl",
        "Rue du Lac 31, Lausanne",
        "Galerie Mercier",
        "R-26-014",
        date(2026, 7, 1),
        10,
        "8.1",
        catalog(
            "Oak frame 48.00, Canvas print 36.50, Museum glass 52.25, Mount 14.80",
            "20 x 30 cm, 30 x 40 cm, 40 x 50 cm, 50 x 70 cm, 60 x 80 cm, 70 x 100 cm, 80 x 120 cm, 100 x 140 cm",
        ),
    ),
    Invoice(
        "two_column",
        US_CODE,
        "#334155",
        "Summit Cloud Hosting",
        "1 Ridge Park, Boulder, CO",
        "Tandem Robotics",
        "100200",
        date(2026, 8, 31),
        30,
        "0",
        "Virtual machine, large: 3 x 210.00; Object storage, TB: 14 x 21.00; "
        "Support plan: 1 x 210.00; Credit for outage: 1 x -105.00",
    ),
    Invoice(
        "boxed",
        UK,
        "#166534",
        "Greenway Catering",
        "19 Mill Lane, Bath BA1 2HF",
        "Map Makers' Society",
        "GC-1907",
        date(2026, 9, 12),
        7,
        "20",
        catalog(
            "Sandwich platter 24.50, Fruit bowl 12.00, Coffee service 18.75, Cake stand 15.25, Waiting staff 62.00",
            "breakfast, morning, lunch, afternoon, dinner, late evening",
        ),
    ),
    Invoice(
        "rechnung",
        EU,
        "#7c2d12",
        "Druckerei Sommer & Söhne KG",
        "Hafenweg 22, 48155 Münster",
        "Stadtmuseum",
        "R2026/1088",
        date(2026, 10, 5),
        14,
        "7",
        catalog(
            "Plakat 1.35, Flyer 0.22, Broschüre 3.90, Karte 0.75, Katalog 11.40",
            "A6, A5, A4, A3, A2, A1, 100 g, 135 g, 170 g, 250 g, 300 g, matt",
        ),
    ),
    Invoice(
        "letter",
        UK,
        "#9d174d",
        "Marlowe Translation Partners",
        "3 Quill Yard",
        "Nordic Ferries",
        "MT 4471",
        date(2026, 11, 3),
        28,
        "20",
        catalog(
            "Translation 31.00, Proof reading 12.50, Certified copy 20.00",
            "Danish, Swedish, Norwegian, Finnish, Icelandic, Dutch, German",
        ),
    ),
    Invoice(
        "statement",
        US,
        "#3f3f46",
        "Harbor Freight Forwarding LLC",
        "Pier 9, Oakland, CA 94607",
        "Lumen Lighting",
        "HF-2026-311",
        date(2026, 12, 1),
        30,
        "5",
        catalog(
            "Ocean freight 410.00, Handling 95.00, Customs 65.00",
            "Shanghai, Busan, Osaka, Manila, Hanoi, Jakarta, Penang, Mumbai, Izmir, Genoa, Antwerp, Oslo",
        ),
    ),
)


def plain(value: Value) -> str | float:
    return float(value) if isinstance(value, Decimal) else str(value)


def expected(sheet: Sheet) -> dict[str, Any]:
    """The fields as plain JSON, and the pages on which each is stated."""
    fields: dict[str, Any] = {}
    for path, value in sheet.invoice.values().items():
        head, _, name = path.partition("].")
        rows = fields.setdefault("line_items", []) if name else []
        if name == COLUMNS[0]:
            rows.append({})
        (rows[-1] if name else fields)[name or head] = plain(value)
    return {"fields": fields, "pages": {path: sorted(sheet.pages[path]) for path in sheet.shown}}


def draw(invoice: Invoice, path: Path) -> dict[str, Any]:
    canvas = Canvas(str(path), pagesize=invoice.region.size, invariant=1, pageCompression=0)
    canvas.setTitle(f"{invoice.company_name}: {invoice.number}")
    sheet, look = Sheet(invoice, canvas), LAYOUTS[invoice.layout]
    for x, down, width, height, corner, opacity in look.shapes:
        sheet.box(x, down, width, height, corner, Color(*sheet.color.rgb(), alpha=opacity))
    for text in look.texts:
        sheet.write(text)
    totals(sheet, table(sheet, look.table or sheet.turn(), look), look)
    canvas.save()
    return expected(sheet)


if __name__ == "__main__":
    (HERE / "invoices").mkdir(exist_ok=True)
    found = {}
    for place, invoice in enumerate(INVOICES, 1):
        name = f"{place:02}_{invoice.layout}_{invoice.region.currency.lower()}.pdf"
        found[name] = draw(invoice, HERE / "invoices" / name)
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    (HERE / "invoices_expected.json").write_text(text, encoding="utf-8")
