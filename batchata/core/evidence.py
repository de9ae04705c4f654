"""Lines of an answer that name a field and give its value, such as `- vendor.name: Acme Corp`."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from batchata.core.leaves import Leaf, words_of
from batchata.core.matching import Text

_LINE = re.compile(r"^[ \t|]*(?:(?:[-*\u2022\u2013+]|\d+[.)])[ \t]+)?(?P<rest>[^\n]{3,})$", re.MULTILINE)
_SEPARATOR = re.compile(r"[:=|\u2192]|[ \t][-\u2013\u2014](?=[ \t])")
_DECORATION = "*`_ \t"
_LONGEST_LABEL = 100
_MOST_SPLITS = 5


@dataclass
class _Split:
    """A way to read a line as label and value; `start` and `end` are the value's place in the answer."""

    label: tuple[str, ...]
    start: int
    end: int
    raw: str

    @cached_property
    def value(self) -> Text:
        return Text(self.raw)

    def numbered_from(self, base: int) -> tuple[str, ...]:
        if not base:
            return self.label
        return tuple(str(int(word) - base) if word.isdecimal() else word for word in self.label)


def labelled_lines(
    text: str, leaves: Sequence[Leaf], json_spans: Sequence[tuple[int, int]]
) -> list[tuple[int, int, Leaf]]:
    """The labelled lines outside all JSON as (start, end, leaf); the span is that of the value on the line."""
    index = _Index(leaves)
    lines = [
        splits
        for match in _LINE.finditer(text)
        if not _is_within(match, json_spans) and (splits := list(_splits(match)))
    ]
    base = _numbering(lines, index)
    found = (next(((s.start, s.end, leaf) for s in splits if (leaf := index.find(s, base))), None) for splits in lines)
    return [each for each in found if each is not None]


def _is_within(match: re.Match[str], spans: Sequence[tuple[int, int]]) -> bool:
    return any(start < match.end() and match.start() < end for start, end in spans)


def _splits(match: re.Match[str]) -> Iterator[_Split]:
    """A label may hold separators of its own, as in `Vendor - name - Acme`."""
    rest = match["rest"]
    for number, separator in enumerate(_SEPARATOR.finditer(rest)):
        if number == _MOST_SPLITS or separator.start() > _LONGEST_LABEL:
            return
        value = rest[separator.end() :].lstrip(_DECORATION)
        label = words_of(rest[: separator.start()])
        if label and value.strip():
            yield _Split(label, match.end() - len(value), match.end(), value)


def _numbering(lines: Sequence[Sequence[_Split]], index: _Index) -> int:
    """Whether the labels count list entries from 0, as asked, or from 1: what fits the values better."""
    fits = Counter[int]()
    for split in (split for splits in lines for split in splits):
        if "0" in split.label:
            return 0
        if any(word.isdecimal() for word in split.label):
            for base in (0, 1):
                leaf = index.exact(split.numbered_from(base))
                fits[base] += leaf is not None and leaf.value is not None and leaf.value.count_in(split.value) > 0
    return 1 if fits[1] > fits[0] else 0


class _Index:
    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self._by_trail: dict[str, list[Leaf]] = defaultdict(list)
        self._by_name: dict[str, list[Leaf]] = defaultdict(list)
        for leaf in leaves:
            self._by_trail["".join(leaf.trail)].append(leaf)
            for name in leaf.names:
                self._by_name["".join(name)].append(leaf)

    def exact(self, label: tuple[str, ...]) -> Leaf | None:
        named = self._by_trail.get("".join(label), [])
        return named[0] if len(named) == 1 else None

    def find(self, split: _Split, base: int) -> Leaf | None:
        """The leaf that a label names; where several could be meant, the only one whose value is on the line."""
        found = self.exact(split.numbered_from(base))
        if found is not None:
            return found
        named = self._by_name.get("".join(split.label), [])
        if len(named) == 1:
            return named[0]
        stated = [leaf for leaf in named if leaf.value is not None and leaf.value.count_in(split.value)]
        return stated[0] if len(stated) == 1 else None
