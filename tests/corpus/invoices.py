"""Forty invoices: twenty flat, twenty with a vendor, a customer and lines."""

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from . import pools
from .build import Case, Writer
from .formats import DAYS, MONEY, WORDS, Style
from .layouts import Pen
from .models import AliasInvoice, AliasNestedInvoice, FlatInvoice, Invoice, Method, Status

CENT = Decimal("0.01")
STATUS_WORDS = {Status.PAID: "paid in full", Status.OPEN: "open", Status.PART_PAID: "part paid"}
METHOD_WORDS = {Method.TRANSFER: "bank transfer", Method.CARD: "card", Method.CHEQUE: "cheque"}


def style(rng: random.Random, index: int) -> Style:
    language = {6: "de", 7: "fr"}.get(index % 8, "en")
    currency = "EUR" if language != "en" else rng.choice(("USD", "USD", "GBP", "CHF", "EUR"))
    by_currency = {"EUR": ("eu", "french", "eu"), "CHF": ("swiss",), "USD": ("us", "us", "bare"), "GBP": ("us", "bare")}
    days = {"de": ("dots", "long"), "fr": ("long", "dots")}.get(language, DAYS)
    kinds = MONEY if language == "en" else MONEY[:3]
    return Style(
        language,
        currency,
        rng.choice(by_currency[currency]),
        kinds[index % len(kinds)],
        days[index % len(days)],
        rng.random() < 0.5,
        rng.random() < 0.3,
    )


def rows(rng: random.Random, index: int) -> list[dict[str, Any]]:
    """Goods with small quantities; every third invoice has two rows with the same amount, every fifth a zero."""
    found = []
    for text in rng.sample(pools.GOODS, rng.randint(2, 7)):
        quantity, price = rng.choice((1, 1, 2, 3, 5, 10)), Decimal(rng.randint(200, 90000)) / 100
        if rng.random() < 0.4:
            price = Decimal(rng.choice((25, 50, 100, 120, 250, 400, 1200)))
        found.append({"description": text, "quantity": quantity, "unit_price": price, "amount": price * quantity})
    if index % 3 == 0:
        found[-1] |= {name: found[0][name] for name in ("quantity", "unit_price", "amount")}
    if index % 5 == 0:
        found[-2] |= {"unit_price": Decimal(0), "amount": Decimal(0)}
    if index % 7 == 3:
        found.append(
            {
                "description": "Goodwill credit",
                "quantity": 1,
                "unit_price": Decimal("-20.00"),
                "amount": Decimal("-20.00"),
            }
        )
    return found


