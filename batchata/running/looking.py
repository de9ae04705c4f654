"""The items that are still to be paid, looked at one by one: what each holds, what it can cost, its tokens."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Any

import orjson

from batchata.core.contents import Contents, contents_of
from batchata.core.encoding import MAX_ITEM_BYTES
from batchata.core.fingerprints import request_fingerprint
from batchata.core.prefixes import marked
from batchata.core.reckoning import Seen
from batchata.core.savings import dearest_marks
from batchata.core.sharing import Sharing
from batchata.core.state import RunState, Standing
from batchata.core.steps import Candidate
from batchata.errors import BatchataError, InputError, Problem, StorageError, UnboundedCostError
from batchata.io.ahead import in_order
from batchata.io.counting import WIDTH, TokenCounter, Uncounted
from batchata.running.assignment import Content, RunContext
from batchata.running.measuring import Measurer, bound_of, encoded_params
from batchata.running.uploads import document_of

FILES_READ, CONVERSATIONS_READ = 1_000, 100_000
"""So many items are looked at. Of more, a simple random sample: a page of a PDF takes some hundredths of a second."""

_FRAME = ("system", "tools", "output_config")


@dataclass(frozen=True, slots=True)
class ToPay:
    """Which items are looked at, in order, and which of those the API is to count; `in_flight` were sent."""

    looked_at: Sequence[int]
    counted: Collection[int]
    waiting: int
    in_flight: Collection[int]

    @property
    def waiting_seen(self) -> int:
        return sum(index not in self.in_flight for index in self.looked_at)


def to_pay(state: RunState, items: int, *, is_files: bool, count: int) -> ToPay:
    """Simple random samples, the same ones each time, of all items that have not ended."""
    in_flight = frozenset(state.indexes(Standing.HELD))
    left = [index for index in range(items) if index >= state.total or state.kind_of(index) is None]
    chance = Random(f"estimate of {items}")
    looked_at = _drawn(chance, left, FILES_READ if is_files else CONVERSATIONS_READ)
    counted = frozenset(_drawn(chance, looked_at, count))
    return ToPay(looked_at, counted, len(left) - len(in_flight), in_flight)


def _drawn(chance: Random, population: Sequence[int], most: int) -> Sequence[int]:
    return population if len(population) <= most else sorted(chance.sample(population, most))


@dataclass(slots=True)
class Looked:
    """What was seen. `cached` need no answer, `problems` are items that cannot be sent, `uncounted` those that the API
    would not count. `params` are those of one request, `is_cached` says that it asks for prompt caching.
    """

    seen: list[Seen] = field(default_factory=list)
    cached: int = 0
    problems: list[Problem] = field(default_factory=list)
    uncounted: list[Problem] = field(default_factory=list)
    params: Mapping[str, Any] = field(default_factory=dict)
    is_cached: bool = False
    unbounded: str = ""


@dataclass(frozen=True, slots=True)
class _Item:
    """`params` where its tokens are to be counted; `seen` is None where nothing is to be paid for it."""

    index: int
    seen: Seen | None = None
    params: Mapping[str, Any] | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Looker:
    """Looks at items. `known` remembers what they hold, for the next model; `sharing` says where a run would mark them
    for the prompt cache.
    """

    run: RunContext
    measurer: Measurer
    state: RunState
    counter: TokenCounter
    known: dict[int, Contents]
    sharing: Sharing | None = None

    def look(self, wanted: ToPay) -> Looked:
        """Each item is read, and in the meantime the API counts those before. Raises StorageError, ServiceError."""
        found = Looked()
        items = in_order(self._counted, self._items(wanted, found), WIDTH)
        with closing(items):
            for counted in items:
                self._take(counted(), found)
        return found

    def _take(self, result: tuple[_Item, int | Uncounted | None], found: Looked) -> None:
        item, tokens = result
        if isinstance(tokens, Uncounted):
            found.uncounted.append(Problem(self._name(item.index), tokens.reason))
        elif item.seen is not None and tokens is not None:
            found.seen.append(replace(item.seen, counted=tokens))
            return
        if item.seen is not None:
            found.seen.append(item.seen)
        elif item.problem:
            found.problems.append(Problem(self._name(item.index), item.problem))
        else:
            found.cached += 1

    def _counted(self, item: _Item) -> tuple[_Item, int | Uncounted | None]:
        return item, None if item.params is None else self.counter.count(item.params)

    def _items(self, wanted: ToPay, found: Looked) -> Iterator[_Item]:
        with closing(self.run.requests.contents(wanted.looked_at)) as contents:
            for index, content in zip(wanted.looked_at, contents, strict=True):
                try:
                    yield self._item(index, content, wanted, found)
                except StorageError:
                    raise
                except InputError as error:
                    yield _Item(index, problem=str(error))

    def _item(self, index: int, content: Callable[[], Content], wanted: ToPay, found: Looked) -> _Item:
        asked = self.state.max_tokens_of(index)
        read = content()
        params = self.run.requests.params_of(read, asked)
        goes_up = self.run.assignment.upload and document_of(read) is not None
        encoded, in_flight = encoded_params(params, most=None if goes_up else MAX_ITEM_BYTES), index in wanted.in_flight
        if not in_flight and self.measurer.known(Candidate(index, 1, asked), request_fingerprint(encoded)):
            return _Item(index)
        if not found.params:
            found.params = {name: value for name, value in params.items() if name != "messages"}
            found.is_cached = b'"cache_control":{' in encoded
        seen = self._seen(index, params, found)
        return _Item(index, replace(seen, in_flight=in_flight), params if index in wanted.counted else None)

    def _seen(self, index: int, params: Mapping[str, Any], found: Looked) -> Seen:
        try:
            if index not in self.known:
                self.known[index] = contents_of(params["messages"])
            contents = self.known[index]
            frame = sum(len(orjson.dumps(params[name])) for name in _FRAME if name in params)
            marks = dearest_marks(self.sharing, index)
            if marks is None:
                bound = self._bound(params, contents, found)
            else:  # breakpoints are counted too
                bound = self._bound(marked(params, marks), None, found)
            return Seen(contents, frame, params["max_tokens"], bound)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, BatchataError):
                raise
            raise InputError(f"what it may cost cannot be told, for it is malformed ({error!r})") from error

    def _bound(self, params: Mapping[str, Any], contents: Contents | None, found: Looked) -> Decimal | None:
        try:
            return bound_of(self.run, params, contents=contents)
        except UnboundedCostError as error:
            found.unbounded = str(error)
            return None

    def _name(self, index: int) -> str:
        source = self.run.assignment.about(index).source
        return f"item {index} ({source})" if source else f"item {index}"
