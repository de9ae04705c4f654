"""What the items of a run have in common at their beginning: looked for before anything is sent."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batchata.core.caching import minimum_tokens
from batchata.core.fingerprints import name_of
from batchata.core.items import Document, Item
from batchata.core.models import ModelInfo
from batchata.core.prefixes import Beginning, Digests, counted_tokens, has_frame, is_marked, opening, span_of
from batchata.core.rates import Rates, rates_of
from batchata.core.requests import is_plain
from batchata.core.sharing import Sharing, Tree, sharing_of
from batchata.errors import BatchataError, UnknownPriceError
from batchata.io.tokens import count_tokens
from batchata.running.assignment import Assignment, Requests

if TYPE_CHECKING:
    from anthropic import Anthropic

logger = logging.getLogger("batchata")

MOST_READ = 10
"""So many shared beginnings are read and counted, those of the most items; others count as the shortest of these."""

_ANY_FILE = Item(Document({"type": "text", "text": "."}), prompt=".")

_MALFORMED = (BatchataError, TypeError, ValueError, KeyError, AttributeError)
"""An item that is none fails when its job is formed, with a sentence of its own."""


def sharing_in(
    assignment: Assignment, requests: Requests, info: ModelInfo, client: Anthropic, *, may_wait: bool = True
) -> Sharing | None:
    """None where nothing is to be cached: it is off, nothing is shared, or the model's rules or prices are not known.

    A lifetime that was asked for needs no price. Where it cannot be told, the API counts tokens, which is free.
    """
    mode, rates, least = assignment.prompt_caching, _rates(assignment, info), minimum_tokens(info.id)
    if mode == "off" or len(assignment.items) < 2 or (mode == "auto" and (rates is None or least is None)):
        return None
    tree = Tree(_Chains(assignment, requests).of)
    for index in range(len(assignment.items)):
        tree.add(index)
    tokens = _Counter(tree, assignment, requests, client, least or 0).tokens()
    found = sharing_of(tree, tokens, least or 0, rates, mode, may_wait=may_wait)
    for each in found.prefixes[:MOST_READ]:
        logger.info(
            "prompt caching: the first %d tokens or more, which %d items share, are sent to be cached",
            each.tokens,
            each.requests,
        )
    return found if found.prefixes else None


def _rates(assignment: Assignment, info: ModelInfo) -> Rates | None:
    try:
        return assignment.rates or rates_of(info.id)
    except UnknownPriceError:
        return None


class _Chains:
    """The beginnings of each item. Files are told apart by their names: none is read for it."""

    def __init__(self, assignment: Assignment, requests: Requests) -> None:
        self._items = assignment.items
        self._params = assignment.params
        self._requests = requests
        self._digests = Digests()
        self._plain: list[Beginning] | None = None
        self._of = self._file if assignment.is_files else self._conversation
        self._counts = Counter(map(_file_of, self._items)) if assignment.is_files else Counter[str]()

    def of(self, index: int) -> Iterator[Beginning]:
        try:
            yield from self._of(index)
        except _MALFORMED as error:
            logger.debug("item %d shares no beginning: %r", index, error)

    def _conversation(self, index: int) -> Iterable[Beginning]:
        """One message has nothing in common with others but what stands before it."""
        if not is_plain(self._items[index]):
            return self._digests.of(self._requests.params(index, None))
        if self._plain is None:
            self._plain = list(Digests().of(self._requests.params(index, None)))
        return self._plain

    def _file(self, index: int) -> Iterable[Beginning]:
        """As if the name of the file were its content."""
        item = self._items[index]
        own = getattr(item, "params", None) if isinstance(item, Item) else None
        name = _file_of(item)
        if self._counts[name] > 1 or own:
            return self._named(name, own or {})
        if self._plain is None:
            self._plain = [each for each in self._named(name, {}) if each.depth == 0]
        return self._plain

    def _named(self, name: str, own: Mapping[str, Any]) -> Iterator[Beginning]:
        content = [{"type": "document", "name": name}, {"type": "text", "text": "."}]
        messages = [{"role": "user", "content": content}]
        frame = {"system": "."} if has_frame(self._requests.params_of(_ANY_FILE, None)) else {}
        return self._digests.of({**frame, **self._params, **own, "messages": messages})


def _file_of(item: Any) -> str:
    return name_of(item.content if isinstance(item, Item) else item)


@dataclass(slots=True)
class _Counter:
    """How long the shared beginnings of a tree are, at least."""

    tree: Tree
    assignment: Assignment
    requests: Requests
    client: Anthropic
    least: int

    def tokens(self) -> dict[int, int]:
        """By node; without those that cannot be marked."""
        nodes = sorted(self.tree.shared(), key=lambda node: -self.tree.counts[node])
        found = {node: self._tokens_of(node) for node in nodes[:MOST_READ]}
        known = [each for each in found.values() if each is not None]
        shortest = min(known, default=None)
        found.update(dict.fromkeys(nodes[MOST_READ:], shortest))
        return {node: each for node, each in found.items() if each is not None}

    def _params_of(self, item: int, depth: int) -> dict[str, Any]:
        """What stands before the content is the same for any file, which is not read for it."""
        own = self.assignment.items[item]
        if depth == 0 and self.assignment.is_files and not isinstance(own, Item):
            return self.requests.params_of(_ANY_FILE, None)
        return self.requests.params(item, None)

    def _tokens_of(self, node: int) -> int | None:
        depth = self.tree.depths[node]
        try:
            params = self._params_of(self.tree.firsts[node], depth)
            if is_marked(params) or (depth == 0 and not has_frame(params)):
                return None
            span = span_of(opening(params, depth))
        except _MALFORMED as error:
            logger.debug("what item %d begins with is not known: %r", self.tree.firsts[node], error)
            return None
        return span.fewest if span.most < self.least else self._counted(opening(params, depth), span.fewest)

    def _counted(self, params: dict[str, Any], fewest: int) -> int:
        try:
            return counted_tokens(count_tokens(self.client, params))
        except BatchataError as error:
            logger.info("the tokens of a shared beginning are not counted, they are estimated: %s", error)
            return fewest
