"""Numbers and amounts of money as people write them, and the currencies they are in."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from batchata.simulator.vocabulary import CODES, MONEY_NAMES, SIGNS

SIGN = r"[$\u20ac\u00a3\u00a5]"
WORDS = "(?:US )?dollars?|euros?|pounds?|(?:Swiss )?francs?"
MARKED = rf"(?:(?:US|CA|A)\$|{SIGN}|\b(?:{CODES}|Fr\.))"
SPACED = r"\d{1,3}(?:[\u00a0\u202f]\d{3})++(?:[.,]\d+)?|\d{1,3}(?: \d{3})++[.,]\d\d"
NUMBER = re.compile(
    rf"(?P<open>\()?(?P<sign>[-\u2212+]\s?)?(?P<before>{MARKED}\s?)?(?P<inner>[-\u2212])?"
    rf"(?<![\w/])(?<![\w][.,'/:-])(?P<digits>{SPACED}|\d++(?:[.,'\u2019]\d++)*+)"
    rf"(?P<behind>[-\u2212](?![\w-]))?(?:\s?(?P<percent>%|percent\b|per cent\b|Prozent\b|p\.\s?c\.)"
    rf"|\s?(?P<after>{SIGN}|(?:{CODES})\b|(?:{WORDS})\b))?(?P<close>\))?"
    r"(?!\w|/\d|[-:]\d)",
)
THOUSANDS = {mark: re.compile(rf"\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+\Z") for mark in ",."}
CURRENCY = re.compile(
    rf"\b({CODES}|S?Fr(?=\.))\b|({SIGN})|\b({'|'.join(sorted(MONEY_NAMES, key=len, reverse=True))})s?\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number in a text; `kind` says what stands beside it."""

    value: float
    kind: str
    start: int
    end: int
    text: str


def amounts_in(text: str) -> Iterator[Amount]:
    """Every number that is not part of a word, of a date or of an identifier."""
    for found in NUMBER.finditer(text):
        bracketed = bool(found["open"] and found["close"])
        start = found.start() if bracketed or not found["open"] else found.start() + 1
        end = found.end() if bracketed or not found["close"] else found.end() - 1
        money = found["before"] or found["after"]
        kind = "percent" if found["percent"] else "money" if money else "plain"
        value = _value(found["digits"])
        minus = "-" in (found["sign"] or "") or "\u2212" in (found["sign"] or "") or found["inner"] or found["behind"]
        if minus or (bracketed and (money or "." in found["digits"])):
            value = -value
        yield Amount(value, kind, start, end, text[start:end].strip())


def _value(digits: str) -> float:
    """`1.234,56`, `1,234.56`, `1'234.56` and `1 234,56`."""
    bare = re.sub(r"[^\d.,]", "", digits)
    last = max(bare.rfind(","), bare.rfind("."))
    if last < 0:
        return float(bare)
    mark = bare[last]
    other = "." if mark == "," else ","
    if other not in bare and (bare.count(mark) > 1 or (mark == "," and THOUSANDS[","].match(bare))):
        return float(bare.replace(mark, ""))
    whole, _, part = bare.rpartition(mark)
    return float(re.sub(r"[.,]", "", whole or "0") + "." + part)


def currency_of(text: str) -> tuple[str, str] | None:
    """The first currency as a three-letter code, and how it is written."""
    found = CURRENCY.search(text)
    return (_code(found), found[0]) if found else None


def main_currency(texts: Iterable[str]) -> str | None:
    """The currency that is named most often."""
    counted = Counter(_code(found) for text in texts for found in CURRENCY.finditer(text))
    return counted.most_common(1)[0][0] if counted else None


def _code(found: re.Match[str]) -> str:
    if found[1]:
        return "CHF" if found[1].lower().endswith("fr") else found[1].upper()
    return SIGNS[found[2]] if found[2] else MONEY_NAMES[found[3].lower()]
