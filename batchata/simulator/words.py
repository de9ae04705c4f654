"""Labels as sets of words: `Invoice No.`, `Rechnungsnummer` and `invoice_number` become the same."""

from __future__ import annotations

import re
from functools import lru_cache

from batchata.simulator.vocabulary import LIGHT, PHRASES, SAME, STOP

PATTERNS = tuple((re.compile(rf"\b(?:{pattern})(?!\w)"), word) for pattern, word in PHRASES)
SYNONYMS = {other: word for word, others in SAME.items() for other in others.split()}
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
NOT_WORD = re.compile(r"[^\w%\u00b0\u2116]+|_")


@lru_cache(maxsize=65_536)
def canonical(text: str) -> tuple[str, ...]:
    """The words of a label or a field name in one spelling, stop words left out."""
    spaced = CAMEL.sub(" ", text).lower().replace("#", " number ")
    plain = " ".join(NOT_WORD.sub(" ", spaced).split())
    for pattern, word in PATTERNS:
        plain = pattern.sub(word, plain)
    words = (SYNONYMS.get(word, word) for word in plain.split() if word not in STOP)
    return tuple(dict.fromkeys(_singular(word) for word in words))


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return SYNONYMS.get(word[:-1], word[:-1])
    return word


def weight(words: frozenset[str]) -> frozenset[str]:
    """The words that decide; those that many labels carry count only when there is nothing else."""
    return words - LIGHT or words


def likeness(field: frozenset[str], label: frozenset[str]) -> float:
    """From 0 (another thing) to 1 (the same words)."""
    if field == label:
        return 1.0
    common = len(field & label)
    if not common:
        return 0.0
    shared = common / len(field | label)
    if weight(field) == weight(label):
        return 0.8 + 0.1 * shared
    return 0.7 * shared if shared > 0.5 else 0.0
