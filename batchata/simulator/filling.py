"""A shape and a corpus -> the value, and where each part of it was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from batchata.simulator.corpus import Corpus
from batchata.simulator.guessing import Guess, Guesser
from batchata.simulator.labels import Place
from batchata.simulator.lists import read_list
from batchata.simulator.matching import assign, plan_of
from batchata.simulator.parties import beside
from batchata.simulator.records import read_records, read_roles
from batchata.simulator.shapes import Shape
from batchata.simulator.tables import Entry, read_table
from batchata.simulator.values import neutral


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


def fill(shape: Shape, corpus: Corpus, *, forced: bool) -> Filled:
    """The shape filled from what was read, never from anything else.

    What was not found is null or left out; where a grammar forces a value (`forced`), it is an empty one.
    """
    filler = _Filler(shape, corpus, forced=forced)
    value = filler.value(shape, "", None)
    return Filled(filler.nothing(shape) if value is None else value, filler.leaves)


class _Filler:
    def __init__(self, shape: Shape, corpus: Corpus, *, forced: bool) -> None:
        self._corpus = corpus
        self._forced = forced
        self._matches = assign(plan_of(shape), corpus)
        self._guesser = Guesser(corpus)
        self.leaves: list[Leaf] = []

    def value(self, shape: Shape, path: str, parent: Shape | None) -> Any:
        """The value, or None when nothing was found for it."""
        if shape.kind == "object":
            return self._object(shape, path)
        if shape.kind == "array":
            return self._array(shape, path, parent)
        return self._leaf(shape, path, parent)

    def nothing(self, shape: Shape) -> Any:
        """What stands for a value that was not found."""
        if shape.kind == "object" and not shape.nullable:
            return {child.name: self.nothing(child) for child in shape.children if child.required}
        if shape.kind == "array" and not shape.nullable:
            return []
        return neutral(shape) if self._forced else None

    def _object(self, shape: Shape, path: str) -> dict[str, Any] | None:
        """Optional properties only when they were found."""
        result: dict[str, Any] = {}
        found = False
        for child in shape.children:
            value = self.value(child, f"{path}.{child.name}" if path else child.name, shape)
            found = found or value is not None
            if value is not None or child.required or child.nullable:
                result[child.name] = self.nothing(child) if value is None else value
        return None if not found and path and (shape.nullable or not shape.required) else result

    def _array(self, shape: Shape, path: str, parent: Shape | None) -> list[Any] | None:
        item = shape.item
        if item is None:
            return None
        if item.kind != "object":
            return self._list(shape, item, path, parent)
        entries = self._tables(item) or self._records(item)
        return [self._entry(item, entry, f"{path}[{index}]") for index, entry in enumerate(entries)] or None

    def _tables(self, item: Shape) -> list[Entry]:
        corpus = self._corpus
        return [
            entry
            for document, rows in corpus.sources
            for entry in read_table(item, document, rows, corpus.repeated, day_first=corpus.day_first)
        ]

    def _records(self, item: Shape) -> list[Entry]:
        """Lines, and where no line is one, sentences; what a single value was read from is none."""
        if not self._corpus.may_have_labels:
            return []
        rows = [
            ("  ".join([cell.text for cell in place.row.cells]), place)
            for place in self._corpus.places()
            if id(place.row) not in self._corpus.repeated
        ]
        if any(child.options for child in item.children):
            return read_roles(item, self._corpus.pairs)
        cells = [(cell.text, place) for _, place in rows for cell in place.row.cells if len(place.row.cells) > 1]
        readings = (read_records(item, units) for units in (rows, cells, self._corpus.sentences))
        return next((found for found in readings if found), [])

    def _entry(self, item: Shape, entry: Entry, path: str) -> dict[str, Any]:
        result = {}
        for child in item.children:
            value, text = entry.values.get(child.name, (None, ""))
            if value is not None:
                self.leaves.append(Leaf(f"{path}.{child.name}", value, text, entry.place))
            if value is not None or child.required or child.nullable:
                result[child.name] = self.nothing(child) if value is None else value
        return result

    def _list(self, shape: Shape, item: Shape, path: str, parent: Shape | None) -> list[Any] | None:
        found = read_list(shape, item, parent, self._corpus)
        if not found:
            return self._guesser.several(shape)
        self.leaves += [Leaf(f"{path}[{at}]", value, text, place) for at, (value, text, place) in enumerate(found)]
        return [value for value, _, _ in found]

    def _leaf(self, shape: Shape, path: str, parent: Shape | None) -> Any:
        near = self._near_name(shape, path) if self._matches and parent is not None else None
        match = self._matches.get(path) if near is None else None
        if match is not None:
            self.leaves.append(Leaf(path or "value", match.value, match.text, match.pair.place))
            return match.value
        guess = near or self._guesser.guess(shape, parent)
        if guess is None:
            return None
        if guess.place is not None:
            self.leaves.append(Leaf(path or "value", guess.value, guess.text, guess.place))
        return guess.value

    def _near_name(self, shape: Shape, path: str) -> Guess | None:
        """The address or the tax number of a party whose name was found."""
        kind = next((word for word in ("address", "taxid") if word in shape.words), None)
        name = self._matches.get(path.rpartition(".")[0] + ".name")
        if kind is None or name is None or shape.kind != "string":
            return None
        others = frozenset(
            match.text for path, match in self._matches.items() if path.endswith(".name") and match.text != name.text
        )
        found = beside(name.text, others, name.pair, kind, self._corpus)
        return Guess(found[0], found[0], found[1]) if found else None
