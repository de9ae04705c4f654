"""Breakpoints for the requests of a single message batch, where no job can go ahead."""

from __future__ import annotations

from collections.abc import Sequence

from batchata.core.caching import Mode, minimum_tokens
from batchata.core.items import Request
from batchata.core.prefixes import Digests, marked, opening, span_of
from batchata.core.queues import Queues
from batchata.core.rates import Rates, rates_of
from batchata.core.releasing import Gate
from batchata.core.sharing import Sharing, Tree, sharing_of
from batchata.core.warmth import Warmth
from batchata.errors import UnknownPriceError

_MALFORMED = (TypeError, ValueError, KeyError, AttributeError)
"""What is no JSON is named when the batch is encoded."""


def marked_requests(requests: list[Request], mode: Mode, model: str, rates: Rates | None) -> list[Request]:
    """The requests, marked where they begin alike and that is expected to pay; what was given is not changed."""
    try:
        sharing = None if mode == "off" else _sharing(requests, mode, model, rates)
    except _MALFORMED:
        return requests
    if sharing is None or not sharing.prefixes:
        return requests
    queues = Queues(sharing, b"\0")
    queues.look(bytes(len(requests)))
    gate = Gate(queues, Warmth(), 0.0, lambda: iter(range(len(requests))), capacity=0)
    pairs = ((requests[index], marks) for index, marks in gate.release().items)
    return [
        each if marks is None else {"custom_id": each["custom_id"], "params": marked(each["params"], marks)}
        for each, marks in pairs
    ]


def _sharing(requests: Sequence[Request], mode: Mode, model: str, rates: Rates | None) -> Sharing | None:
    rates, least = rates or _rates(model), minimum_tokens(model)
    if mode == "auto" and (rates is None or least is None):
        return None
    digests = Digests()
    tree = Tree(lambda index: digests.of(requests[index]["params"]))
    for index in range(len(requests)):
        tree.add(index)
    openings = {node: opening(requests[tree.firsts[node]]["params"], tree.depths[node]) for node in tree.shared()}
    tokens = {node: span_of(each).fewest for node, each in openings.items()}
    return sharing_of(tree, tokens, least or 0, rates, mode, may_wait=False)


def _rates(model: str) -> Rates | None:
    try:
        return rates_of(model)
    except UnknownPriceError:
        return None
