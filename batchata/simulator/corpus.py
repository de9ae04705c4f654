"""What an answer may be found in: the documents of a request, or else the user's words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Generic, TypeVar

from batchata.simulator.dates import shows_day_first
from batchata.simulator.furniture import repeated_rows
from batchata.simulator.labels import Pair, Place, pairs_of
from batchata.simulator.numbers import main_currency
from batchata.simulator.prose import told_in
from batchata.simulator.reading import Document, Row, flat, rows_of
from batchata.simulator.requests import Request
from batchata.simulator.sentences import spans
from batchata.simulator.words import canonical

SENTENCE = re.compile(r"[^\s.!?][^.!?\n]*(?:(?:[.!?]+(?=[^\s.!?])|\n(?=[a-z]))[^.!?\n]*)*[.!?]*")
SHORT = 60
DIGITS = re.compile(r"\d+")
WORD = re.compile(r"[^\W_]+(?:'[a-z]+)?")


Owner = TypeVar("Owner")
Value = TypeVar("Value")


class once(Generic[Owner, Value]):  # noqa: N801 - it is used like `property`
    """A property worked out when first asked for; `functools.cached_property` takes a lock each time in 3.11."""

    def __init__(self, work: Callable[[Owner], Value]) -> None:
        self._work = work

    def __get__(self, owner: Owner, _: type[Owner]) -> Value:
        value = owner.__dict__[self._work.__name__] = self._work(owner)
        return value


NOWHERE = Place(None, Row(0, (), "", 0, 0))


class Corpus:
    """Rows, labels and words, each worked out when first asked for."""

    def __init__(self, documents: list[Document], text: str) -> None:
        self._documents = documents
        self._message = text

    @classmethod
    def of(cls, request: Request, without: str = "") -> Corpus:
        """The documents; when there are none the last text of the user, `without` the schema in it."""
        text = request.texts[-1] if request.texts and not request.documents else ""
        return cls(request.documents, text.replace(without, " ") if without else text)

    @property
    def cited(self) -> bool:
        return bool(self._documents)

    @once
    def sources(self) -> list[tuple[Document | None, tuple[Row, ...]]]:
        if self._documents:
            return [(document, rows_in(document)) for document in self._documents]
        return [(None, rows_of(self._message, 0))]

    @once
    def may_have_labels(self) -> bool:
        """False for a message of running text, so that thousands of them are read quickly."""
        text = self._message
        return self.cited or len(text) < SHORT or ":" in text or "\n" in text or "=" in text or "  " in text

    def may_name(self, words: frozenset[str], *, judged: bool) -> bool:
        """Whether a label may state one of the fields `words` are from.

        Where all of them are `judged` by the whole text, the start of a one-line message has to name one.
        """
        if not judged or self.cited or not self.may_have_labels:
            return self.may_have_labels
        text = self._message
        if "\n" in text or "  " in text or "=" in text:
            return True
        label, colon, _ = text.partition(": ")
        return bool(colon) and len(label) < SHORT and bool(words & set(canonical(DIGITS.sub("0", label))))

    @once
    def pairs(self) -> list[Pair]:
        """The readings as label and value: laid out ones first, then those inside sentences."""
        laid_out = [pair for document, rows in self.sources for pair in pairs_of(document, rows)]
        return [*laid_out, *(pair for sentence, place in self.sentences for pair in told_in(sentence, place))]

    @once
    def repeated(self) -> frozenset[int]:
        """Ids of the rows that are page headers and footers."""
        return frozenset().union(*(repeated_rows(rows) for _, rows in self.sources))

    @once
    def day_first(self) -> bool:
        """Whether 03/04/2026 is in April: by the other dates, else by the currency."""
        shown = shows_day_first(self.text)
        return shown if shown is not None else self.currency in ("EUR", "GBP", "CHF")

    @once
    def currency(self) -> str | None:
        return main_currency(place.row.text for place in self.places())

    @once
    def pairs_by_word(self) -> dict[str, list[Pair]]:
        """Labelled values by each word of their label."""
        index: dict[str, list[Pair]] = defaultdict(list)
        for pair in self.pairs:
            for word in pair.label:
                index[word].append(pair)
        return index

    @once
    def words(self) -> frozenset[str]:
        return frozenset(WORD.findall(self.lowered))

    @once
    def lowered(self) -> str:
        return self.text.lower()

    @once
    def text(self) -> str:
        return "\n".join(place.row.text for place in self.places()) if self.cited else self._message

    def places(self) -> Iterator[Place]:
        """Every row in reading order."""
        for document, rows in self.sources:
            for row in rows:
                yield Place(document, row)

    @once
    def sentences(self) -> list[tuple[str, Place]]:
        if not self.cited:
            return [(" ".join(text.split()), NOWHERE) for text in SENTENCE.findall(self._message)]
        return [
            found for document in self._documents for page in document.pages
            for found in _split(page.text, document, page.number)
        ]  # fmt: skip


def rows_in(document: Document) -> tuple[Row, ...]:
    return tuple(row for page in document.pages for row in page.rows)


def _split(text: str, document: Document | None, page: int) -> Iterator[tuple[str, Place]]:
    for start, end, sentence in _sentences_of(text):
        yield sentence, Place(document, Row(page, (), sentence, start, end))


@lru_cache(maxsize=256)
def _sentences_of(text: str) -> tuple[tuple[int, int, str], ...]:
    """One page is often asked many questions."""
    return tuple((start, end, flat(text[start:end])) for start, end in spans(text))
