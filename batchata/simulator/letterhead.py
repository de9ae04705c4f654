"""Who wrote a document when no label says so: the most prominent name at its top."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from statistics import median

from batchata.simulator.corpus import Corpus
from batchata.simulator.dates import dates_in
from batchata.simulator.labels import INLINE, Place, is_known
from batchata.simulator.numbers import amounts_in
from batchata.simulator.parties import STREET
from batchata.simulator.reading import Cell, Document, Row
from batchata.simulator.vocabulary import LEGAL_FORMS
from batchata.simulator.words import canonical

LEGAL = re.compile(rf"(?:^|[\s,])(?:{LEGAL_FORMS})(?:\b|\.)(?:\s*(?:&|and|und)\s*Co\.?(?:\s*KG)?)?", re.MULTILINE)
TITLES = frozenset(
    {"page", "tax", "statement", "copy", "original", "note", "credit", "number", "date", "final", "agreement"}
)
TOP = 12
ENOUGH = 1.0
MOST_WORDS = 7


@dataclass(frozen=True, slots=True)
class _Candidate:
    score: float
    cell: Cell
    place: Place


def letterhead(corpus: Corpus) -> tuple[str, Place] | None:
    """The name of the issuer, and where it stands first."""
    found = [each for document, rows in corpus.sources if document for each in _candidates(corpus, document, rows)]
    best = max(found, key=lambda each: each.score, default=None)
    return (best.cell.text, best.place) if best is not None and best.score >= ENOUGH else None


def _candidates(corpus: Corpus, document: Document, rows: tuple[Row, ...]) -> list[_Candidate]:
    top = [row for row in rows if row.page == rows[0].page][:TOP] if rows else []
    buyers = _buyers(corpus)
    seen = Counter(cell.text for row in rows for cell in row.cells)
    body = median([cell.size for row in rows for cell in row.cells if cell.size] or [0.0])
    edges = [row for row in rows if id(row) in corpus.repeated]
    return [
        _Candidate(_score(cell, at, seen[cell.text], body), cell, Place(document, row))
        for at, row in [*enumerate(top), *((TOP, row) for row in edges)]
        for cell in row.cells
        if _is_name(cell.text) and cell.text not in buyers
    ]


def _score(cell: Cell, at: int, times: int, body: float) -> float:
    larger = min(2.0, 2 * (cell.size / body - 1)) if cell.size and body else 0.0
    return 2.5 * bool(LEGAL.search(cell.text)) + max(0.0, larger) + 1.2 * (times > 1) + max(0.0, 1.6 - 0.3 * at)


def _is_name(text: str) -> bool:
    words = set(canonical(text))
    if not words or len(text.split()) > MOST_WORDS or not text[0].isalnum() or text[0].islower():
        return False
    if all(len(word) == 1 for word in text.split()):
        return False
    letters = sum(ch.isalpha() for ch in text)
    if (
        letters < 3
        or INLINE.match(text)
        or any(amounts_in(text))
        or ": " in text
        or "@" in text
        or "www." in text.lower()
        or is_known(text)
        or words <= TITLES
    ):
        return False
    titled = {"invoice", "contract"} & words and (len(words) < 3 or any(ch.isdigit() for ch in text))
    ended = text.endswith((".", ",", "!", "?")) and not LEGAL.search(text)
    return not (titled or ended or STREET.search(text) or any(dates_in(text)) or "customer" in words)


def _buyers(corpus: Corpus) -> frozenset[str]:
    """What stands beside or below a label of the other party."""
    return frozenset(
        pair.value for pair in corpus.pairs if "customer" in pair.label or ("ship" in pair.label and pair.trust > 0.6)
    )
