"""Text of a document -> a value of the type that was asked for, or None when it is not one."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from batchata.simulator.dates import dates_in, iso_date, time_of
from batchata.simulator.numbers import amounts_in, currency_of
from batchata.simulator.shapes import Shape
from batchata.simulator.words import canonical

YES = frozenset({"yes", "y", "true", "x", "paid", "approved", "accepted", "enabled", "checked", "\u2713", "\u2714"})
NO = frozenset({"no", "n", "false", "none", "unpaid", "rejected", "declined", "disabled", "unchecked"})
NOTHING = frozenset({"n/a", "na", "none", "-", "--", "\u2014", "tbd", "unknown", "not provided", "not applicable"})
ADDRESS = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")
LETTERS = re.compile(r"[^\W\d_]")
PERCENT = re.compile(r"percent|pct|(?:tax|vat|discount|interest)_?rate", re.IGNORECASE)
MOSTLY_LETTERS = 24
FEW_LETTERS = 6


def convert(text: str, shape: Shape, *, day_first: bool = False) -> Any:
    """The value, None when the text cannot be one of this shape."""
    text = text.strip(" *_`")
    if not text or text.lower() in NOTHING:
        return None
    if shape.options:
        return _option_in(text, shape)
    match shape.kind:
        case "number" | "integer":
            return number(text, whole=shape.kind == "integer", percent=wants_percent(shape))
        case "boolean":
            return truth(text)
        case "string" | "any":
            return _formatted(text, shape, day_first=day_first)
    return None


def _formatted(text: str, shape: Shape, *, day_first: bool) -> str | None:
    if shape.format in ("date", "date-time"):
        day = iso_date(text, day_first=day_first)
        return day if day is None or shape.format == "date" else f"{day}T{time_of(text)}Z"
    if shape.format == "email":
        found = ADDRESS.search(text)
        return found[0] if found else None
    if "currency" in shape.words:
        currency = currency_of(text)
        return currency[0] if currency else None
    return text


def _option_in(text: str, shape: Shape) -> Any:
    found = option(text, shape.options)
    if found is None and "currency" in shape.words and (currency := currency_of(text)):
        return option(currency[0], shape.options)
    return found


@lru_cache(maxsize=4096)
def wants_percent(shape: Shape) -> bool:
    return "taxrate" in shape.words or bool(PERCENT.search(shape.name))


def number(text: str, *, whole: bool = False, percent: bool = False, alone: bool = False) -> int | float | None:
    """The first number; a percentage only where it is asked for. `alone`: hardly anything may stand beside it."""
    if len(LETTERS.findall(text)) > (FEW_LETTERS if alone else MOSTLY_LETTERS):
        return None
    found = [amount for amount in amounts_in(text) if (amount.kind == "percent") <= percent]
    if percent:
        found.sort(key=lambda amount: amount.kind != "percent")
    if not found or dated(text) or (percent and found[0].kind == "money"):
        return None
    return whole_or_none(found[0].value) if whole else found[0].value


def whole_or_none(value: float) -> int | None:
    return int(value) if value == int(value) else None


def dated(text: str) -> bool:
    return next(dates_in(text), None) is not None


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
        return _first_option(shape)
    empty: dict[str, Any] = {"number": 0, "integer": 0, "boolean": False, "array": [], "object": {}}
    if shape.kind == "string" and shape.format in ("date", "date-time"):
        return "1970-01-01" if shape.format == "date" else "1970-01-01T00:00:00Z"
    return empty.get(shape.kind, "")


@lru_cache(maxsize=1024)
def _first_option(shape: Shape) -> Any:
    """The neutral option, else the first."""
    found = neutral_option(shape.options)
    return shape.options[0] if found is None else found


def neutral_option(options: tuple[Any, ...]) -> Any:
    """The option that stands for none of the others."""
    for word in ("neutral", "other", "unknown", "none", "general", "normal", "medium"):
        for each in options:
            if word in str(each).lower():
                return each
    return None
