"""A shape and a corpus -> the value, and where each part of it was read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from batchata.simulator.corpus import Corpus
from batchata.simulator.guessing import Guesser
from batchata.simulator.labels import Pair, Place
from batchata.simulator.shapes import Shape
from batchata.simulator.tables import Entry, read_table
from batchata.simulator.values import convert, neutral
from batchata.simulator.words import PARTIES, likeness

ENOUGH = 0.45
WITHOUT_PARENT = 0.75
LIST_MARKS = re.compile(r"\s*[,;]\s*|\s+and\s+")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value at its path (`vendor.name`, `lines[2].amount`) and, worded as read, where it stands."""

    path: str
    value: Any
    text: str
    place: Place


@dataclass(slots=True)
class Filled:
    value: Any = None
    leaves: list[Leaf] = field(default_factory=list)


def fill(shape: Shape, corpus: Corpus) -> Filled:
    """The shape filled from what was read, never from anything else."""
    filler = _Filler(corpus)
    value = filler.value(shape, "", None)
    return Filled(neutral(shape) if value is None else value, filler.leaves)


class _Filler:
    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus
        self._guesser = Guesser(corpus)
        self.leaves: list[Leaf] = []

    def value(self, shape: Shape, path: str, parent: Shape | None) -> Any:
        """The value, or None when nothing was found for it."""
        if shape.kind == "object":
            return self._object(shape, path)
        if shape.kind == "array":
            return self._array(shape, path, parent)
        return self._leaf(shape, path, parent)

    def _object(self, shape: Shape, path: str) -> dict[str, Any] | None:
        """Optional properties only when they were found."""
        known = len(self.leaves)
        result: dict[str, Any] = {}
        guessed = False
        for child in shape.children:
            value = self.value(child, f"{path}.{child.name}" if path else child.name, shape)
            guessed = guessed or value is not None
            if value is not None or child.required or child.nullable:
                result[child.name] = neutral_object(child) if value is None else value
        nothing = len(self.leaves) == known and not guessed
        return None if nothing and path and shape.nullable else result

    def _array(self, shape: Shape, path: str, parent: Shape | None) -> list[Any] | None:
        item = shape.item
        if item is None:
            return None
        if item.kind != "object":
            return self._list(shape, item, path, parent)
        entries = [entry for document, rows in self._corpus.sources for entry in read_table(item, document, rows)]
        return [self._entry(item, entry, f"{path}[{index}]") for index, entry in enumerate(entries)] or None

    def _entry(self, item: Shape, entry: Entry, path: str) -> dict[str, Any]:
        result = {}
        for child in item.children:
            value, text = entry.values.get(child.name, (None, ""))
            if value is not None:
                self.leaves.append(Leaf(f"{path}.{child.name}", value, text, entry.place))
            if value is not None or child.required or child.nullable:
                result[child.name] = neutral_object(child) if value is None else value
        return result

    def _list(self, shape: Shape, item: Shape, path: str, parent: Shape | None) -> list[Any] | None:
        text_shape = Shape("string", shape.name, names=shape.names)
        pair = self._labelled(text_shape, parent)
        if pair is None:
            return self._guesser.several(shape)
        parts = [part for part in LIST_MARKS.split(pair.value) if part]
        values = [(convert(part, item), part) for part in parts]
        found = [(value, part) for value, part in values if value is not None]
        self.leaves += [Leaf(f"{path}[{at}]", value, part, pair.place) for at, (value, part) in enumerate(found)]
        return [value for value, _ in found] or None

    def _leaf(self, shape: Shape, path: str, parent: Shape | None) -> Any:
        pair = self._labelled(shape, parent)
        if pair is not None:
            value = convert(pair.value, shape)
            self.leaves.append(Leaf(path or "value", value, pair.value, pair.place))
            return value
        guess = self._guesser.guess(shape, parent)
        if guess is None:
            return None
        if guess.place is not None:
            self.leaves.append(Leaf(path or "value", guess.value, guess.text, guess.place))
        return guess.value

    def _labelled(self, shape: Shape, parent: Shape | None) -> Pair | None:
        """The labelled value that fits best; of equals the first."""
        best, top = None, ENOUGH
        for pair in self._candidates(shape, parent):
            score = _score(shape, parent, pair) * pair.trust
            if score > top and convert(pair.value, shape) is not None:
                best, top = pair, score
        return best

    def _candidates(self, shape: Shape, parent: Shape | None) -> list[Pair]:
        if not self._corpus.may_have_labels:
            return []
        index = self._corpus.pairs_by_word
        words = {word for names in (*shape.names, *(parent.names if parent else ())) for word in names}
        found = {id(pair): pair for word in words for pair in index.get(word, ())}
        return [pair for pair in self._corpus.pairs if id(pair) in found] if found else []


def neutral_object(shape: Shape) -> Any:
    """Like `neutral`, with the required properties of an object."""
    if shape.kind == "object" and not shape.nullable:
        return {child.name: neutral_object(child) for child in shape.children if child.required}
    return neutral(shape)


def _score(shape: Shape, parent: Shape | None, pair: Pair) -> float:
    labels = (pair.label, pair.label | pair.section)
    above = parent.names if parent is not None and parent.name else ()
    joint = [own | upper for own in shape.names for upper in above]
    score = max((likeness(names, label) for names in joint for label in labels), default=0.0)
    alone = max((likeness(own, pair.label) for own in shape.names), default=0.0)
    if not above:
        return alone
    return max(score, alone * WITHOUT_PARENT if _may_stand_alone(above, pair) else 0.0)


def _may_stand_alone(above: tuple[frozenset[str], ...], pair: Pair) -> bool:
    """A plain `Address` is the vendor's only when it does not stand under the customer."""
    party = {word for names in above for word in names} & PARTIES
    other = (pair.section | pair.label) & PARTIES
    return not party or party == other or (not other and "customer" not in party and "ship" not in party)
