"""Lines of an answer that name a field and give its value, such as `- vendor.name: Acme Corp`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from batchata.core.leaves import Leaf, words_of
from batchata.core.matching import Text

_LINE = re.compile(
    r"^[ \t]*(?:[-*\u2022\u2013+]|\d+[.)])?[ \t]*(?P<label>[^:=|\n]{1,100}?)[*`_\"' \t]*[:=][*`_ \t]*(?P<value>[^\n]+)$"
    r"|^[ \t]*\|[ \t]*(?P<cell>[^|\n]{1,100}?)[ \t]*\|[ \t]*(?P<beside>[^|\n]+?)[ \t]*\|",
    re.MULTILINE,
)


def labelled_lines(text: str, leaves: Sequence[Leaf], json_span: tuple[int, int]) -> list[tuple[int, int, Leaf]]:
    """The labelled lines outside the JSON as (start, end, leaf); the span is that of the value on the line."""
    index = _Index(leaves)
    return list(_lines(text, index, json_span))


def _lines(text: str, index: _Index, json_span: tuple[int, int]) -> Iterator[tuple[int, int, Leaf]]:
    for match in _LINE.finditer(text):
        if json_span[0] <= match.start() < json_span[1]:
            continue
        group, label = ("value", match["label"]) if match["label"] else ("beside", match["cell"])
        leaf = index.find(label, Text(match[group]))
        if leaf is not None:
            yield match.start(group), match.end(group), leaf


class _Index:
    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self.by_trail: dict[str, list[Leaf]] = defaultdict(list)
        self.by_shape: dict[tuple[str, ...], list[Leaf]] = defaultdict(list)
        self.by_name: dict[str, list[Leaf]] = defaultdict(list)
        for leaf in leaves:
            self.by_trail["".join(leaf.trail)].append(leaf)
            self.by_shape[_without_numbers(leaf.trail)].append(leaf)
            for name in leaf.names:
                self.by_name["".join(name)].append(leaf)

    def find(self, label: str, value: Text) -> Leaf | None:
        """The leaf that a label names; where several could be meant, the one whose value stands on the line."""
        words = words_of(label)
        exact = self.by_trail.get("".join(words), [])
        if len(exact) == 1:
            return self._unless_misnumbered(exact[0], value)
        return _only(self._by_number(words), value) or _only(self.by_name.get("".join(words), []), value)

    def _unless_misnumbered(self, leaf: Leaf, value: Text) -> Leaf | None:
        """A model may count rows from 1: then the value on the line belongs to the row before."""
        alike = self.by_shape[_without_numbers(leaf.trail)]
        if len(alike) == 1 or leaf.value is None or leaf.value.count_in(value):
            return leaf
        return _stating(alike, value) or leaf

    def _by_number(self, words: tuple[str, ...]) -> list[Leaf]:
        numbers = {int(word) for word in words if word.isdigit()}
        alike = self.by_shape.get(_without_numbers(words), [])
        if not numbers:
            return alike
        wanted = {str(number - 1) for number in numbers} | {str(number) for number in numbers}
        return [leaf for leaf in alike if wanted.intersection(leaf.trail)]


def _without_numbers(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for word in words if not word.isdigit())


def _only(leaves: Sequence[Leaf], value: Text) -> Leaf | None:
    return leaves[0] if len(leaves) == 1 else _stating(leaves, value)


def _stating(leaves: Sequence[Leaf], value: Text) -> Leaf | None:
    stated = [leaf for leaf in leaves if leaf.value is not None and leaf.value.count_in(value)]
    return stated[0] if len(stated) == 1 else None
