"""Whether a text states a value, whatever its format: numbers, dates, currency, case and spacing are normalised."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cached_property, lru_cache
from typing import Any, Generic, TypeVar

_NOT_WORD = re.compile(r"[^\w]+|_+")
_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,'\u2019]\d+)*(?:[ \u00a0\u202f]\d{3}(?:[.,]\d+)?(?![\d.,]*\d))*")
_BEFORE_ID = re.compile(r"\w[-/#.]$|[-/]\w*[-/]$")
_AFTER_ID = re.compile(r"[-/]\w|[A-Za-z]{0,4}\d|[A-Za-z]{5}")
_CURRENCY = {"$": "usd", "\u20ac": "eur", "\u00a3": "gbp", "\u00a5": "jpy"}
_SIGN = "$\u20ac\u00a3\u00a5"
_MONEY_BEFORE = re.compile(rf"(?:[{_SIGN}]|\b[A-Z]{{3}})\s?$")
_MONEY_AFTER = re.compile(rf"\s?(?:[{_SIGN}]|[A-Z]{{3}}\b)")
_AROUND = rf"[\s{_SIGN}%()+\u2212-]*"
_DIGITS = r"\d[\d.,'\u2019 \u00a0\u202f]*"
_PLAIN_AMOUNT = re.compile(rf"{_AROUND}(?:[A-Z]{{3}}\s)?{_AROUND}{_DIGITS}{_AROUND}(?:[A-Z]{{3}})?\s*")
_DIGIT = re.compile(r"\d")
_SHORT = 4
_ZERO_LED = re.compile(r"0\d+$")
_YEAR = r"(?P<y>\d{4}|\d{2})(?!\d)"
_MONTH_WORD = r"(?P<mon>[^\W\d_]{3,10})\.?"
_DATES = (
    re.compile(r"(?<!\d)(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?!\d)"),
    re.compile(rf"(?<![\d.])(?P<a>\d{{1,2}})[-/.](?P<b>\d{{1,2}})[-/.]{_YEAR}"),
    re.compile(rf"(?<!\d)(?P<d>\d{{1,2}})(?:st|nd|rd|th|er|\.)?[\s-]*(?:of |de )?{_MONTH_WORD},?[\s-]*{_YEAR}"),
    re.compile(rf"(?<!\w){_MONTH_WORD}\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y>\d{{4}})(?!\d)"),
)
# Month names and their short forms in English, German, French, Spanish, Italian and Dutch.
_MONTHS = (
    "jan january januar janvier enero ene gennaio gen januari j\u00e4n j\u00e4nner",
    "feb february februar f\u00e9vrier f\u00e9vr febrero febbraio februari",
    "mar march m\u00e4rz m\u00e4r mars marzo maart mrt",
    "apr april avril avr abril abr aprile",
    "may mai mayo maggio mag mei",
    "jun june juni juin junio giugno giu",
    "jul july juli juillet juil julio luglio lug",
    "aug august ao\u00fbt agosto ago augustus",
    "sep sept september septembre septiembre settembre set",
    "oct october oktober okt octobre octubre ottobre ott",
    "nov november novembre noviembre",
    "dec december dezember dez d\u00e9cembre d\u00e9c diciembre dic dicembre",
)
_MONTH_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}


@dataclass(frozen=True, slots=True)
class Number:
    """A number in a text: what it may mean, and whether it looks like an amount and not like a bare count."""

    readings: frozenset[Decimal]
    amount: bool


R = TypeVar("R", date, Decimal)


@dataclass(slots=True)
class Stated(Generic[R]):
    """How a value stands in a text: how often, ever as an amount, and what else may be meant there."""

    count: int
    amount: bool
    readings: frozenset[R]


def _stated(found: Iterable[tuple[frozenset[R], bool]]) -> dict[R, Stated[R]]:
    stated: dict[R, Stated[R]] = {}
    for readings, amount in found:
        for reading in readings:
            before = stated.get(reading)
            if before is None:
                stated[reading] = Stated(1, amount, readings)
            else:
                before.count += 1
                before.amount |= amount
                before.readings |= readings
    return stated


def stem(word: str) -> str:
    """The word without the s of a plural."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def fold(text: str) -> str:
    """Words in lower case with one space between and around them; punctuation and currency signs are gone."""
    words = _NOT_WORD.sub(" ", unicodedata.normalize("NFKC", text).casefold()).strip()
    return f" {words} " if words else ""


