"""Labels inside sentences: what stands in front of a date, an amount or a number says what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from batchata.simulator.dates import dates_in
from batchata.simulator.labels import Pair, Place
from batchata.simulator.numbers import amounts_in
from batchata.simulator.vocabulary import LEGAL_FORMS, PARTIES
from batchata.simulator.words import canonical

CODE = re.compile(r"(?<![\w/.-])(?:(?!No\b|Nr\b)[A-Z]{1,4} )?(?=[\w./-]*\d)\w[\w./-]*\w(?![\w/-])")
DUE = re.compile(
    r"\b(?:due|payable|pay|paid|settle|no later than|on or before|until|fällig|zahlbar|bezahlen|échéance|payer)\b",
    re.IGNORECASE,
)
BEFORE_TAX = re.compile(
    r"\W{0,3}(?:before|excl\w*\.?|net of|plus|without|zzgl\.?|ohne|hors|HT\b)\s*(?:of\s)?"
    r"(?:sales |value added )?(?:tax|vat|gst|mwst|ust|tva|taxes|HT|)",
    re.IGNORECASE,
)
WITH_TAX = re.compile(r"\W{0,3}(?:incl\w*\.?|including|inkl\.?|TTC)\b", re.IGNORECASE)
PERSON = re.compile(
    r"(?<![\w])[A-ZÀ-Ü0-9][\w'\u2019/-]*(?:\s(?:&\s|and\s|und\s|et\s)?[A-ZÀ-Ü0-9(][\w.'\u2019)/-]*){0,4}"
)
NAME = re.compile(
    r"(?<![\w])[A-ZÀ-Ü][\w'\u2019-]*(?:\s(?:&|and|und|et|of|de|du|the|[A-ZÀ-Ü0-9][\w'\u2019-]*))*?"
    rf"(?:,?\s(?:{LEGAL_FORMS})\b\.?)+"
)
ROLE = re.compile(
    r"\s*\((?:the|hereinafter|as|die|der|le|la|\W)*\s*(?P<bracketed>[\w ]{3,30}?)\W*\)|"
    r",?\s+(?:(?:acting\s)?as|is|als|en qualité de)\s(?:(?:the|our|der|die|le|la)\s)?(?P<said>[^\W\d]+)",
    re.IGNORECASE,
)
REACH = 70
WINDOW = 4
MONEY_WORDS = frozenset({"total", "subtotal", "tax", "amount", "price", "sum"})


@dataclass(frozen=True, slots=True)
class Mention:
    kind: str
    start: int
    end: int
    text: str


def told_in(sentence: str, place: Place) -> Iterator[Pair]:
    """The readings of a sentence as labels and values."""
    mentions = list(_mentions(sentence))
    words: tuple[str, ...] = ()
    for index, mention in enumerate(mentions):
        start = mentions[index - 1].end if index else 0
        stop = mentions[index + 1].start if index + 1 < len(mentions) else len(sentence)
        before = sentence[max(start, mention.start - REACH) : mention.start]
        # In `Invoice 12 of 3 May` the words in front of the number are those of the date as well.
        words = canonical(before) or (words if mention.start - start < 8 else ())
        for label, trust in _labels(mention, before, words, sentence[mention.end : stop]):
            yield Pair(label, frozenset(), mention.text, place, trust)
    yield from _named(sentence, place)


def _mentions(sentence: str) -> list[Mention]:
    found = [Mention("date", each.start(), each.end(), each[0]) for each in dates_in(sentence)]
    amounts = [Mention(each.kind, each.start, each.end, each.text) for each in amounts_in(sentence)]
    found += [each for each in amounts if not _overlaps(each, found)]
    codes = [Mention("code", each.start(), each.end(), each[0]) for each in CODE.finditer(sentence)]
    known = [each for each in found if each.kind != "plain" or not each.text.isdigit()]
    codes = [each for each in codes if not _overlaps(each, known)]
    plain = [each for each in found if each.kind == "plain" and each.text.isdigit() and not _overlaps(each, codes)]
    return sorted([*known, *plain, *codes], key=lambda each: each.start)


def _overlaps(mention: Mention, others: list[Mention]) -> bool:
    return any(mention.start < other.end and other.start < mention.end for other in others)


def _labels(
    mention: Mention, before: str, words: tuple[str, ...], after: str
) -> Iterator[tuple[frozenset[str], float]]:
    if mention.kind == "date":
        yield from _date_labels(before, words)
        return
    if mention.kind == "code" and "taxid" in words[-2:]:
        yield frozenset({"taxid"}), 0.85
        return
    if mention.kind == "code":
        yield from ((label | {"number"}, trust) for label, trust in _windows(words))
        if not mention.text.isdigit():
            return
    yield from _windows(words)
    if mention.kind == "percent":
        yield frozenset({"taxrate"} if {"tax"} & {*words, *canonical(after)[:2]} else {"rate"}), 0.8
        return
    if BEFORE_TAX.match(after) and canonical(after[:30]):
        yield frozenset({"subtotal"}), 0.9
    elif WITH_TAX.match(after):
        yield frozenset({"total"}), 0.85
    yield from _labels_behind(words, canonical(after)[:3])


def _labels_behind(words: tuple[str, ...], behind: tuple[str, ...]) -> Iterator[tuple[frozenset[str], float]]:
    """`30 days of notice`: what follows a number, by itself or with what stands in front."""
    if not behind:
        return
    yield frozenset(behind[:1]), 0.6
    yield frozenset(behind[:2]), 0.6
    yield frozenset({behind[0], behind[-1]}), 0.58
    yield frozenset({*words[-1:], behind[0]}), 0.8
    yield frozenset({*words[-2:-1], behind[0]}), 0.75


def _date_labels(before: str, words: tuple[str, ...]) -> Iterator[tuple[frozenset[str], float]]:
    if DUE.search(before) or "due" in words:
        yield frozenset({"due", "date"}), 0.85
        return
    words = tuple(word for word in words if word not in MONEY_WORDS)
    for label, trust in _windows(words):
        yield label | {"date"}, trust
        yield label, trust - 0.05
    if not words:
        yield frozenset({"date"}), 0.6


def _windows(words: tuple[str, ...]) -> Iterator[tuple[frozenset[str], float]]:
    """The last words before a value: the nearer and the fewer, the more certain."""
    for size in range(1, min(WINDOW, len(words)) + 1):
        yield frozenset(words[-size:]), 0.86 - 0.01 * size
    for back in range(1, min(3, len(words) - 1) + 1):
        yield frozenset({words[-1 - back]}), 0.7 - 0.05 * back


def _named(sentence: str, place: Place) -> Iterator[Pair]:
    """`issued by Acme Ltd to Contoso GmbH` and `Acme Ltd (the "Supplier")`."""
    last = 0
    for found in NAME.finditer(sentence):
        words = canonical(sentence[max(last, found.start() - 40) : found.start()].rpartition(")")[2])
        last = found.end()
        parties = PARTIES & set(words[-2:])
        if len(parties) == 1 and not ROLE.match(sentence, found.end()):
            yield Pair(frozenset(parties), frozenset(), found[0], place, 0.85)
    last = 0
    for role in ROLE.finditer(sentence):
        names = [found[0] for found in PERSON.finditer(sentence, last, role.start() + 1)]
        last = role.end()
        words = canonical(role["bracketed"] or role["said"])[-1:]
        if words and names:
            yield Pair(frozenset(words), frozenset(), _likeliest(names), place, 0.85)


def _likeliest(names: list[str]) -> str:
    """The company among capitalised words, else the first name of several words."""
    companies = [found[0] for name in names if (found := NAME.match(name))]
    several = [name for name in names if " " in name]
    return (companies or several or names[-1:])[0]
