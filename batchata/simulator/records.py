"""Lists without a header row: lines in which quantity times price is the amount, or with a value of each kind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from batchata.simulator.columns import IN_TABLES
from batchata.simulator.dates import dates_in
from batchata.simulator.labels import Pair, Place, is_known
from batchata.simulator.matching import name_in
from batchata.simulator.numbers import Amount, amounts_in
from batchata.simulator.shapes import Shape
from batchata.simulator.tables import Entry
from batchata.simulator.values import convert, option, whole_or_none
from batchata.simulator.words import canonical

CENT = 0.011
MARK = r"[\s\-*\u2022\u2013\u2014.,;:|/=@(\u00d7\u2192]"
LINKS = r"x|of|at|à|for|je|zu|each|pcs|pieces|units?|stück|stk|the|on|by|is|are|was|and"
EDGES = re.compile(
    rf"^(?:{MARK}|\d{{1,3}}[.)]\s|(?:pos|item|position|we|supplied|delivered|{LINKS})\b\.?)+|"
    rf"(?:{MARK}|\b(?:{LINKS}|qty|quantity|comes? to|per unit|unit|price|amount|total|due|payable))+$",
    re.IGNORECASE,
)
LETTERS = re.compile(r"[^\W\d_]{2}")
LONGEST = 240
TOWN = re.compile(
    r"(?:\s*[,(]\s*|\s+)(?:(?:of|in|from|at|aus|à|de|based in|registered in|seat in|established in)\s+)?"
    r"([A-ZÀ-Ü][\w'\u2019-]+(?:\s[A-ZÀ-Ü][\w'\u2019-]+)*)"
)
CENTS = re.compile(r"[.,]\d\d\Z")
FULL_NAME = re.compile(r"(?:(?:[A-ZÀ-Ü][\w.'\u2019-]*|de|von|van|du|la|der|den)(?:\s|\Z)){2,5}")


@dataclass(frozen=True, slots=True)
class Roles:
    """The properties of a line item by what they are in it."""

    quantity: Shape
    price: Shape
    amount: Shape
    text: Shape | None


def read_records(item: Shape, units: Sequence[tuple[str, Place]]) -> list[Entry]:
    """One entry for each line, sentence or clause (`units`) that states one."""
    roles = _roles(item)
    if roles is None:
        return [entry for text, place in units if (entry := _typed(item, text, place))]
    found: list[Entry] = []
    above = ""
    for text, place in units:
        if entry := _multiplied(roles, text, above, place, len(found) + 1):
            found.append(entry)
        above = text
    return found


def _roles(item: Shape) -> Roles | None:
    named = {role: child for child in item.children for role in _role(child)}
    if not {"quantity", "price", "amount"} <= named.keys():
        return None
    return Roles(named["quantity"], named["price"], named["amount"], named.get("description"))


def _role(child: Shape) -> Iterator[str]:
    for names in child.names:
        words = {IN_TABLES.get(word, word) for word in names}
        if child.kind in ("number", "integer"):
            yield from words & {"quantity", "price"} or words & {"amount"}
        elif child.kind == "string":
            yield from words & {"description"}


def _multiplied(roles: Roles, text: str, above: str, place: Place, position: int) -> Entry | None:
    amounts = [each for each in amounts_in(text) if each.kind != "percent"]
    found = _factors(amounts) if 3 <= len(amounts) <= 6 and len(text) <= LONGEST else None
    if found is None:
        return None
    taken = [*found, *(each for each in amounts[:1] if each.start == 0 and each.value == position)]
    rest = _rest(text, sorted({(each.start, each.end) for each in taken}))
    values: dict[str, tuple[Any, str]] = {}
    for shape, amount in zip((roles.quantity, roles.price, roles.amount), found, strict=True):
        value = whole_or_none(amount.value) if shape.kind == "integer" else amount.value
        values[shape.name] = (value, amount.text)
    if roles.text is not None:
        words = rest or _cleaned(above)
        values[roles.text.name] = (words or None, words)
    return Entry(place, values)


def _factors(amounts: Sequence[Amount]) -> tuple[Amount, Amount, Amount] | None:
    """Quantity, price and amount, in this order where several readings are possible."""
    adjacent = [three for at in range(len(amounts) - 2) for three in permutations(amounts[at : at + 3])]
    for quantity, price, amount in (*adjacent, *permutations(amounts, 3)):
        fits = abs(quantity.value * price.value - amount.value) < CENT and quantity.kind == "plain"
        if fits and quantity.value and (price.kind == "money" or price.start > quantity.start or "." in price.text):
            return quantity, price, amount
    return None


def _typed(item: Shape, text: str, place: Place) -> Entry | None:
    """A line with exactly one value for each property that has a type."""
    spans: list[tuple[int, int]] = []
    values: dict[str, tuple[Any, str]] = {}
    dates = [(each.start(), each.end(), each[0]) for each in dates_in(text)]
    amounts = [(each.start, each.end, each.text) for each in amounts_in(text) if _is_money(each)]
    amounts = [each for each in amounts if not any(each[0] < end and start < each[1] for start, end, _ in dates)]
    for kind, found in (("date", dates), ("number", amounts)):
        shapes = [child for child in item.children if _kind(child) == kind]
        if len(found) != len(shapes):
            return None
        for shape, (start, end, words) in zip(shapes, found, strict=True):
            values[shape.name] = (convert(words, shape), words)
            spans.append((start, end))
    return _with_texts(item, text, spans, values, place) if spans else None


def _is_money(amount: Amount) -> bool:
    return amount.kind == "money" or (amount.kind == "plain" and bool(CENTS.search(amount.text)))


def _kind(child: Shape) -> str:
    if child.format in ("date", "date-time"):
        return "date"
    return "number" if child.kind in ("number", "integer") else "text"


def _with_texts(
    item: Shape, text: str, spans: list[tuple[int, int]], values: dict[str, tuple[Any, str]], place: Place
) -> Entry | None:
    rest = _rest(text, spans)
    values |= {child.name: (option(text, child.options), text) for child in item.children if child.options}
    for child in (each for each in item.children if each.kind == "string" and _kind(each) == "text"):
        if child.options:
            continue
        words = _full_name(rest) if "name" in child.words else rest
        if not words or is_known(words):
            return None
        values[child.name] = (words, words)
        rest = ""
    return Entry(place, values)


def _full_name(text: str) -> str:
    names = [found[0].strip() for found in FULL_NAME.finditer(text)]
    return next((name for name in reversed(names) if not is_known(name)), "")


def _rest(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The longest words that are left when the values are taken out."""
    ends = sorted(spans)
    starts = [0, *(end for _, end in ends)]
    stops = [*(start for start, _ in ends), len(text)]
    parts = [_cleaned(text[start:stop]) for start, stop in zip(starts, stops, strict=True) if start < stop]
    lettered = [part for part in parts if LETTERS.search(part) and not is_known(part)]
    return max(lettered, key=len, default="")


