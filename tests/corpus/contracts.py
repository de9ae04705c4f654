"""Twenty contracts: parties, terms, a payment schedule, signatures, and a guarantee that is not always there."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from . import pools
from .build import Case, Writer
from .formats import DAYS, MONEY, Style
from .models import CamelContract, Contract, Role

TITLES = (
    "Service Agreement",
    "Supply Agreement",
    "Framework Agreement: Maintenance",
    "Lease Agreement",
    "Consulting Contract",
    "Licence Agreement",
    "Agency Agreement",
    'Agreement "North Star"',
    "Rahmenvertrag",
    "Contrat de prestation",
)
LAWS = ("Switzerland", "England and Wales", "the State of New York", "Germany", "France", "Sweden")
BANKS = ("Alpine Cantonal Bank", "First Harbour Bank", "Banque du Lac", "Sparkasse Weser")
PURPOSES = (
    "Deposit",
    "First instalment",
    "Second instalment",
    "Delivery of phase 1",
    "Delivery of phase 2",
    "Final payment",
    "Retention",
    "Licence fee",
    "Travel costs",
)
HEADINGS: tuple[Callable[[int, str], str], ...] = (
    lambda n, text: f"{n}. {text}",
    lambda n, text: f"Article {n}: {text}",
    lambda n, text: f"§ {n} {text}",
    lambda _, text: text.upper(),
    lambda n, text: f"Section {n}.0{n} - {text}",
    lambda n, text: f"({chr(96 + n)}) {text}",
)
PARTY_LINES = (
    "{name}, with its seat in {city}, as the {role}",
    "{role}: {name} ({city})",
    'between {name} of {city} (the "{role}")',
    "{name} | {city} | {role}",
    "The {role} is {name}, {city}.",
)
PAYMENT_LINES = (
    "{purpose}: {amount}, due on {due}",
    "{due}  {amount}  {purpose}",
    "| {purpose} | {due} | {amount} |",
    "On {due} the client pays {amount} ({purpose}).",
    "{amount} - {purpose} - {due}",
)
SIGNED_LINES = (
    "Signed by {name} on {signed_on}",
    "{name}, {signed_on}",
    "Signature: {name}\nDate: {signed_on}",
    "{signed_on}    ______________    {name}",
)
RENEWALS = {True: "This agreement renews itself for one year at a time.", False: "There is no automatic renewal."}
CLAUSES = (
    "Changes to this agreement need writing; 2 originals exist.",
    "Article 3 of the annex stays in force for 5 years.",
    "Each party keeps the other's secrets for 3 years after the end.",
    "If 1 clause is void the others remain valid.",
    "Notices go by registered mail and count from day 2 after posting.",
    "Annex A (10 pages) is part of this agreement.",
)


def style(rng: random.Random, index: int) -> Style:
    currency, separators = rng.choice((("USD", "us"), ("EUR", "eu"), ("CHF", "swiss"), ("GBP", "us"), ("USD", "bare")))
    language = "de" if index % 10 == 8 else "fr" if index % 10 == 9 else "en"
    days = ("dots", "long") if language != "en" else DAYS
    return Style(
        language,
        currency,
        separators,
        MONEY[index % 4],
        days[index % len(days)],
        rng.random() < 0.5,
        rng.random() < 0.5,
    )


def payments(rng: random.Random, index: int, start: date) -> list[dict[str, Any]]:
    """Two to five payments, often of the same amount, one at times zero or negative."""
    amount = Decimal(rng.choice((1000, 2500, 1250, 12000, 100)))
    rows = [
        {
            "purpose": text,
            "amount": rng.choice((amount, amount, amount * 2, Decimal("749.90"))),
            "due": start + timedelta(days=30 * i),
        }
        for i, text in enumerate(rng.sample(PURPOSES, rng.randint(2, 5)))
    ]
    if index % 4 == 2:
        rows[-1]["amount"] = Decimal("-150.00")
    if index % 6 == 1:
        rows[0]["amount"] = Decimal(0)
    if index % 5 == 3:
        rows[1]["due"] = rows[0]["due"]
    return rows


def parties(rng: random.Random, index: int) -> list[dict[str, Any]]:
    roles = [Role.CLIENT, Role.SUPPLIER, Role.GUARANTOR][: 2 + (index % 5 == 0)]
    twins = rng.choice((["ACME", "ACME Holdings"], ["Delta 9 Logistics", "Delta 9"])) if index % 3 == 0 else []
    names = [*twins, *rng.sample([name for name in pools.COMPANIES if name not in twins], 3)]
    return [
        {"name": name, "role": role, "city": rng.choice((None, *pools.CITIES))}
        for name, role in zip(names, roles, strict=False)
    ]


def values(rng: random.Random, index: int, currency: str) -> dict[str, Any]:
    start = date(2024, 2, 1) + timedelta(days=rng.randint(0, 500))
    schedule = payments(rng, index, start)
    people = rng.sample(pools.PEOPLE, 2)
    signed = start - timedelta(days=rng.choice((0, 1, 14)))
    total = sum((row["amount"] for row in schedule), Decimal(0))
    cap = rng.choice((None, total, Decimal(50000)))
    guarantee = {"bank": rng.choice(BANKS), "amount": schedule[0]["amount"] or Decimal(500)} if index % 3 == 1 else None
    return {
        "title": TITLES[index % len(TITLES)],
        "contract_number": f"C-{start.year}-{rng.choice((100, int(total), index))}",
        "parties": parties(rng, index),
        "currency": currency,
        "payments": schedule,
        "total_value": total,
        "terms": {
            "start": start,
            "end": rng.choice((None, start + timedelta(days=365))),
            "notice_days": rng.choice((1, 2, 30, 60, 90)),
            "automatic_renewal": rng.random() < 0.5,
            "liability_cap": cap,
        },
        "governing_law": rng.choice(LAWS),
        "guarantee": guarantee,
        "signatures": [{"name": name, "signed_on": signed} for name in people],
    }


class Deed:
    """Puts one contract on its pages; clauses in an order and wording of its own."""

    def __init__(self, writer: Writer, rng: random.Random, index: int) -> None:
        self.w, self.rng, self.index, self.articles = writer, rng, index, 0

    def has(self, path: str) -> bool:
        return self.w.leaves.get(path) is not None

    def each(self, name: str) -> range:
        return range(len(self.w.nested[name]))

    def heading(self, text: str) -> None:
        self.articles += 1
        self.w.add(HEADINGS[self.index % len(HEADINGS)](self.articles, text), label=False)

    def head(self) -> None:
        self.w.add("{title}", label=False)
        self.w.add(
            self.rng.choice(
                (
                    "Contract number: {contract_number}",
                    "No. {contract_number}",
                    "Reference of this contract\n{contract_number}",
                )
            )
        )
        self.heading(self.rng.choice(("Parties", "The parties", "Between")))
        look = PARTY_LINES[self.index % len(PARTY_LINES)]
        for i in self.each("parties"):
            city = f"{{parties[{i}].city}}" if self.has(f"parties[{i}].city") else "an unnamed place"
            self.w.add(
                look.replace("{name}", f"{{parties[{i}].name}}")
                .replace("{city}", city)
                .replace("{role}", f"{{parties[{i}].role}}"),
                label=False,
            )

    def terms(self) -> None:
        self.heading(self.rng.choice(("Term", "Duration and notice", "Beginning and end")))
        self.w.add(self.rng.choice(("The agreement takes effect on {terms.start}.", "Start date: {terms.start}")))
        if self.has("terms.end"):
            self.w.add(self.rng.choice(("It ends on {terms.end} without further notice.", "End date: {terms.end}")))
        self.w.add(
            self.rng.choice(
                (
                    "Either party may terminate with {terms.notice_days} days' notice.",
                    "Notice period (days): {terms.notice_days}",
                )
            )
        )
        self.w.add("{terms.automatic_renewal}")
        if self.has("terms.liability_cap"):
            self.w.add("Liability is limited to {terms.liability_cap} in total.")

    def money(self) -> None:
        self.heading(self.rng.choice(("Price and payment", "Schedule of payments", "Fees")))
        if self.index % 2:
            self.w.add(self.rng.choice(("All sums are in {currency}.", "Currency: {currency}")))
        look, bare = PAYMENT_LINES[self.index % len(PAYMENT_LINES)], "#" if self.index % 3 == 0 else ""
        for i in self.each("payments"):
            self.w.add(
                look.replace("{purpose}", f"{{payments[{i}].purpose}}")
                .replace("{due}", f"{{payments[{i}].due}}")
                .replace("{amount}", f"{{payments[{i}].amount{bare}}}"),
                label=False,
            )
        self.w.add(
            self.rng.choice(("The total value of the contract is {total_value}.", "Contract sum: {total_value}"))
        )

    def law(self) -> None:
        self.heading("Law and security")
        self.w.add(
            self.rng.choice(
                ("This agreement is governed by the laws of {governing_law}.", "Applicable law: {governing_law}")
            )
        )
        if self.has("guarantee.bank"):
            self.w.add("{guarantee.bank} stands guarantor for up to {guarantee.amount}.")

    def clauses(self) -> None:
        self.heading("Other provisions")
        for text in self.rng.sample(CLAUSES, self.rng.randint(2, 4)):
            self.w.add(text, label=False)

    def signatures(self) -> None:
        self.heading("Signatures")
        look = SIGNED_LINES[self.index % len(SIGNED_LINES)]
        for i in self.each("signatures"):
            self.w.add(
                look.replace("{name}", f"{{signatures[{i}].name}}").replace(
                    "{signed_on}", f"{{signatures[{i}].signed_on}}"
                ),
                label=False,
            )

    def turn(self) -> None:
        """The next page; some contracts repeat the parties on it, some are initialled by the first signer."""
        self.w.turn()
        if self.index % 4 == 1:
            self.w.add("{parties[0].name} / {parties[1].name}", label=False)
        if self.index % 3 == 2:
            self.w.add("Initialled by {signatures[0].name}", label=False)


def document(index: int) -> Case:
    rng = random.Random(9000 + index)
    form = style(rng, index)
    found = values(rng, index, form.currency)
    model = CamelContract if index % 4 == 3 else Contract
    writer = Writer(found, form, rng, {"terms.automatic_renewal": RENEWALS[found["terms"]["automatic_renewal"]]})
    deed = Deed(writer, rng, index)
    middle = [deed.terms, deed.money, deed.law, deed.clauses]
    rng.shuffle(middle)
    turns = rng.sample(range(1, 6), min(4, index % 5))
    for place, section in enumerate([deed.head, *middle, deed.signatures]):
        if place in turns:
            deed.turn()
        section()
    return writer.finish(f"contract_{index + 1:02}_{model.__name__}", model)


def contracts() -> list[Case]:
    return [document(index) for index in range(20)]
