"""Text of a document -> a value of the type that was asked for, or None when it is not one."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from batchata.simulator.shapes import Shape
from batchata.simulator.words import canonical

NUMBER = re.compile(
    r"\(?[-\u2212+]?\s?(?:[$\u20ac\u00a3\u00a5]|[A-Z]{3}\s|(?:US|CA|A)\$)?\s?[-\u2212]?\d[\d.,'\u00a0]*(?<![.,'])"
)
THOUSANDS = {mark: re.compile(rf"\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+\Z") for mark in ",."}
MONTHS = {name: index for index, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1)}  # fmt: skip
MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
ISO = re.compile(r"\b(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")
DAY_FIRST = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?[\s-]+(?:of\s+)?{MONTH}[\s,-]+(\d{{4}}|\d\d)\b", re.IGNORECASE)
MONTH_FIRST = re.compile(rf"\b{MONTH}\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})\b", re.IGNORECASE)
DIGITS = re.compile(r"\b(\d{1,2})([/.-])(\d{1,2})[/.-](\d{4}|\d\d)\b")
TIME = re.compile(r"\b(\d{1,2}):(\d\d)(?::(\d\d))?\b")
YES = frozenset({"yes", "y", "true", "x", "paid", "approved", "accepted", "enabled", "checked", "\u2713", "\u2714"})
NO = frozenset({"no", "n", "false", "none", "unpaid", "rejected", "declined", "disabled", "unchecked"})
NOTHING = frozenset({"n/a", "na", "none", "-", "--", "\u2014", "tbd", "unknown", "not provided", "not applicable"})
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")
MOSTLY_LETTERS = 12


def convert(text: str, shape: Shape) -> Any:
    """The value, None when the text cannot be one of this shape."""
    text = text.strip(" *_`")
    if not text or text.lower() in NOTHING:
        return None
    if shape.options:
        return option(text, shape.options)
    match shape.kind:
        case "number" | "integer":
            return number(text, whole=shape.kind == "integer")
        case "boolean":
            return truth(text)
        case "string" | "any":
            return _formatted(text, shape.format)
    return None


def _formatted(text: str, form: str | None) -> str | None:
    if form in ("date", "date-time"):
        day = iso_date(text)
        return day if day is None or form == "date" else f"{day}T{_time(text)}Z"
    if form == "email":
        found = ADDRESS.search(text)
        return found[0] if found else None
    return text


def _time(text: str) -> str:
    found = TIME.search(text)
    return f"{int(found[1]):02d}:{found[2]}:{found[3] or '00'}" if found else "00:00:00"


def number(text: str, *, whole: bool = False) -> int | float | None:
    """The first number, whichever way its thousands and decimals are marked."""
    found = NUMBER.search(text)
    if found is None or len(re.sub(r"[\W\d_]", "", text)) > MOSTLY_LETTERS:
        return None
    raw = found[0]
    digits = re.sub(r"[^\d.,]", "", raw)
    value = float(_plain(digits))
    if "-" in raw or "\u2212" in raw or (raw.startswith("(") and ")" in text[found.end() :]):
        value = -value
    if whole:
        return int(value) if value == int(value) else None
    return value


def _plain(digits: str) -> str:
    """`1.234,56`, `1,234.56` and `1 234,56` as Python writes them."""
    last = max(digits.rfind(","), digits.rfind("."))
    if last < 0:
        return digits
    mark = digits[last]
    other = "." if mark == "," else ","
    if other not in digits and (digits.count(mark) > 1 or (mark == "," and THOUSANDS[","].match(digits))):
        return digits.replace(mark, "")
    return digits.replace(other, "").replace(",", ".")


def iso_date(text: str) -> str | None:
    """The first date as YYYY-MM-DD. `03/04/2025` is read as March, `03.04.2025` as April."""
    if found := ISO.search(text):
        return _day(int(found[1]), int(found[2]), int(found[3]))
    if found := DAY_FIRST.search(text):
        return _day(_year(found[3]), MONTHS[found[2].lower()[:3]], int(found[1]))
    if found := MONTH_FIRST.search(text):
        return _day(int(found[3]), MONTHS[found[1].lower()[:3]], int(found[2]))
    if found := DIGITS.search(text):
        first, second = int(found[1]), int(found[3])
        month_first = (found[2] == "/" and first <= 12) or second > 12
        month, day = (first, second) if month_first else (second, first)
        return _day(_year(found[4]), month, day)
    return None


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def truth(text: str) -> bool | None:
    words = re.findall(r"[\w\u2713\u2714]+", text.lower())
    if not words or words[0] not in YES | NO:
        return None
    return words[0] in YES


def option(text: str, options: tuple[Any, ...]) -> Any:
    """The option that the text is, contains, or is contained in."""
    lowered = text.lower()
    exact = [each for each in options if str(each).lower() == lowered]
    if exact:
        return exact[0]
    words = set(canonical(text))
    inside = [each for each in options if (own := set(canonical(str(each)))) and own <= words]
    return max(inside, key=lambda each: len(str(each)), default=None)


def neutral(shape: Shape) -> Any:
    """What a required field gets when nothing is known: null where allowed, else the empty value."""
    if shape.nullable:
        return None
    if shape.options:
        return neutral_option(shape.options)
    empty: dict[str, Any] = {"number": 0, "integer": 0, "boolean": False, "array": [], "object": {}}
    if shape.kind == "string" and shape.format in ("date", "date-time"):
        return "1970-01-01" if shape.format == "date" else "1970-01-01T00:00:00Z"
    return empty.get(shape.kind, "")


def neutral_option(options: tuple[Any, ...]) -> Any:
    for word in ("neutral", "other", "unknown", "none", "general", "normal", "medium"):
        for each in options:
            if word in str(each).lower():
                return each
    return options[-1]
