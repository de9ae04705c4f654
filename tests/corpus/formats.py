"""How one document writes money, numbers and dates."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

MONTHS = {
    "en": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    "de": (
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ),
    "fr": (
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ),
}
SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "CHF": "Fr."}
WORDS = {"USD": "US dollars", "EUR": "euros", "GBP": "pounds sterling", "CHF": "Swiss francs"}
SEPARATORS = {"us": (",", "."), "eu": (".", ","), "swiss": ("'", "."), "bare": ("", "."), "french": (" ", ",")}
DAYS = ("iso", "long", "month_first", "dots", "slashes", "short")
MONEY = ("sign", "code_before", "code_after", "words")


@dataclass(frozen=True)
class Style:
    """The habits of one document: language, separators, place of the currency, dates, negatives, decimals."""

    language: str
    currency: str
    separators: str
    money_kind: str
    day_kind: str
    parentheses: bool
    bare_integers: bool

    def number(self, value: Decimal) -> str:
        """The amount alone, as it stands in a table."""
        whole = self.bare_integers and value == value.to_integral_value()
        group, point = SEPARATORS[self.separators]
        text = f"{abs(value):,.0f}" if whole else f"{abs(value):,.2f}"
        text = text.replace(",", "G").replace(".", point).replace("G", group)
        if value >= 0:
            return text
        return f"({text})" if self.parentheses else f"-{text}"

    def money(self, value: Decimal) -> str:
        """The amount with its currency, as it stands in totals and prose."""
        text, sign = self.number(value), SIGNS[self.currency]
        if self.money_kind == "sign" and sign == "€":
            return f"{text} €"
        if self.money_kind == "sign":
            bare = text.strip("-()")
            return text.replace(bare, f"{sign}{bare}" if sign != "Fr." else f"Fr. {bare}")
        if self.money_kind == "code_before":
            return f"{self.currency} {text}"
        return f"{text} {self.currency if self.money_kind == 'code_after' else WORDS[self.currency]}"

    def day(self, value: date) -> str:
        month = MONTHS[self.language][value.month - 1]
        return {
            "iso": value.isoformat(),
            "long": f"{value.day} {month} {value.year}",
            "month_first": f"{MONTHS['en'][value.month - 1]} {value.day}, {value.year}",
            "dots": f"{value.day:02}.{value.month:02}.{value.year}",
            "slashes": f"{value.month:02}/{value.day:02}/{value.year}",
            "short": f"{value.day}-{MONTHS['en'][value.month - 1][:3]}-{value.year % 100:02}",
        }[self.day_kind]

    def percent(self, value: Decimal) -> str:
        return f"{value.normalize():f}".replace(".", SEPARATORS[self.separators][1]) + " %"