def _cleaned(text: str) -> str:
    while (shorter := EDGES.sub("", text.strip())) != text:
        text = shorter
    return text[:-1].strip() if text.endswith(")") and "(" not in text else text


def read_roles(item: Shape, pairs: Sequence[Pair]) -> list[Entry]:
    """A list of parties, each with its role: the label of each role leads to a name."""
    role = next((child for child in item.children if child.options), None)
    name = next((child for child in item.children if child.kind == "string" and "name" in child.words), None)
    if role is None or name is None:
        return []
    found = [
        (pair, value, entry) for value in role.options for pair, entry in _playing(value, role, name, item, pairs)[:1]
    ]
    found.sort(key=lambda each: _place_in(each[0]))
    return [entry for _, _, entry in found]


def _place_in(pair: Pair) -> tuple[int, int]:
    row = pair.place.row
    return row.page, row.start + row.text.find(pair.value)


def _playing(value: Any, role: Shape, name: Shape, item: Shape, pairs: Sequence[Pair]) -> list[tuple[Pair, Entry]]:
    words = frozenset(canonical(str(value)))
    found: list[tuple[Pair, Entry]] = []
    for pair in sorted((each for each in pairs if each.label == words), key=lambda each: -each.trust):
        if text := name_in(pair.value):
            values: dict[str, tuple[Any, str]] = {name.name: (text, text), role.name: (value, text)}
            town = TOWN.search(pair.place.row.text, max(0, pair.place.row.text.find(text) + len(text)))
            if town:
                values |= {child.name: (town[1], town[1]) for child in item.children if "city" in child.words}
            found.append((pair, Entry(pair.place, values)))
    return found
