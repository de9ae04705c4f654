"""Values without a label: by cue words, by the form of the text, by where it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from batchata.simulator.corpus import Corpus
from batchata.simulator.labels import Place
from batchata.simulator.letterhead import letterhead
from batchata.simulator.matching import is_issuer
from batchata.simulator.numbers import currency_of
from batchata.simulator.shapes import EXTRACTS, GRADES, HELPERS, SURENESS, Shape
from batchata.simulator.values import ADDRESS, convert, neutral_option, option
from batchata.simulator.vocabulary import NEGATIONS, OTHER_STEMS, STOP
from batchata.simulator.words import CAMEL, canonical, weight

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
KEYWORDS = frozenset({"keyword", "tag", "topic"})
URL = re.compile(r"(?:https?://|www\.)[^\s,;)>]+[\w/]")
LINKS = frozenset({"url", "link", "website", "web", "site", "homepage"})
SAID = re.compile(r"(?:(?:of|is|are|be|shall be|by|in|that of|law|laws|:)\s+)*(.+?)(?=[.;,()]|$)")
KINDS = frozenset(
    {"contract", "invoice", "report", "statement", "policy", "minutes", "letter", "order", "offer", "lease"}
)
REACH = 25
TITLE_LINES, LONGEST_TITLE = 6, 90
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
            return self._currency(shape) if "currency" in shape.words else self._option(shape)
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

    def _option(self, shape: Shape) -> Guess | None:
        """The option with the most cue words; of equals the longer name, which says more."""
        words = self._corpus.words
        if not words:
            return None
        scores = [
            (2 * (bool(own) and own <= words) + sum([len(cues & words) for cues in sets]), len(own))
            for _, own, sets in _scales(shape)
        ]
        best = max(scores)
        self._hits = best[0]
        if self._hits:
            chosen = shape.options[scores.index(best)]
            return self._from_cues(chosen, str(chosen))
        return _undecided(shape)

    def _truth(self, shape: Shape) -> Guess | None:
        if not self._corpus.words:
            return None
        names = shape.words
        cues = _cues(names)
        if not cues:
            return self._stated(shape)
        self._hits = max([len(each & self._corpus.words) for each in cues])
        enough = max(1, min(2, len(self._corpus.words) // SHARE_OF_WORDS))
        return self._from_cues(self._hits >= enough, " ".join(names))

    def _stated(self, shape: Shape) -> Guess:
        """True where a sentence has all words of the name, in any form, and does not deny them."""
        stems = _stems(shape)
        self._hits = 0
        if not stems or not all(any(each in self._corpus.lowered for each in stem) for stem in stems):
            return Guess(value=False)
        for sentence, place in self._corpus.sentences:
            text = sentence.lower()
            found = [max(text.find(each) for each in stem) for stem in stems]
            if min(found) >= 0:
                self._hits = 1
                first, last = min(found), max(found)
                denied = bool(NEGATIONS & set(re.findall(r"[^\W\d_]+", text[max(0, first - REACH) : last])))
                return Guess(not denied, sentence, place if self._corpus.cited else None)
        return Guess(value=False)

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
        return self._in_sentence(shape)

    def _in_sentence(self, shape: Shape) -> Guess | None:
        """A number or a date in a sentence that has all the deciding words of the name."""
        wanted = [words for names in shape.names if (words := weight(names) - {"date"})]
        for sentence, place in self._corpus.sentences if self._corpus.may_have_labels else ():
            if not any(ch.isdigit() for ch in sentence):
                continue
            said = set(canonical(sentence))
            if any(words <= said for words in wanted):
                value = convert(sentence, shape, day_first=self._corpus.day_first)
                return None if value is None else Guess(value, sentence, place)
        return None

    def _string(self, shape: Shape, parent: Shape | None) -> Guess | None:
        names = shape.words
        if shape.format in ("date", "date-time"):
            return self._in_sentence(shape)
        if "currency" in names:
            return self._currency(shape)
        if "email" in names or shape.format == "email":
            return self._pattern(ADDRESS)
        if names & LINKS or shape.format == "uri":
            return self._pattern(URL)
        if names & EXTRACTS and not names - EXTRACTS:
            return self._extract()
        if "title" in names:
            return self._title()
        if names & {"law", "jurisdiction"}:
            return self._said(shape)
        if is_issuer(shape, parent):
            return self._letterhead()
        return None

    def _currency(self, shape: Shape) -> Guess | None:
        """The currency named most often, where it is named first."""
        main = self._corpus.currency
        value = main if main is None or not shape.options else option(main, shape.options)
        if value is None:
            return None
        for place in self._corpus.places():
            found = currency_of(place.row.text)
            if found and found[0] == main:
                return Guess(value, found[1], place if self._corpus.cited else None)
        return None

    def _pattern(self, pattern: re.Pattern[str]) -> Guess | None:
        for place in self._corpus.places():
            if found := pattern.search(place.row.text):
                return Guess(found[0], found[0], place)
        return None

    def _title(self) -> Guess | None:
        """The first line that names a kind of document, else the first line."""
        places = [place for _, place in zip(range(TITLE_LINES), self._corpus.places(), strict=False)]
        named = [place for place in places if KINDS & set(canonical(place.row.cells[0].text))]
        for place in named or places:
            text = place.row.cells[0].text
            if any(ch.isalpha() for ch in text) and len(text) < LONGEST_TITLE:
                return Guess(text, text, place if self._corpus.cited else None)
        return None

    def _said(self, shape: Shape) -> Guess | None:
        """What follows the words of the name in a sentence: `governed by the laws of Switzerland`."""
        for sentence, place in self._corpus.sentences:
            if not any(names <= set(canonical(sentence)) for names in shape.names):
                continue
            for gap in re.finditer(r"\s", sentence):
                head, rest = sentence[: gap.start()], sentence[gap.end() :]
                if not any(names <= set(canonical(head)) for names in shape.names):
                    continue
                found = SAID.match(rest)
                if found and found[1][0].isalnum():
                    return Guess(found[1].strip(), found[1].strip(), place)
        return None

    def _letterhead(self) -> Guess | None:
        found = letterhead(self._corpus)
        return Guess(found[0], found[0], found[1]) if found else None

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


@lru_cache(maxsize=1024)
def _stems(shape: Shape) -> tuple[tuple[str, ...], ...]:
    """The beginnings of the words of a name: `automatic_renewal` is in `renews automatically`."""
    words = [
        word for word in CAMEL.sub(" ", shape.name).lower().replace("_", " ").split() if word not in HELPERS | STOP
    ]
    stems = (word[: max(4, min(len(word) - 2, 6))] for word in words)
    return tuple((stem, *OTHER_STEMS.get(stem, ())) for stem in stems)


@lru_cache(maxsize=1024)
def _scales(shape: Shape) -> tuple[tuple[Any, frozenset[str], tuple[frozenset[str], ...]], ...]:
    """Each option with its words and the cue words for it."""
    spelled = [(each, _spelled(str(each))) for each in shape.options]
    return tuple((each, own, _cues(own)) for each, own in spelled)


@lru_cache(maxsize=1024)
def _undecided(shape: Shape) -> Guess | None:
    """The option that means none of the others, if there is one."""
    value = neutral_option(shape.options)
    return None if value is None else Guess(value)


@lru_cache(maxsize=4096)
def _cues(words: frozenset[str]) -> tuple[frozenset[str], ...]:
    known = {ALSO.get(word, word) for word in words}
    return tuple(CUE_SETS[word] for word in sorted(known) if word in CUE_SETS)


@lru_cache(maxsize=4096)
def _spelled(name: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", name.lower()))