def sums(rng: random.Random, index: int, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Numbers, dates and totals with the traps: no tax, one date for two fields, credits, an amount in a number."""
    sign = -1 if index % 10 == 8 else 1
    subtotal = sign * sum((line["amount"] for line in lines), Decimal(0))
    rate = Decimal(0) if index % 4 == 1 else Decimal(rng.choice(("7", "8.1", "19", "20", "8.25")))
    tax = (subtotal * rate / 100).quantize(CENT)
    issued = date(2024, 1, 10) + timedelta(days=rng.randint(0, 700))
    due = issued if index % 6 == 2 else issued + timedelta(days=rng.choice((7, 14, 30, 45)))
    numbers = (
        f"INV-{issued.year}-{int(abs(subtotal + tax))}",
        f"R{100 + index}/{issued:%y}",
        str(100000 + index),
        f"{issued.year}-{index + 1:03}",
        f"A {index + 1}",
    )
    return {
        "number": numbers[index % 5],
        "issued": issued,
        "due": due,
        "subtotal": subtotal,
        "rate": rate,
        "tax": tax,
        "total": subtotal + tax,
        "credit": sign < 0,
    }


def flat_values(rng: random.Random, index: int, form: Style, lines: list[dict[str, Any]]) -> dict[str, Any]:
    s, (seller, buyer) = sums(rng, index, lines), rng.sample(pools.COMPANIES, 2)
    if index % 5 == 4:
        seller, buyer = "ACME Holdings", "ACME"
    return {
        "invoice_number": s["number"],
        "seller": seller,
        "buyer": buyer,
        "invoice_date": s["issued"],
        "due_date": s["due"],
        "currency": form.currency,
        "item_count": len(lines),
        "subtotal": s["subtotal"],
        "tax_rate": s["rate"],
        "tax": s["tax"],
        "total": s["total"],
        "status": rng.choice(list(Status)),
        "is_credit_note": s["credit"],
        "purchase_order": rng.choice((None, f"PO-{rng.randint(100, 999)}")),
        "sites": rng.sample(pools.CITIES, index % 4),
    }


def alias_values(rng: random.Random, index: int, form: Style, lines: list[dict[str, Any]]) -> dict[str, Any]:
    s = sums(rng, index, lines)
    discount = Decimal("-15.00") if index % 2 else None
    net = s["subtotal"] + (discount or 0)
    return {
        "seller": rng.choice(pools.COMPANIES),
        "number": s["number"],
        "issued": s["issued"],
        "due": rng.choice((s["due"], s["due"], None)),
        "currency": form.currency,
        "net": net,
        "tax": s["tax"],
        "total": net + s["tax"],
        "discount": discount,
        "method": rng.choice(list(Method)),
        "payment_url": rng.choice((None, f"https://pay.example.com:8443/i?id={index}&ref=a:b")),
        "reverse_charge": s["tax"] == 0,
        "remarks": rng.sample(pools.REMARKS, index % 3),
    }


def party(rng: random.Random, name: str) -> dict[str, Any]:
    vat_id = rng.choice((None, f"XX{rng.randint(10**7, 10**8)}"))
    return {"name": name, "address": f"{rng.choice(pools.STREETS)}, {rng.choice(pools.CITIES)}", "vat_id": vat_id}


def nested_values(rng: random.Random, index: int, form: Style, lines: list[dict[str, Any]]) -> dict[str, Any]:
    s, (vendor, customer) = sums(rng, index, lines), rng.sample(pools.COMPANIES, 2)
    if index % 5 == 1:
        vendor, customer = "Sunrise Foods (North) Ltd", "Sunrise Foods Ltd"
    return {
        "number": s["number"],
        "vendor": party(rng, vendor),
        "customer": party(rng, customer),
        "invoice_date": s["issued"],
        "due_date": s["due"],
        "currency": form.currency,
        "lines": lines,
        "subtotal": s["subtotal"],
        "tax": s["tax"],
        "total": s["total"],
        "credit_note": s["credit"],
        "contact_url": rng.choice((None, "https://example.org/help?topic=billing:faq")),
    }


KINDS = {  # model field -> the kind of label it stands under
    "invoice_number": "number",
    "number": "number",
    "seller": "seller",
    "buyer": "buyer",
    "invoice_date": "issued",
    "issued": "issued",
    "due_date": "due",
    "due": "due",
    "item_count": "count",
    "status": "status",
    "method": "method",
    "purchase_order": "order",
    "payment_url": "url",
    "contact_url": "url",
    "vendor.name": "seller",
    "customer.name": "buyer",
    "subtotal": "subtotal",
    "net": "subtotal",
    "tax_rate": "rate",
    "tax": "tax",
    "discount": "discount",
    "total": "total",
}
SUMS = ("subtotal", "discount", "net", "tax_rate", "tax", "total")


class Page:
    """Puts one invoice on its pages, section by section."""

    def __init__(self, writer: Writer, pen: Pen, rng: random.Random, index: int) -> None:
        self.w, self.pen, self.rng, self.index = writer, pen, rng, index
        self.count = 1 + index % 5
        self.bare = index % 2 == 0
        self.boxed_total = index % 8 == 1  # with no tax: a sum that no label tells from the subtotal

    def has(self, path: str) -> bool:
        return self.w.leaves.get(path) is not None

    def head(self) -> None:
        seller = "vendor.name" if self.has("vendor.name") else "seller"
        if self.index % 2:
            self.w.add(f"{{{seller}}}", label=False)
            self.w.add("Invoice" if not self.index % 4 else "I N V O I C E", label=False)
        skipped = {seller} if self.index % 2 else set()
        if self.index % 6 == 2:
            skipped |= self.place_and_date()
        elif self.index % 10 in (3, 4) and self.w.style.language == "en":
            skipped |= self.prose(seller)
        paths = [path for path in KINDS if self.has(path) and path not in SUMS and path not in skipped]
        if self.index % 3:
            self.rng.shuffle(paths)
        self.pen.facts([(KINDS[path], f"{{{path}}}") for path in paths])
        for side in ("vendor", "customer"):
            label = self.pen.labels["seller" if side == "vendor" else "buyer"]
            for kind in ("address", "vat_id"):
                if self.has(f"{side}.{kind}"):
                    self.w.add(f"{label} / {self.pen.labels[kind]}: {{{side}.{kind}}}")

    def place_and_date(self) -> set[str]:
        """The date of the invoice as letters carry it, with no label; on these documents it is the due date as well."""
        issued = "issued" if self.has("issued") else "invoice_date"
        self.w.add(f"{self.rng.choice(pools.CITIES)}, {{{issued}}}", label=False)
        return {issued}

    def prose(self, seller: str) -> set[str]:
        """The head as a letter: the sentences name the fields."""
        names = (
            ("number", "invoice_number"),
            ("invoice_date", "issued"),
            ("customer.name", "buyer"),
            ("due_date", "due"),
        )
        number, issued, buyer, due = (next((path for path in pair if self.has(path)), "") for pair in names)
        self.w.add(f"We, {{{seller}}}, send you our invoice {{{number}}} dated {{{issued}}}.")
        if buyer:
            self.w.add(f"It is addressed to {{{buyer}}} for the goods and services below.")
        if due:
            self.w.add(f"The whole sum falls due on {{{due}}}, without deduction.")
        return {seller, number, issued, buyer, due}

    def currency(self) -> None:
        if self.index % 9 == 0:
            self.w.words = {**self.w.words, "currency": WORDS[self.w.style.currency]}
        if self.index % 3 != 1:
            self.pen.facts([("currency", "{currency}")])

    def extras(self) -> None:
        for kind in ("sites", "remarks"):
            for path in [path for path in self.w.leaves if path.startswith(f"{kind}[")]:
                self.w.add(self.pen.pair(kind, f"{{{path}}}"))

    def lines(self, lines: list[dict[str, Any]], *, marked: bool) -> None:
        pages = max(1, self.count - 3)
        for i, line in enumerate(lines):
            if i and pages > 1 and i % (1 + len(lines) // pages) == 0:
                self.turn()
            names = ("description", "quantity", "unit_price", "amount")
            bare = "#" if self.bare else ""
            marks = {name: f"{{lines[{i}].{name}{bare}}}" for name in names} if marked else self.plain(line)
            self.pen.row(i + 1, marks)

    def plain(self, line: dict[str, Any]) -> dict[str, str]:
        number = self.w.style.number
        return {name: number(value) if isinstance(value, Decimal) else str(value) for name, value in line.items()}

    def totals(self) -> None:
        paths = [path for path in SUMS if self.has(path)]
        if self.count > 3:  # the sum of the items on one page, what is to pay on the next
            self.pen.facts([(KINDS[path], f"{{{path}}}") for path in paths[:1]])
            self.turn()
            paths = paths[1:]
        if self.boxed_total:
            paths.remove("total")
        self.pen.facts([(KINDS[path], f"{{{path}}}") for path in paths])
        if self.boxed_total:
            self.w.add("*** {total} ***", label=False)

    def foot(self) -> None:
        due = next((path for path in ("due_date", "due") if self.has(path)), None)
        number = "number" if self.has("number") else "invoice_number"
        if due and not self.boxed_total and self.w.style.language == "en" and self.rng.random() < 0.6:
            self.w.add(f"Please transfer {{total}} by {{{due}}} and quote {{{number}}}.")
        self.pen.filler(self.rng.randint(1, 3))

    def turn(self) -> None:
        """The next page; half of the documents repeat the seller and the number on it."""
        self.w.turn()
        seller = "vendor.name" if self.has("vendor.name") else "seller"
        number = "number" if self.has("number") else "invoice_number"
        if self.index % 4 < 2:
            self.w.add(f"{{{seller}}} - {{{number}}} - page {len(self.w.pages)}", label=False)


def document(index: int) -> Case:
    rng = random.Random(7000 + index)
    form, lines = style(rng, index), rows(rng, index)
    nested = index >= 20
    plain, alias = (Invoice, AliasNestedInvoice) if nested else (FlatInvoice, AliasInvoice)
    model = plain if index % 3 else alias
    make = nested_values if nested else alias_values if model is AliasInvoice else flat_values
    values = make(rng, index, form, lines)
    words = {
        "status": STATUS_WORDS.get(values.get("status", Status.OPEN), ""),
        "method": METHOD_WORDS.get(values.get("method", Method.CARD), ""),
    }
    writer = Writer(values, form, rng, words)
    page = Page(writer, Pen(writer, rng, index), rng, index)
    fill(page, lines, nested=nested)
    return writer.finish(f"invoice_{index + 1:02}_{model.__name__}", model)


def fill(page: Page, lines: list[dict[str, Any]], *, nested: bool) -> None:
    """Five orders of the sections over one to five pages."""
    sections = [page.head, page.currency, lambda: page.lines(lines, marked=nested), page.totals, page.extras]
    if page.index % 7 == 5:
        sections = [page.totals, page.head, page.extras, page.currency, sections[2]]
    turns = {1: (), 2: (2,), 3: (2, 3), 4: (2, 3), 5: (2, 3)}[page.count]
    for place, section in enumerate(sections):
        if place in turns:
            page.turn()
        section()
    page.foot()


def invoices() -> list[Case]:
    return [document(index) for index in range(40)]
