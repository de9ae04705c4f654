"""Message batches: their life, their rules and what was billed for them."""

from __future__ import annotations

import random
import re
import secrets
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from batchata.simulator.errors import InvalidRequestError, NotFoundError
from batchata.simulator.garbage import collection_paused
from batchata.simulator.limits import Limits, check_queue
from batchata.simulator.progress import Clock, Progress, timestamp

DAY = 86_400.0
MAX_ITEMS = 100_000
RESULTS_KEPT = 29 * DAY
CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
OUTCOMES = ("succeeded", "errored", "canceled", "expired")


@dataclass(frozen=True, slots=True)
class Item:
    """One request of a message batch, as it was sent."""

    custom_id: str
    params: dict[str, Any]


@dataclass(slots=True)
class Batch:
    """A message batch. `items` is emptied when it ends; `lines` then holds the results."""

    id: str
    number: int
    version: str
    betas: frozenset[str]
    created: float
    items: list[Item]
    total: int
    looks: int = 0
    ended: float | None = None
    cancel_initiated: float | None = None
    canceled_at_share: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    lines: list[bytes] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def expires(self) -> float:
        return self.created + DAY

    def archived(self, now: float) -> bool:
        return self.ended is not None and now >= self.created + RESULTS_KEPT

    def view(self, now: float, results_url: str) -> dict[str, Any]:
        """The MessageBatch object of `doc:api/messages/batches/retrieve`."""
        archived = self.archived(now)
        return {
            "id": self.id,
            "type": "message_batch",
            "processing_status": self._status(),
            "request_counts": self._request_counts(),
            "created_at": timestamp(self.created),
            "expires_at": timestamp(self.expires),
            "ended_at": self.ended and timestamp(self.ended),
            "cancel_initiated_at": self.cancel_initiated and timestamp(self.cancel_initiated),
            "archived_at": timestamp(self.created + RESULTS_KEPT) if archived else None,
            "results_url": results_url if self.ended is not None and not archived else None,
        }

    def _status(self) -> str:
        if self.ended is not None:
            return "ended"
        return "canceling" if self.cancel_initiated is not None else "in_progress"

    def _request_counts(self) -> dict[str, int]:
        processing = self.total if self.ended is None else 0
        return {"processing": processing, **{name: self.counts[name] for name in OUTCOMES}}


Process = Callable[[Batch, int, Item], tuple[str, bytes | None]]
"""Answers one item: the name it is counted under and its line of results, if it gets one."""


