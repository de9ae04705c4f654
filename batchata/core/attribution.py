"""Which fields a citation is about, when several could be: by value first, then by neighbours and labels.

A citation goes only to a field whose value its text states. Where fields have the same value, the cited text
has to tell them apart, by the other values of the field's own row or by the words of its name; otherwise
nobody gets it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from batchata.core.leaves import Leaf, stem
from batchata.core.matching import Text

C = TypeVar("C")

_ROW_WEIGHT = 3
_FEW = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """A citation's text as something to search, and the text around the citation in the answer."""

    cited: Text
    context: Text


@dataclass(frozen=True, slots=True)
class _Hit:
    leaf: Leaf
    score: int
    full: bool
    distinct: bool


class Attribution:
    """Attributes texts to the leaves of one result."""

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self.leaves = [leaf for leaf in leaves if leaf.value is not None]
        self._rows: dict[str, list[Leaf]] = defaultdict(list)
        for leaf in self.leaves:
            self._rows[leaf.row].append(leaf)

    def attribute(
        self, pool: Iterable[tuple[C, Evidence]], among: Sequence[Leaf], owners: dict[C, set[str]]
    ) -> dict[str, list[C]]:
        """For each path the citations that are its own, the best supported ones only.

        `owners` says which paths already have a citation; among fields of one value they keep it.
        """
        scored: dict[str, list[tuple[int, C]]] = defaultdict(list)
        for citation, evidence in pool:
            for hit in self._winners(evidence, among, owners.get(citation, set())):
                scored[hit.leaf.path].append((hit.score, citation))
        return {path: _best(found) for path, found in scored.items()}

    def _winners(self, evidence: Evidence, among: Sequence[Leaf], owned_by: set[str]) -> list[_Hit]:
        hits = [self._hit(leaf, evidence) for leaf in among if _states(evidence.cited, leaf)]
        hits = [hit for hit in hits if not _is_inside_another(hit, hits, evidence.cited)]
        alone = len(hits) == 1 and len(among) <= _FEW
        groups: dict[object, list[_Hit]] = defaultdict(list)
        for hit in hits:
            if alone or hit.distinct or hit.score > 0 or hit.leaf.path in owned_by:
                groups[hit.leaf.value.same if hit.leaf.value else None].append(hit)
        return [hit for group in groups.values() for hit in _told_apart(group, owned_by)]

    def _hit(self, leaf: Leaf, evidence: Evidence) -> _Hit:
        siblings = self._siblings_in(leaf, evidence.cited)
        of_row = [other for other in self._rows[leaf.row] if other is not leaf] if leaf.row else []
        label, complete = _label_score(leaf, evidence)
        if leaf.in_list and leaf.row and not siblings:
            label, complete = 0, False
        distinct = leaf.value is not None and leaf.value.is_distinct_in(evidence.cited)
        full = complete or (siblings > 0 and siblings == len(of_row))
        return _Hit(leaf, _ROW_WEIGHT * siblings + label, full, distinct)

    def _siblings_in(self, leaf: Leaf, text: Text) -> int:
        if not leaf.row:
            return 0
        others = (other for other in self._rows[leaf.row] if other is not leaf)
        return sum(1 for other in others if _states(text, other))


def _states(text: Text, leaf: Leaf) -> bool:
    return leaf.value is not None and leaf.value.count_in(text) > 0


def _label_score(leaf: Leaf, evidence: Evidence) -> tuple[int, bool]:
    """How many words of the field's name (and of its parents') stand in the text, and whether all of its own do."""
    words = {stem(word) for word in evidence.context.words}
    best = max(leaf.names, key=lambda name: sum(word in words for word in name), default=())
    own = sum(word in words for word in best)
    joined = "".join(best)
    if len(best) == 1 and len(joined) >= 6 and joined in evidence.context.folded.replace(" ", ""):
        own = 2
    parents = {word for word in leaf.trail[: -len(best) or None] if not word.isdigit()}
    return own + len(parents & words), bool(best) and own >= len(best)


def _is_inside_another(hit: _Hit, hits: Sequence[_Hit], text: Text) -> bool:
    """ACME is not stated by a text that says ACME Holdings, when that is another field's value."""
    mine = hit.leaf.value.folded if hit.leaf.value and not hit.leaf.value.numbers else ""
    if not mine:
        return False
    longer = {other.leaf.value.folded for other in hits if other.leaf.value}
    covered = sum(text.folded.count(each) for each in longer if mine in each and mine != each)
    return covered > 0 and text.folded.count(mine) <= covered


def _told_apart(group: Sequence[_Hit], owned_by: set[str]) -> Sequence[_Hit]:
    if len(group) == 1:
        return group
    owners = [hit for hit in group if hit.leaf.path in owned_by]
    if owners:
        return owners
    top = max(hit.score for hit in group)
    best = [hit for hit in group if hit.score == top]
    if len(best) == 1:
        return best
    return best if top > 0 and all(hit.full for hit in best) else []


def _best(found: Sequence[tuple[int, C]]) -> list[C]:
    top = max(score for score, _ in found)
    return list(dict.fromkeys(citation for score, citation in found if score == top))
