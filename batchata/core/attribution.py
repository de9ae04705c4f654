"""Which fields a citation is about, when several could be: by value first, then by neighbours and labels.

A citation goes only to a field whose value its text states. Where fields have the same value, the cited text
has to tell them apart, by the other values of the field's own row or by the words of its name; otherwise
nobody gets it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from batchata.core.leaves import Leaf
from batchata.core.matching import Text

C = TypeVar("C")

_ROW_WEIGHT = 3
_FEW = 3
_LONG_NAME = 6


@dataclass(frozen=True, slots=True)
class Evidence:
    """A citation's text as something to search, and with it the text of the answer that uses the citation."""

    cited: Text
    context: Text


@dataclass(frozen=True, slots=True)
class _Hit:
    """A leaf whose value a text states. `score` is how much more there is for it, `full` all there could be."""

    leaf: Leaf
    score: int
    full: bool
    sure: bool


class Attribution:
    """Attributes texts to the leaves of one result."""

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self.leaves = [leaf for leaf in leaves if leaf.value is not None]
        self._rows: dict[str, list[Leaf]] = defaultdict(list)
        self._known: dict[tuple[int, str], bool] = {}
        for leaf in self.leaves:
            self._rows[leaf.row].append(leaf)

    def attribute(
        self,
        pool: Iterable[tuple[C, Evidence]],
        among: Sequence[Leaf],
        owners: Mapping[C, set[str]],
        wanting: Collection[str],
    ) -> dict[str, list[C]]:
        """For each path that is `wanting` the citations that are its own, the best supported ones only.

        All leaves `among` compete for them. `owners` says which paths already have a citation; among fields of
        one value they keep it.
        """
        pool = list(pool)
        stated = [self._stated(evidence.cited, among) for _, evidence in pool]
        often = Counter(leaf.path for leaves in stated for leaf in leaves)
        scored: dict[str, list[tuple[int, C]]] = defaultdict(list)
        for (citation, evidence), leaves in zip(pool, stated, strict=True):
            alone = len(leaves) == 1 and len(among) <= _FEW
            for group in _by_reading(leaves, evidence.cited):
                if not any(leaf.path in wanting for leaf in group):
                    continue
                for hit in self._winners(group, evidence, often, owners.get(citation, set()), alone=alone):
                    scored[hit.leaf.path].append((hit.score, citation))
        return {path: _best(found) for path, found in scored.items() if path in wanting}

    def states_any(self, text: Text, leaves: Iterable[Leaf]) -> bool:
        return any(self._states(text, leaf) for leaf in leaves)

    def _stated(self, text: Text, among: Sequence[Leaf]) -> list[Leaf]:
        leaves = [leaf for leaf in among if self._states(text, leaf)]
        return [leaf for leaf in leaves if not _is_inside_another(leaf, leaves, text)]

    def _winners(
        self, group: Sequence[Leaf], evidence: Evidence, often: Counter[str], owned_by: set[str], *, alone: bool
    ) -> Sequence[_Hit]:
        """Of the leaves with one value those the text is about. Most are the only one, and found only here."""
        first = group[0]
        if len(group) == 1 and often[first.path] == 1 and (alone or _is_distinct(first, evidence.cited)):
            return [_Hit(first, score=0, full=False, sure=True)]
        hits = [self._hit(leaf, evidence) for leaf in group]
        sure = [hit for hit in hits if alone or hit.sure or hit.leaf.path in owned_by]
        return _told_apart(sure, owned_by, evidence.cited)

    def _hit(self, leaf: Leaf, evidence: Evidence) -> _Hit:
        beside = [other for other in self._rows[leaf.row] if other is not leaf] if leaf.row else []
        siblings = sum(self._states(evidence.cited, other) for other in beside)
        label = _NO_LABEL if leaf.in_list and beside else self._label(leaf, evidence)
        return _Hit(
            leaf,
            score=_ROW_WEIGHT * siblings + (0 if label.mixed else label.words),
            full=(label.complete and not label.mixed) or 0 < siblings == len(beside),
            sure=_is_distinct(leaf, evidence.cited) or label.words > 0 or (leaf.in_list and siblings > 0),
        )

    def _states(self, text: Text, leaf: Leaf) -> bool:
        """Asked of the same pairs again and again; the texts live as long as the answer that holds them."""
        key = (id(text), leaf.path)
        if key not in self._known:
            self._known[key] = leaf.value is not None and leaf.value.count_in(text) > 0
        return self._known[key]

    def _label(self, leaf: Leaf, evidence: Evidence) -> _Label:
        """What the lines that state the value say of the field's name."""
        lines = [line for line in evidence.context.label_lines if self._states(line, leaf)] or [evidence.context]
        return max((self._label_on(leaf, line) for line in lines), key=lambda label: (not label.mixed, label.words))

    def _label_on(self, leaf: Leaf, line: Text) -> _Label:
        words = line.stems
        name = max(leaf.names, key=lambda each: sum(word in words for word in each), default=())
        own = sum(word in words for word in name)
        if len(name) == 1 and len(name[0]) >= _LONG_NAME and name[0] in line.joined:
            own = 2
        parents = {word for word in leaf.trail[: -len(name) or None] if not word.isdigit()}
        count = own + len(parents & words)
        return _Label(count, complete=bool(name) and own >= len(name), mixed=count > 0 and self._is_mixed(leaf, line))

    def _is_mixed(self, leaf: Leaf, line: Text) -> bool:
        """Whether it says, say, `Total before tax`: no label of a field `total` beside a field `tax`."""
        own = {word for name in leaf.names for word in name} | set(leaf.trail)
        return any(
            not self._states(line, other) and other.names and set(other.names[0]) <= line.stems
            for other in self._rows[leaf.row]
            if other is not leaf and own.isdisjoint(other.names[0])
        )


