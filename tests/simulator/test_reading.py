"""What the simulator reads from documents as businesses lay them out."""

import io
import json

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from tests.simulator.support import (
    DATE,
    INTEGER,
    NUMBER,
    STRING,
    answer,
    asking,
    closed,
    drawn,
    flowing,
    json_in,
    pages_of,
    pdf_block,
    text_document,
    text_of,
)

LINE = closed(description=STRING, quantity=NUMBER, unit_price=NUMBER, amount=NUMBER)
LINES = closed(lines={"type": "array", "items": LINE})
HEAD = closed(
    company_name=STRING, invoice_number=STRING, invoice_date=DATE, due_date=DATE, currency=STRING,
    subtotal=NUMBER, tax=NUMBER, total_amount=NUMBER,
)  # fmt: skip


def read(client, schema, data):
    document = pdf_block(data) if isinstance(data, bytes) else text_document(data)
    return json_in(text_of(answer(client, messages=asking(schema, document), max_tokens=60_000)))


def sized(*lines):
    """A PDF page of (x, y, points, text) lines."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, invariant=1)
    for x, y, points, text in lines:
        canvas.setFont("Helvetica", points)
        canvas.drawString(x, y, text)
    canvas.save()
    return stream.getvalue()


def paged(*pages):
    """A PDF of several pages, each a list of rows of (x, text) cells from the top."""
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4, invariant=1)
    for rows in pages:
        for at, row in enumerate(rows):
            for x, text in row:
                canvas.drawString(x, 800 - 20 * at, text)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


ISSUER = closed(seller=STRING)


@pytest.mark.parametrize(
    "lines",
    [
        [(50, 800, 22, "INVOICE"), (50, 770, 9, "Brightwater Supplies"), (50, 755, 9, "12 Hill Road, York")],
        [(50, 800, 9, "12 Hill Road, York"), (50, 780, 9, "Brightwater Supplies Ltd"), (50, 700, 9, "Item")],
        [(50, 800, 9, "Prepared with care"), (50, 770, 24, "Brightwater Supplies"), (50, 700, 9, "Quay House")],
        [(50, 800, 9, "Bill to: Contoso GmbH"), (50, 780, 9, "Invoice 7"), (50, 760, 9, "Brightwater Supplies Inc.")],
    ],
    ids=["below the word invoice", "below the address", "in large letters", "below the buyer"],
)
def test_the_issuer_is_the_most_prominent_name_at_the_top(client, lines):
    assert read(client, ISSUER, sized(*lines))["seller"].startswith("Brightwater Supplies")


def test_the_issuer_stands_in_a_page_footer(client):
    pages = [[[(50, f"Point {n} of the offer is set out below.")]] + [[(50, "and so on.")]] * 9 for n in (1, 2)]
    footed = [[*rows, [(50, "Kestrel & Sons Limited")]] for rows in pages]
    assert read(client, ISSUER, paged(*footed)) == {"seller": "Kestrel & Sons Limited"}


def test_labels_in_a_line_above_a_line_of_values(client):
    rows = [(50, 700, "No."), (200, 700, "Issued"), (350, 700, "Pay by")]
    values = [(95, 685, "A-77"), (215, 685, "02 April 2026"), (390, 685, "16 April 2026")]
    schema = closed(invoice_number=STRING, invoice_date=DATE, due_date=DATE)
    expected = {"invoice_number": "A-77", "invoice_date": "2026-04-02", "due_date": "2026-04-16"}
    assert read(client, schema, drawn(*rows, *values)) == expected


def test_labels_in_a_column_beside_a_column_of_values(client):
    labels = [(330, 700, "No."), (330, 685, "Issued"), (330, 670, "Pay by")]
    values = [(450, 700, "PX/26/7"), (450, 685, "02 April 2026"), (450, 670, "16 April 2026")]
    buyer = [(50, 700, "BILLED TO"), (50, 685, "Harrow & Finch")]
    schema = closed(customer=STRING, invoice_number=STRING, invoice_date=DATE, due_date=DATE)
    assert read(client, schema, drawn(*labels, *values, *buyer)) == {
        "customer": "Harrow & Finch", "invoice_number": "PX/26/7", "invoice_date": "2026-04-02",
        "due_date": "2026-04-16",
    }  # fmt: skip


@pytest.mark.parametrize("gap", ["   ", " ", "; ", " | "])
def test_several_labels_on_one_line(client, gap):
    text = gap.join(("Invoice number: A-77", "Invoice date: 2 April 2026", "Currency: GBP"))
    schema = closed(invoice_number=STRING, invoice_date=DATE, currency=STRING)
    expected = {"invoice_number": "A-77", "invoice_date": "2026-04-02", "currency": "GBP"}
    assert read(client, schema, f"Invoice\n{text}\n") == expected


@pytest.mark.parametrize("text", ["Total ........ 12.50", "Total -> 12.50", "Total | 12.50", "12.50 (total)"])
def test_other_ways_to_part_label_and_value(client, text):
    assert read(client, closed(total=NUMBER), f"Receipt\n{text}\n") == {"total": 12.5}


def test_labels_inside_sentences(client):
    data = flowing(
        "Marlow & Partners LLP",
        "Dear client, this letter is our invoice MP 4471 of 3 March 2026 for the work of last month.",
        "The fees come to GBP 1,000.00 before tax. With tax of GBP 234.00 the sum payable is GBP 1,234.00.",
        "Please settle it no later than 17 April 2026.",
    )
    assert read(client, HEAD, data) == {
        "company_name": "Marlow & Partners LLP", "invoice_number": "MP 4471", "invoice_date": "2026-03-03",
        "due_date": "2026-04-17", "currency": "GBP", "subtotal": 1000.0, "tax": 234.0, "total_amount": 1234.0,
    }  # fmt: skip


def test_a_sentence_goes_on_in_the_next_line(client):
    text = "Terms\nThe whole total of the order is GBP 99.50 and it is payable by\n17 April 2026 at the latest.\n"
    assert read(client, closed(total=NUMBER, due_date=DATE), text) == {"total": 99.5, "due_date": "2026-04-17"}


GERMAN = [
    "Gartenbau Muster GmbH", "Rechnung Nr. 2026-0342", "Rechnungsdatum: 18.05.2026", "Fällig am 08. Juni 2026",
    ["Bezeichnung", "Menge", "Einzelpreis", "Betrag"], ["Rollrasen", "120", "10,50 EUR", "1.260,00 EUR"],
    ["Anfahrt", "2", "35,00 EUR", "70,00 EUR"],
    "Zwischensumme 1.330,00 EUR", "MwSt. (19 %) 252,70 EUR", "Gesamtbetrag 1.582,70 EUR",
]  # fmt: skip
FRENCH = [
    "Atelier Rochat Sàrl", "Facture n° F-26-14", "Date de facture : 1er juillet 2026", "Échéance : 31 juillet 2026",
    ["Désignation", "Quantité", "Prix unitaire", "Montant"], ["Cadre", "120", "10,50 €", "1260,00 €"],
    ["Livraison", "2", "35,00 €", "70,00 €"], "Total HT 1330,00 €", "TVA (20 %) 266,00 €", "Total TTC 1596,00 €",
]  # fmt: skip
READINGS = {
    "German": (GERMAN, ["Gartenbau Muster GmbH", "2026-0342", "2026-05-18", "2026-06-08", "EUR", 1330, 252.7, 1582.7]),
    "French": (FRENCH, ["Atelier Rochat Sàrl", "F-26-14", "2026-07-01", "2026-07-31", "EUR", 1330, 266, 1596]),
}


@pytest.mark.parametrize("language", READINGS)
def test_other_languages(client, language):
    parts, expected = READINGS[language]
    rows = [part for part in parts if isinstance(part, list)]
    laid_out = [part for part in parts if isinstance(part, str)]
    data = flowing(*laid_out[:4], rows, *laid_out[4:])
    assert list(read(client, HEAD, data).values()) == expected
    lines = read(client, LINES, data)["lines"]
    assert [list(line.values()) for line in lines] == [[rows[1][0], 120, 10.5, 1260], [rows[2][0], 2, 35, 70]]


@pytest.mark.parametrize(
    ("written", "day"),
    [("1er août 2026", "2026-08-01"), ("15. März 2026", "2026-03-15"), ("09-Jan-2026", "2026-01-09"),
     ("3rd of May 2026", "2026-05-03"), ("5.3.26", "2026-03-05"), ("March 5, 2026", "2026-03-05")],
)  # fmt: skip
def test_dates(client, written, day):
    assert read(client, closed(invoice_date=DATE), f"Invoice date: {written}\n") == {"invoice_date": day}


@pytest.mark.parametrize(("other", "day"), [("31/12/2025", "2026-04-03"), ("12/31/2025", "2026-03-04")])
def test_dates_with_slashes_are_read_like_the_others_in_the_document(client, other, day):
    text = f"Delivery date: {other}\nInvoice date: 03/04/2026\n"
    assert read(client, closed(invoice_date=DATE), text) == {"invoice_date": day}


@pytest.mark.parametrize(
    ("written", "value"),
    [("CHF 4'850.00", 4850), ("1.839,00 EUR", 1839), ("12 345,60 €", 12345.6), ("($1,234.50)", -1234.5),
     ("-3.5", -3.5), ("18,566.85 US dollars", 18566.85)],
)  # fmt: skip
def test_numbers(client, written, value):
    assert read(client, closed(total=NUMBER), f"Total: {written}\n") == {"total": value}


BAND = [(50, "Cobalt Fasteners Inc."), (420, "Invoice CF-90417")]
TITLES = [(50, "Amount"), (150, "Item"), (350, "Qty"), (450, "Unit price")]


def test_page_headers_footers_and_carried_totals_are_no_rows(client):
    def page(number, first):
        rows = [
            [(50, f"{n * 2}.00"), (150, f"Bolt {n}"), (350, f"{n}"), (450, "2.00")] for n in range(first, first + 5)
        ]
        return [BAND, TITLES, *rows, [(50, "Carried forward"), (450, "99.00")], [(50, f"Page {number} of 3")]]

    last = [BAND, [(50, "Subtotal"), (450, "240.00")], [(50, "Tax"), (450, "7.00")], [(50, "Rivet 1"), (450, "5.00")]]
    lines = read(client, LINES, paged(page(1, 1), page(2, 6), last))["lines"]
    assert [list(line.values()) for line in lines] == [[f"Bolt {n}", n, 2, n * 2] for n in range(1, 11)]


def test_a_description_over_two_lines(client):
    rows = [
        [(50, "Item"), (250, "Qty"), (350, "Unit price"), (450, "Amount")],
        [(50, "Shelf made of oiled oak,"), (250, "2"), (350, "10.00"), (450, "20.00")],
        [(50, "with brackets")],
        [(50, "Delivery"), (250, "1"), (350, "5.00"), (450, "5.00")],
        [(50, "Total"), (450, "25.00")],
    ]
    lines = read(client, LINES, paged(rows))["lines"]
    assert [line["description"] for line in lines] == ["Shelf made of oiled oak, with brackets", "Delivery"]


def test_a_table_with_single_spaces(client):
    text = "Item Qty Unit price Amount\nOak desk, 2 m 3 120.00 360.00\nDelivery 1 5.00 5.00\nTotal 365.00\n"
    lines = read(client, LINES, text)["lines"]
    assert [list(line.values()) for line in lines] == [["Oak desk, 2 m", 3, 120, 360], ["Delivery", 1, 5, 5]]


def test_lines_without_a_header_are_those_that_multiply(client):
    text = "Order\n1. 3 x Oak desk at 120.00 = 360.00\n2. 1 x Sample at 0.00 = 0.00\nTotal: 360.00\n"
    lines = read(client, LINES, text)["lines"]
    assert [list(line.values()) for line in lines] == [["Oak desk", 3, 120, 360], ["Sample", 1, 0, 0]]


def test_fields_of_a_type_do_not_take_each_others_values(client):
    schema = closed(tax_rate=NUMBER, tax=NUMBER, subtotal=NUMBER, total=NUMBER, invoice_date=DATE, due_date=DATE)
    text = "Subtotal: 100.00\nTax (8.1 %): 8.10\nTotal: 108.10\nPayable by: 4 May 2026\n"
    assert read(client, schema, text) == {
        "tax_rate": 8.1, "tax": 8.1, "subtotal": 100, "total": 108.1, "invoice_date": None, "due_date": "2026-05-04"
    }  # fmt: skip
    alone = read(client, schema, "Total: 108.10\n")
    assert (alone["total"], alone["subtotal"], alone["tax"], alone["tax_rate"]) == (108.1, None, None, None)


EVERY_KIND = {
    "paid_on": DATE, "weight": NUMBER, "pieces": INTEGER, "colour": STRING, "size": {"enum": ["S", "M"]},
    "notes": {"type": "array", "items": STRING},
}  # fmt: skip
ASKED = "Dear all, nothing to report this week."


def test_nothing_is_invented(client):
    schema = {**closed(**EVERY_KIND), "required": ["paid_on", "weight", "colour", "size", "notes"]}
    assert read(client, schema, ASKED) == {"paid_on": None, "weight": None, "colour": None, "size": None, "notes": []}


def test_where_the_grammar_forces_a_value_it_is_an_empty_one(client):
    form = {"format": {"type": "json_schema", "schema": closed(**EVERY_KIND)}}
    message = answer(client, messages=[{"role": "user", "content": ASKED}], output_config=form)
    assert json.loads(text_of(message)) == {
        "paid_on": "1970-01-01", "weight": 0, "pieces": 0, "colour": "", "size": "S", "notes": []
    }  # fmt: skip


def test_parties_with_their_addresses_and_numbers(client):
    party = closed(name=STRING, address=STRING, vat_id=STRING)
    text = (
        "Supplier: Acme Ltd\n12 Mill Lane, Boston\nVAT ID: GB123456789\n\n"
        "Customer: Contoso GmbH, Seeweg 100, Zürich\nVAT ID: DE987654321\n"
    )
    assert read(client, closed(vendor=party, customer=party), text) == {
        "vendor": {"name": "Acme Ltd", "address": "12 Mill Lane, Boston", "vat_id": "GB123456789"},
        "customer": {"name": "Contoso GmbH", "address": "Seeweg 100, Zürich", "vat_id": "DE987654321"},
    }


ROLES = [
    '%s (the "Supplier") and %s (the "Client")',
    "%s as supplier and %s as the client",
    "%s (supplier); %s (client)",
]


@pytest.mark.parametrize("roles", ROLES)
def test_a_contract(client, roles):
    role = {"enum": ["client", "supplier"]}
    schema = closed(
        title=STRING, parties={"type": "array", "items": closed(name=STRING, role=role)}, governing_law=STRING,
        notice_days=INTEGER, automatic_renewal={"type": "boolean"},
    )  # fmt: skip
    text = (
        f"Service Agreement\nThis agreement is made between {roles % ('Acme Tools Ltd', 'Contoso Works GmbH')}. "
        "It renews automatically each year unless ended on 30 days' written notice. "
        "It is governed by the laws of Switzerland.\n"
    )
    assert read(client, schema, text) == {
        "title": "Service Agreement", "governing_law": "Switzerland", "notice_days": 30, "automatic_renewal": True,
        "parties": [{"name": "Acme Tools Ltd", "role": "supplier"}, {"name": "Contoso Works GmbH", "role": "client"}],
    }  # fmt: skip
    assert read(client, schema, "Lease\nIt does not renew automatically.\n")["automatic_renewal"] is False


@pytest.mark.parametrize(
    "text",
    ["Sites: Graz, Bern and Turin", "Sites\n- Graz\n- Bern\n- Turin", "We work at our sites in Graz, Bern and Turin."],
)
def test_lists_of_values(client, text):
    schema = closed(sites={"type": "array", "items": STRING})
    assert read(client, schema, f"Report\n{text}\n") == {"sites": ["Graz", "Bern", "Turin"]}


def test_what_is_cited_is_on_the_page(client):
    parts, _ = READINGS["German"]
    data = flowing(*(part if isinstance(part, str) else "   ".join(part) for part in parts))
    blocks = answer(client, messages=asking(HEAD, pdf_block(data)), max_tokens=60_000)["content"]
    citations = [each for block in blocks for each in block["citations"] or ()]
    assert len(citations) >= len(HEAD["required"])
    for citation in citations:
        assert citation["cited_text"] in pages_of(data)[citation["start_page_number"] - 1]