class Batches:
    """All message batches of one simulator."""

    def __init__(self, clock: Clock, progress: Progress, seed: int, process: Process) -> None:
        self._clock = clock
        self._progress = progress
        self._seed = seed
        self._process = process
        self._lock = threading.Lock()
        self._batches: dict[str, Batch] = {}
        self._prefix = secrets.token_hex(5)
        self.created = 0

    def create(self, requests: object, version: str, betas: frozenset[str], limits: Limits) -> Batch:
        items = check_requests(requests)
        if limits.waiting is not None:
            self.newest_first()  # those that have ended do not wait any more
        with self._lock:
            waiting = sum(each.total for each in self._batches.values() if each.ended is None)
            check_queue(limits, waiting, len(items))
            self.created += 1
            batch = Batch(
                id=f"msgbatch_sim_{self._prefix}{self.created:06d}",
                number=self.created,
                version=version,
                betas=betas,
                created=self._clock.now(),
                items=items,
                total=len(items),
            )
            self._batches[batch.id] = batch
        return batch

    def get(self, batch_id: str) -> Batch:
        batch = self._batches.get(batch_id)
        if batch is None:
            raise NotFoundError(f"No message batch with id {batch_id} was found.")
        return batch

    def look(self, batch_id: str, *, counted: bool = False) -> Batch:
        """The message batch as it stands now; a counted look moves `AfterLooks` on."""
        batch = self.get(batch_id)
        with batch.lock:
            batch.looks += counted
            self._settle(batch)
        return batch

    def newest_first(self) -> list[Batch]:
        with self._lock:
            batches = list(self._batches.values())
        return [self.look(batch.id) for batch in reversed(batches)]

    def cancel(self, batch_id: str) -> Batch:
        batch = self.look(batch_id)
        with batch.lock:
            if batch.ended is None and batch.cancel_initiated is None:
                batch.cancel_initiated = self._clock.now()
                batch.canceled_at_share = self._share(batch, batch.cancel_initiated)
        return batch

    def delete(self, batch_id: str) -> None:
        batch = self.look(batch_id)
        if batch.ended is None:
            raise InvalidRequestError(f"Message batch {batch_id} has not ended. Cancel it first, then delete it.")
        with self._lock:
            self._batches.pop(batch_id, None)

    def results(self, batch_id: str) -> Sequence[bytes]:
        """The lines of an ended message batch, each ending in a newline, in no useful order."""
        batch = self.look(batch_id)
        if batch.ended is None:
            raise InvalidRequestError(f"Message batch {batch_id} has not ended, so it has no results yet.")
        if batch.archived(self._clock.now()):
            raise NotFoundError(f"The results of message batch {batch_id} are no longer available.")
        return batch.lines

    def _share(self, batch: Batch, now: float) -> float:
        at = min(now, batch.expires)
        return self._progress.share(batch.looks, at - batch.created, batch.total)

    def _settle(self, batch: Batch) -> None:
        if batch.ended is not None:
            return
        now = self._clock.now()
        if batch.cancel_initiated is not None:
            self._end(batch, now, batch.canceled_at_share, "canceled")
            return
        share = self._share(batch, now)
        if share >= 1.0 or now >= batch.expires:
            self._end(batch, min(now, batch.expires), share, "expired")

    def _end(self, batch: Batch, now: float, share: float, rest: str) -> None:
        with collection_paused():
            self._answer(batch, int(batch.total * share), rest)
        shuffle(batch.lines, self._seed + batch.number)
        batch.ended = now

    def _answer(self, batch: Batch, done: int, rest: str) -> None:
        waiting = deque(batch.items)
        batch.items = []
        for index in range(batch.total):
            # The params go as soon as they are answered: a large batch is not held twice.
            item = waiting.popleft()
            name, line = self._process(batch, index, item) if index < done else (rest, unprocessed(item, rest))
            batch.counts[name] += 1
            if line is not None:
                batch.lines.append(line)


def unprocessed(item: Item, name: str) -> bytes:
    return b'{"custom_id":"%b","result":{"type":"%b"}}\n' % (item.custom_id.encode(), name.encode())


def shuffle(lines: list[bytes], seed: int) -> None:
    """Any order but the one they were sent in, and always the same one."""
    sent = lines[:2]
    random.Random(seed).shuffle(lines)
    if len(lines) > 1 and lines[:2] == sent:
        lines.reverse()


def check_requests(requests: object) -> list[Item]:
    """What create checks at once: the list, the ids and that there are params; nothing inside them."""
    if not isinstance(requests, list):
        raise InvalidRequestError("requests: Field required")
    if not requests:
        raise InvalidRequestError("requests: List should have at least 1 item after validation, not 0")
    if len(requests) > MAX_ITEMS:
        raise InvalidRequestError(f"requests: List should have at most {MAX_ITEMS} items, not {len(requests)}")
    seen: set[str] = set()
    items = [_check_request(index, request) for index, request in enumerate(requests)]
    for index, item in enumerate(items):
        if item.custom_id in seen:
            raise InvalidRequestError(f"requests.{index}.custom_id: Duplicate custom_id {item.custom_id!r}")
        seen.add(item.custom_id)
    return items


def _check_request(index: int, request: object) -> Item:
    if not isinstance(request, dict):
        raise InvalidRequestError(f"requests.{index}: Input should be a valid dictionary")
    custom_id, params = request.get("custom_id"), request.get("params")
    if not isinstance(custom_id, str) or not CUSTOM_ID.match(custom_id):
        raise InvalidRequestError(f"requests.{index}.custom_id: String should match pattern '^[a-zA-Z0-9_-]{{1,64}}$'")
    if not isinstance(params, dict):
        raise InvalidRequestError(f"requests.{index}.params: Field required")
    if params.get("max_tokens") == 0:
        raise InvalidRequestError(f"requests.{index}.params.max_tokens: Input should be greater than or equal to 1")
    return Item(custom_id, params)
