"""Dates as people write them, in English, German and French."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

NAMES = (
    "jan(?:uary|uar|vier)?|jän(?:ner)?",
    "feb(?:ruary|ruar)?|fév(?:rier)?",
    "mar(?:ch|s)?|mär(?:z)?|mrz",
    "apr(?:il)?|avr(?:il)?",
    "may|mai",
    "june?|juni|juin",
    "july?|juli|juil(?:let)?",
    "aug(?:ust)?|août",
    "sept?(?:ember|embre)?",
    "oct(?:ober|obre)?|okt(?:ober)?",
    "nov(?:ember|embre)?",
    "dec(?:ember)?|dez(?:ember)?|déc(?:embre)?",
)
MONTH = "(?:" + "|".join(f"(?:{name})" for name in NAMES) + r")\b\.?"
ORDINAL = r"(?:st|nd|rd|th|er|\.)?"
WRITTEN = re.compile(
    r"(?P<iso>(?<![\w-])(?P<y1>\d{4})[-/.](?P<m1>\d{1,2})[-/.](?P<d1>\d{1,2})(?![\d-]))"
    rf"|(?P<day>\b(?P<d2>\d{{1,2}}){ORDINAL}(?:\s*-\s*|\s+)(?:(?:of|day of|de)\s+)?"
    rf"(?P<m2>{MONTH})[\s,-]*(?P<y2>\d{{4}}|(?<=-)\d\d)\b)"
    rf"|(?P<month>\b(?P<m3>{MONTH})\s+(?P<d3>\d{{1,2}}){ORDINAL},?\s+(?P<y3>\d{{4}})\b)"
    r"|(?P<digits>(?<![\w./-])(?P<a>\d{1,2})(?P<mark>[/.-])(?P<b>\d{1,2})(?P=mark)(?P<y4>\d{4}|\d\d)(?![\w/-]))",
    re.IGNORECASE,
)
MONTHS = tuple(re.compile(f"(?:{name})\\.?\\Z", re.IGNORECASE) for name in NAMES)
TIME = re.compile(r"\b(\d{1,2}):(\d\d)(?::(\d\d))?\b")


def iso_date(text: str, *, day_first: bool = False) -> str | None:
    """The first date as YYYY-MM-DD. `03.04.2025` is of April; `03/04/2025` of March unless `day_first`."""
    found = WRITTEN.search(text)
    return _iso(found, day_first=day_first) if found else None


def dates_in(text: str) -> Iterator[re.Match[str]]:
    return WRITTEN.finditer(text)


def time_of(text: str) -> str:
    found = TIME.search(text)
    return f"{int(found[1]):02d}:{found[2]}:{found[3] or '00'}" if found else "00:00:00"


def shows_day_first(text: str) -> bool | None:
    """How the dates with slashes in a text are meant; None where none of them tells."""
    for found in WRITTEN.finditer(text):
        if found["digits"] and found["mark"] != "." and max(int(found["a"]), int(found["b"])) > 12:
            return int(found["a"]) > 12
    return None


def _iso(found: re.Match[str], *, day_first: bool) -> str | None:
    if found["iso"]:
        return _day(found["y1"], int(found["m1"]), found["d1"])
    if found["day"]:
        return _day(found["y2"], _month(found["m2"]), found["d2"])
    if found["month"]:
        return _day(found["y3"], _month(found["m3"]), found["d3"])
    first, second = int(found["a"]), int(found["b"])
    month_first = second > 12 or (found["mark"] == "/" and first <= 12 and not day_first)
    month, day = (first, second) if month_first else (second, first)
    return _day(found["y4"], month, str(day))


def _month(name: str) -> int:
    return next(number for number, pattern in enumerate(MONTHS, start=1) if pattern.match(name))


def _day(year: str, month: int, day: str) -> str | None:
    try:
        return date(int(year) if len(year) == 4 else 2000 + int(year), month, int(day)).isoformat()
    except ValueError:
        return None
