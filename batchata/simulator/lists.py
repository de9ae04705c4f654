"""Lists of single values: behind a label, parted by commas, or as bullets below it."""

from __future__ import annotations

import re
from typing import Any

from batchata.simulator.corpus import Corpus
from batchata.simulator.labels import Place
from batchata.simulator.matching import matches
from batchata.simulator.reading import Row
from batchata.simulator.shapes import Shape
from batchata.simulator.values import convert
from batchata.simulator.words import canonical, likeness

Found = list[tuple[Any, str, Place]]
MARKS = re.compile(r"\s*[,;]\s*(?:and\s+|und\s+|et\s+)?|\s+(?:and|und|et)\s+")
BULLET = re.compile(r"(?:[-*\u2022\u2013\u25aa\u25cf\u00b7>\u2192]|\(?[a-z0-9]{1,2}[.)])\s+(?=\S)")
WORD = re.compile(r"[^\W\d_]+")
CAPITAL = r"[A-ZÀ-Ü][\w'\u2019-]*(?:\s[A-ZÀ-Ü][\w'\u2019-]*)*"
NAMES = re.compile(
    rf"(?:\s|:|in\b|at\b|are\b|were\b|covered\b|served\b|-)*({CAPITAL}(?:(?:,|;|\sand|\sund|\set)+\s{CAPITAL})*)"
)
NAMED = 0.75
SURE = 0.8


def read_list(shape: Shape, item: Shape, parent: Shape | None, corpus: Corpus) -> Found:
    """The values with the words they were read from."""
    if not corpus.may_have_labels:
        return []
    bullets = _bullets(shape, item, corpus)
    if bullets:
        return bullets
    text_shape = Shape("string", shape.name, names=shape.names, words=shape.words)
    found = [match for match in matches(text_shape, parent, corpus) if match.pair.trust > SURE]
    if not found:
        return _enumerated(shape, item, corpus)
    top = max(match.score for match in found)
    parts = {
        (part, id(match.pair.place.row)): (part, match.pair.place)
        for match in found
        if match.score == top
        for part in MARKS.split(match.pair.value)
        if any(map(str.isalpha, part))
    }
    return _converted(list(parts.values()), item, corpus)


def _bullets(shape: Shape, item: Shape, corpus: Corpus) -> Found:
    """The marked lines below a line that is the label."""
    for document, rows in corpus.sources:
        for at, row in enumerate(rows):
            below = _marked(rows[at + 1 :]) if _is_label(row, shape) else []
            if below:
                return _converted([(text, Place(document, each)) for text, each in below], item, corpus)
    return []


def _enumerated(shape: Shape, item: Shape, corpus: Corpus) -> Found:
    """`our sites in Berlin, Graz and Bern`: names behind the word for them."""
    for sentence, place in corpus.sentences if item.kind == "string" and not item.options else ():
        for word in WORD.finditer(sentence):
            if frozenset(canonical(word[0])) not in shape.names:
                continue
            if found := NAMES.match(sentence, word.end()):
                return _converted([(part, place) for part in MARKS.split(found[1])], item, corpus)
    return []


def _is_label(row: Row, shape: Shape) -> bool:
    label = frozenset(canonical(row.text.rstrip(": ")))
    return len(row.cells) == 1 and any(likeness(names, label) >= NAMED for names in shape.names)


def _marked(rows: tuple[Row, ...]) -> list[tuple[str, Row]]:
    found: list[tuple[str, Row]] = []
    for row in rows:
        mark = BULLET.match(row.text)
        if mark is None:
            break
        found.append((row.text[mark.end() :].strip(), row))
    return found


def _converted(parts: list[tuple[str, Place]], item: Shape, corpus: Corpus) -> Found:
    values = [(convert(text, item, day_first=corpus.day_first), text, place) for text, place in parts if text]
    return [each for each in values if each[0] is not None]
