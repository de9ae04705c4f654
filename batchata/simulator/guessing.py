"""Values without a label: by cue words, by the form of the text, by where it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from batchata.simulator.corpus import Corpus
from batchata.simulator.labels import LABEL_WORDS_KNOWN, Place
from batchata.simulator.shapes import Shape
from batchata.simulator.values import ADDRESS, NUMBER, iso_date, neutral_option, number
from batchata.simulator.words import canonical, weight

CUES = {
    "spam": "free winner won win prize click urgent offer cash lottery viagra congratulations guaranteed claim bonus "
            "unsubscribe limited deal discount crypto investment password verify million selected reward buy",
    "positive": "great good excellent love loved happy thanks thank perfect amazing wonderful helpful pleased best "
                "fantastic satisfied recommend nice delighted awesome",
    "negative": "bad terrible awful hate angry broken worst disappointed poor refund late damaged complaint unhappy "
                "useless rude wrong horrible unacceptable frustrated never slow missing",
    "urgent": "urgent immediately asap emergency critical now today deadline outage down blocked",
    "complaint": "complaint complain unhappy disappointed unacceptable refund angry terrible broken damaged worst",
    "billing": "invoice charge charged billing payment refund paid card price subscription receipt bill money",
    "technical": "error bug crash crashes broken login install update fails failed loading screen software app "
                 "password connection server reset",
    "shipping": "delivery shipping shipped package parcel arrived tracking courier late delivered order",
    "sale": "quote pricing demo purchase buy plan trial upgrade enterprise discount",
    "account": "account login password profile email sign username access settings delete",
    "question": "how what when where why who can could does is",
    "refund": "refund return money reimburse reimbursement",
}  # fmt: skip
ALSO = {"high": "urgent", "support": "technical", "bug": "technical", "tech": "technical", "payment": "billing",
        "delivery": "shipping", "sales": "sale", "junk": "spam", "phishing": "spam", "urgency": "urgent",
        "critical": "urgent", "promotion": "spam", "promotional": "spam", "unwanted": "spam"}  # fmt: skip
CUE_SETS = {name: frozenset(words.split()) for name, words in CUES.items()}
EVERY_CUE = frozenset().union(*CUE_SETS.values())
EXTRACTS = frozenset(
    {
        "reason", "summary", "comment", "note", "evidence", "quote", "extract", "excerpt", "abstract", "answer",
        "response", "finding", "analysis", "description", "overview", "subject", "topic", "point",
    }
)  # fmt: skip
SURENESS = frozenset({"confidence", "probability", "score", "certainty", "likelihood"})
GRADES = frozenset({"rating", "score", "star", "grade", "sentiment"})
KEYWORDS = frozenset({"keyword", "tag", "topic"})
CURRENCY = re.compile(
    r"\b(USD|EUR|GBP|CHF|JPY|CAD|AUD|SEK|NOK|DKK|PLN|CZK|INR|CNY|ILS|BRL|MXN|ZAR)\b|([$\u20ac\u00a3\u00a5])"
)
SIGNS = {"$": "USD", "\u20ac": "EUR", "\u00a3": "GBP", "\u00a5": "JPY"}
LONGEST_EXTRACT = 200
SHARE_OF_WORDS = 4


@dataclass(frozen=True, slots=True)
class Guess:
    """`text` is what it was read from, at `place`; without a place it follows from the whole."""

    value: Any
    text: str = ""
    place: Place | None = None


class Guesser:
    """`hits` counts the cue words found last, which later fields are sure by."""

    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._hits = 0

    def guess(self, shape: Shape, parent: Shape | None) -> Guess | None:
        """None when no rule has anything to say."""
        if shape.options:
            return self._option(shape.options)
        match shape.kind:
            case "boolean":
                return self._truth(shape)
            case "number" | "integer":
                return self._number(shape)
            case "string":
                return self._string(shape, parent)
        return None

    def several(self, shape: Shape) -> list[Any] | None:
        """Keywords: the longest different words, in the order of the text."""
        item = shape.item
        if item is None or not shape.words & KEYWORDS or item.kind != "string" or item.options:
            return None
        words = dict.fromkeys(word for word in re.findall(r"[^\W\d_]{5,}", self._corpus.text.lower()))
        longest = set(sorted(words, key=len, reverse=True)[:3])
        return [word for word in words if word in longest] or None

    def _option(self, options: tuple[Any, ...]) -> Guess | None:
        if not self._corpus.words:
            return None
        scores = [self._score(str(each)) for each in options]
        self._hits = max(scores)
        if self._hits:
            return self._from_cues(options[scores.index(self._hits)], str(options[scores.index(self._hits)]))
        return Guess(neutral_option(options))

    def _score(self, name: str) -> int:
        own = _spelled(name)
        words = self._corpus.words
        return 2 * (bool(own) and own <= words) + sum(len(cues & words) for cues in _cues(own))

    def _truth(self, shape: Shape) -> Guess | None:
        if not self._corpus.words:
            return None
        names = shape.words
        cues = _cues(names)
        if not cues:
            self._hits = int(bool(names) and weight(names) <= self._corpus.words)
            return Guess(bool(self._hits))
        self._hits = max(len(each & self._corpus.words) for each in cues)
        enough = max(1, min(2, len(self._corpus.words) // SHARE_OF_WORDS))
        return self._from_cues(self._hits >= enough, " ".join(names))

    def _from_cues(self, value: Any, name: str) -> Guess:
        """With the first row that holds a cue, where the text came as a document."""
        if not self._corpus.cited:
            return Guess(value)
        own = _spelled(name)
        wanted = own.union(*_cues(own))
        for place in self._corpus.places():
            if wanted & set(re.findall(r"[a-z]+", place.row.text.lower())):
                return Guess(value, place.row.text, place)
        return Guess(value)

    def _number(self, shape: Shape) -> Guess | None:
        names = shape.words
        if names & SURENESS and shape.kind == "number":
            return Guess(round(min(0.97, 0.6 + 0.09 * self._hits), 2)) if self._corpus.words else None
        if names & GRADES and shape.kind == "integer" and self._corpus.words:
            words = self._corpus.words
            mood = len(CUE_SETS["positive"] & words) - len(CUE_SETS["negative"] & words)
            return Guess(max(1, min(5, 3 + mood)))
        return self._in_row(shape)

    def _in_row(self, shape: Shape) -> Guess | None:
        """A number or a date in a line that has all the deciding words of the name."""
        wanted = [weight(names) for names in shape.names]
        spelled = {word for names in wanted for word in names}
        if not spelled:
            return None
        for place in self._corpus.places():
            text = place.row.text
            if not any(ch.isdigit() for ch in text):
                continue
            if any(names <= set(canonical(text)) for names in wanted) and (value := _typed(text, shape)) is not None:
                return Guess(value, text, place)
        return None

    def _string(self, shape: Shape, parent: Shape | None) -> Guess | None:
        names = shape.words
        if shape.format in ("date", "date-time"):
            return self._in_row(shape)
        if "currency" in names:
            return self._currency()
        if "email" in names or shape.format == "email":
            return self._pattern(ADDRESS)
        if names & EXTRACTS and not names - EXTRACTS:
            return self._extract()
        party = names | (set().union(*parent.names) if parent else set())
        if "vendor" in party and names <= {"vendor", "name"}:
            return self._letterhead()
        return None

    def _currency(self) -> Guess | None:
        for place in self._corpus.places():
            if found := CURRENCY.search(place.row.text):
                return Guess(found[1] or SIGNS[found[2]], found[0], place)
        return None

    def _pattern(self, pattern: re.Pattern[str]) -> Guess | None:
        for place in self._corpus.places():
            if found := pattern.search(place.row.text):
                return Guess(found[0], found[0], place)
        return None

    def _letterhead(self) -> Guess | None:
        """The first line of a document that is not the name of the kind of document."""
        for place in self._corpus.places():
            if place.document is None:
                return None
            text = place.row.cells[0].text
            words = set(canonical(text))
            if words and not words <= LABEL_WORDS_KNOWN and ":" not in text and not words <= {"page", "tax"}:
                return Guess(text, text, place)
        return None

    def _extract(self) -> Guess | None:
        """The sentence with the most cue words; of equals the first."""
        sentences = self._corpus.sentences[:50]
        if not sentences:
            return None
        cues = EVERY_CUE & self._corpus.words
        lowered = [text.lower() for text, _ in sentences] if cues else [""]
        scores = [sum([cue in text for cue in cues]) for text in lowered]
        text, place = sentences[scores.index(max(scores))]
        return Guess(text[:LONGEST_EXTRACT], text[:LONGEST_EXTRACT], place)


def _typed(text: str, shape: Shape) -> Any:
    if shape.format in ("date", "date-time"):
        day = iso_date(text)
        return day if day is None or shape.format == "date" else f"{day}T00:00:00Z"
    found = NUMBER.search(text)
    return number(found[0], whole=shape.kind == "integer") if found else None


@lru_cache(maxsize=4096)
def _cues(words: frozenset[str]) -> tuple[frozenset[str], ...]:
    known = {ALSO.get(word, word) for word in words}
    return tuple(CUE_SETS[word] for word in sorted(known) if word in CUE_SETS)


@lru_cache(maxsize=4096)
def _spelled(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", name.lower()))