class Text:
    """A text to search in; each view of it is made once, when it is first needed."""

    def __init__(self, raw: str) -> None:
        self.raw = raw

    @cached_property
    def folded(self) -> str:
        return fold(self.raw)

    @cached_property
    def stems(self) -> frozenset[str]:
        """Its words without the s of plurals."""
        return frozenset(stem(word) for word in self.folded.split())

    @cached_property
    def joined(self) -> str:
        return self.folded.replace(" ", "")

    @cached_property
    def label_lines(self) -> list[Text]:
        """Its lines, each with the one above it when that has no value of its own and so may be its label."""
        lines = [line for line in self.raw.splitlines() if line.strip()]
        if len(lines) < 2:
            return [self]
        above = ["", *(line if not any(char.isdigit() for char in line) else "" for line in lines)]
        return [Text(f"{label}\n{line}") for label, line in zip(above, lines, strict=False)]

    @cached_property
    def dates(self) -> dict[date, Stated[date]]:
        """Each day the text states."""
        return _stated((days, True) for _, days in dates_in(self.raw))

    @cached_property
    def numbers(self) -> dict[Decimal, Stated[Decimal]]:
        """Each absolute value the text states."""
        return _stated((number.readings, number.amount) for number in numbers_in(_without_dates(self.raw)))

    @cached_property
    def currencies(self) -> frozenset[str]:
        return frozenset(code for sign, code in _CURRENCY.items() if sign in self.raw)


@dataclass(frozen=True, slots=True)
class Value:
    """A field's value in the forms it may take in a text."""

    folded: str
    numbers: frozenset[Decimal]
    days: frozenset[date]

    def count_in(self, text: Text) -> int:
        """How often the text states this value; 0 when it does not."""
        if self.days:
            return sum(text.dates[day].count for day in self.days if day in text.dates)
        if self.numbers:
            return sum(text.numbers[number].count for number in self.numbers if number in text.numbers)
        return text.folded.count(self.folded) or int(self.folded.strip() in text.currencies)

    def reading_in(self, text: Text) -> object:
        """What the text says where it states this value: equal for values that cannot be told apart there.

        03/04/2026 is two days at once, so two fields with those days are as good as equal.
        """
        if self.days:
            return next((text.dates[day].readings for day in self.days if day in text.dates), self.days)
        if self.numbers:
            return next((text.numbers[each].readings for each in self.numbers if each in text.numbers), self.numbers)
        return self.folded

    def is_distinct_in(self, text: Text) -> bool:
        """Whether finding the value there means something by itself, as a bare small number does not."""
        if self.days:
            return True
        if self.numbers:
            return any(each >= 10_000 or text.numbers[each].amount for each in self.numbers if each in text.numbers)
        bare = self.folded.strip()
        if len(bare) >= _SHORT:
            return self.folded in text.folded
        return len(bare) == 3 and re.search(rf"\b{re.escape(bare.upper())}\b", text.raw) is not None

    def agrees(self, other: Value) -> bool:
        """Whether the two can be the same value in different formats."""
        if self.days and other.days:
            return not self.days.isdisjoint(other.days)
        if self.numbers and other.numbers:
            return not self.numbers.isdisjoint(other.numbers)
        return self.folded == other.folded


def value_of(raw: Any) -> Value | None:
    """The searchable forms of a field's value; None for what no text can be searched for (null, booleans)."""
    if raw is None or isinstance(raw, bool):
        return None
    if isinstance(raw, Enum):
        return value_of(raw.value)
    if isinstance(raw, datetime):
        return Value("", frozenset(), frozenset({raw.date()}))
    if isinstance(raw, date):
        return Value("", frozenset(), frozenset({raw}))
    if isinstance(raw, int | float | Decimal):
        return _number_value(raw)
    return _string_value(str(raw))


def _number_value(raw: float | Decimal) -> Value | None:
    number = Decimal(str(raw))
    return Value("", frozenset({number.copy_abs()}), frozenset()) if number.is_finite() else None


