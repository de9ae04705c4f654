"""Which items of a run begin with the same words, and where that is worth a breakpoint."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from batchata.core.caching import Mode, pays
from batchata.core.prefixes import MOST_BREAKPOINTS, Beginning
from batchata.core.rates import Rates

NONE = -1


@dataclass(frozen=True, slots=True)
class Prefix:
    """A beginning that `requests` items share, of at least `tokens` tokens; `depths` are its breakpoints."""

    key: str
    depths: tuple[int, ...]
    tokens: int
    requests: int


@dataclass(frozen=True, slots=True)
class Sharing:
    """The beginnings that are worth caching, and which of them each item has: `of` holds places, or NONE.

    `rates` are None where no price is known. With `may_wait` a job may be sent ahead.
    """

    prefixes: Sequence[Prefix]
    of: array[int]
    rates: Rates | None
    mode: Mode
    may_wait: bool = True

    def place_of(self, item: int) -> int:
        """The place of the longest one that the item shares with others, or NONE."""
        return self.of[item] if item < len(self.of) else NONE

    def prefix_of(self, item: int) -> Prefix | None:
        """The longest one that the item shares with others."""
        place = self.place_of(item)
        return None if place == NONE else self.prefixes[place]


@dataclass(slots=True)
class Tree:
    """Beginnings as a tree: a branch grows only as deep as items share it, so it is as large as they are many."""

    chain_of: Callable[[int], Iterator[Beginning]]
    depths: array[int] = field(default_factory=lambda: array("H"))
    parents: array[int] = field(default_factory=lambda: array("l"))
    counts: array[int] = field(default_factory=lambda: array("l"))
    firsts: array[int] = field(default_factory=lambda: array("l"))
    ends: array[int] = field(default_factory=lambda: array("l"))
    digests: list[bytes] = field(default_factory=list)
    _known: dict[bytes, int] = field(default_factory=dict)

    def add(self, item: int) -> None:
        """Takes in the next item; they come in their order."""
        self.ends.append(NONE)
        node = NONE
        for each in self.chain_of(item):
            found = self._known.get(each.digest)
            if found is None:
                node = self._grow(each, node, item)
                break
            node = found
            self.counts[node] += 1
            if self.counts[node] == 2:
                self._deepen(node)
        self.ends[item] = node

    def _grow(self, each: Beginning, parent: int, item: int) -> int:
        node = len(self.counts)
        self._known[each.digest] = node
        self.digests.append(each.digest)
        self.depths.append(each.depth)
        self.parents.append(parent)
        self.counts.append(1)
        self.firsts.append(item)
        return node

    def _deepen(self, node: int) -> None:
        """The only item that ended here goes one step on, now that it shares its place."""
        item = self.firsts[node]
        if self.ends[item] != node:
            return
        following = next((each for each in self.chain_of(item) if each.depth > self.depths[node]), None)
        if following is not None:
            self.ends[item] = self._grow(following, node, item)

    def shared(self) -> list[int]:
        """The nodes of at least two items that no longer beginning of all the same items follows."""
        whole = {
            parent
            for node, parent in enumerate(self.parents)
            if parent != NONE and self.counts[node] == self.counts[parent] > 1
        }
        return [node for node, count in enumerate(self.counts) if count > 1 and node not in whole]

    def path(self, node: int) -> Iterator[int]:
        """The node and those before it, up to the root."""
        while node != NONE:
            yield node
            node = self.parents[node]


def sharing_of(
    tree: Tree, tokens: dict[int, int], least: int, rates: Rates | None, mode: Mode, *, may_wait: bool = True
) -> Sharing:
    """What is cached: `tokens` are those of shared nodes, `least` the fewest that the model caches.

    Each step from one beginning to a longer one has to be worth it by itself.
    """
    chosen: dict[int, Prefix] = {}
    for node in sorted(tokens, key=lambda each: tree.depths[each]):
        inner = next((chosen[each] for each in tree.path(node) if each in chosen), None)
        more = tokens[node] - (inner.tokens if inner else 0)
        if tokens[node] >= least and _is_worth(more, tree.counts[node], rates, mode):
            depths = (*(inner.depths if inner else ()), tree.depths[node])[-MOST_BREAKPOINTS:]  # the longest save most
            chosen[node] = Prefix(tree.digests[node].hex(), depths, tokens[node], tree.counts[node])
    places = {node: place for place, node in enumerate(chosen)}
    nearest = {NONE: NONE}
    for node, parent in enumerate(tree.parents):  # parents come before what grew out of them
        nearest[node] = places.get(node, nearest[parent])
    of = array("l", map(nearest.__getitem__, tree.ends))
    return Sharing(list(chosen.values()), of, rates, mode, may_wait)


def _is_worth(tokens: int, requests: int, rates: Rates | None, mode: Mode) -> bool:
    """A lifetime that was asked for is taken, whatever comes of it."""
    if tokens <= 0:
        return False
    return mode != "auto" or (rates is not None and pays(tokens, requests, rates, mode))