@dataclass(frozen=True, slots=True)
class _Label:
    words: int
    complete: bool
    mixed: bool


_NO_LABEL = _Label(0, complete=False, mixed=False)


def _is_distinct(leaf: Leaf, text: Text) -> bool:
    return leaf.value is not None and leaf.value.is_distinct_in(text)


def _by_reading(leaves: Sequence[Leaf], text: Text) -> list[list[Leaf]]:
    """Leaves whose values the text does not tell apart, together."""
    groups: dict[object, list[Leaf]] = defaultdict(list)
    for leaf in leaves:
        groups[leaf.value.reading_in(text) if leaf.value else None].append(leaf)
    return list(groups.values())


def _is_inside_another(leaf: Leaf, stated: Sequence[Leaf], text: Text) -> bool:
    """ACME is not stated by a text that says ACME Holdings, when that is another field's value."""
    mine = leaf.value.folded if leaf.value and not leaf.value.numbers else ""
    if not mine:
        return False
    longer = {other.value.folded for other in stated if other.value}
    covered = sum(text.folded.count(each) for each in longer if mine in each and mine != each)
    return covered > 0 and text.folded.count(mine) <= covered


def _told_apart(group: Sequence[_Hit], owned_by: set[str], text: Text) -> Sequence[_Hit]:
    """Of fields with one value those that the text is about; none when it could be any of them."""
    if len(group) < 2:
        return group
    if owners := [hit for hit in group if hit.leaf.path in owned_by]:
        return owners
    rows = {path[: path.rfind(".")] for path in owned_by if "." in path}
    in_owned_row = [hit for hit in group if hit.leaf.row in rows]
    top = max(hit.score for hit in in_owned_row or group)
    best = [hit for hit in in_owned_row or group if hit.score == top]
    if len(best) == 1:
        return best
    stated = min(hit.leaf.value.count_in(text) if hit.leaf.value else 0 for hit in best)
    return best if top > 0 and stated >= len(best) and all(hit.full for hit in best) else []


def _best(found: Sequence[tuple[int, C]]) -> list[C]:
    top = max(score for score, _ in found)
    return list(dict.fromkeys(citation for score, citation in found if score == top))