@lru_cache(maxsize=4096)
def _string_value(raw: str) -> Value | None:
    stripped = raw.strip()
    folded = fold(stripped)
    if not folded:
        return None
    if len(stripped) <= 40 and any(char.isdigit() for char in stripped):
        days = [days for (start, end), days in dates_in(stripped) if start == 0 and end >= len(stripped) - 9]
        if days and (len(stripped) <= 20 or _is_timestamp(stripped)):
            return Value(folded, frozenset(), days[0])
        if _PLAIN_AMOUNT.fullmatch(stripped) and not _ZERO_LED.match(stripped):
            readings = [number.readings for number in numbers_in(stripped)]
            return Value(folded, readings[0] if len(readings) == 1 else frozenset(), frozenset())
    return Value(folded, frozenset(), frozenset())


def _is_timestamp(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def numbers_in(text: str) -> Iterator[Number]:
    """The numbers of a text that stand alone: not parts of identifiers such as INV-2024-100."""
    for match in _NUMBER.finditer(text):
        before, after = text[max(0, match.start() - 6) : match.start()], text[match.end() : match.end() + 6]
        if _BEFORE_ID.search(before) or _AFTER_ID.match(after):
            continue
        yield from _readings_of(match[0], before, after)


def _readings_of(token: str, before: str, after: str) -> Iterator[Number]:
    money = bool(_MONEY_BEFORE.search(before) or _MONEY_AFTER.match(after))
    percent = after.lstrip().startswith("%")
    pieces = token.replace("\u00a0", " ").replace("\u202f", " ").split(" ")
    joined = ["".join(pieces)] if len(pieces) > 1 else []
    for piece in [*pieces, *joined]:
        readings = _decimals(piece)
        if percent:
            readings |= {reading / 100 for reading in readings}
        if readings:
            yield Number(frozenset(readings), amount=money or any(mark in piece for mark in ".,'\u2019"))


@lru_cache(maxsize=4096)
def _decimals(token: str) -> frozenset[Decimal]:
    """What a run of digits and separators may mean: 1.234 is both 1234 and 1.234; 15.03.2026 is no number."""
    token = token.replace("'", "").replace("\u2019", "")
    if token.isdigit():
        return frozenset({Decimal(token)})
    last = max(token.rfind("."), token.rfind(","))
    mark, other = token[last], "," if token[last] == "." else "."
    whole, fraction = token[:last], token[last + 1 :]
    if mark in whole or other in whole:
        if mark in whole and other in whole:
            return frozenset()
        return _grouped(token, mark) if mark in whole else _grouped(whole, other, fraction)
    readings = {Decimal(f"{whole}.{fraction}")}
    if len(fraction) == 3 and len(whole) <= 3 and not whole.startswith("0"):
        readings.add(Decimal(whole + fraction))
    return frozenset(readings)


def _grouped(token: str, mark: str, fraction: str = "0") -> frozenset[Decimal]:
    head, *groups = token.split(mark)
    if len(head) > 3 or any(len(group) not in (2, 3) for group in groups) or len(groups[-1]) != 3:
        return frozenset()
    return frozenset({Decimal(f"{head}{''.join(groups)}.{fraction}")})


def dates_in(text: str) -> Iterator[tuple[tuple[int, int], frozenset[date]]]:
    """Each date of a text with its place; a date that can be read two ways (03/04/2024) is both."""
    if not _DIGIT.search(text):
        return
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if days := frozenset(_days(match.groupdict())):
                yield match.span(), days


def _days(parts: dict[str, str]) -> Iterator[date]:
    year = int(parts["y"]) + (2000 if len(parts["y"]) == 2 else 0)
    if "mon" in parts:
        pairs = [(_MONTH_OF.get(parts["mon"].casefold(), 0), int(parts["d"]))]
    elif "m" in parts:
        pairs = [(int(parts["m"]), int(parts["d"]))]
    else:
        pairs = [(int(parts["a"]), int(parts["b"])), (int(parts["b"]), int(parts["a"]))]
    for month, day in pairs:
        try:
            yield date(year, month, day)
        except ValueError:
            continue


def _without_dates(text: str) -> str:
    """The text with its dates blanked, so that the 15 of 15 March is not taken for a number."""
    for start, end in [span for span, _ in dates_in(text)]:
        text = text[:start] + "\n" * (end - start) + text[end:]
    return text
