"""Everything one simulator knows, in one place, and how one item is answered."""

from __future__ import annotations

import hashlib
import math
import threading
from collections import Counter
from typing import Any

import orjson

from batchata.simulator import answering, validation
from batchata.simulator.batches import Batch, Batches, Item, unprocessed
from batchata.simulator.caching import PromptCache, Seat
from batchata.simulator.errors import ApiError
from batchata.simulator.faults import SENTENCES, Faults, Outcome
from batchata.simulator.files import Files
from batchata.simulator.limits import Bucket, Limits
from batchata.simulator.progress import Clock, Progress
from batchata.simulator.usage import input_tokens
from batchata.simulator.writing import Style

UNLIMITED = Limits()


class Backend:
    """State and rules behind the addresses; it lives as long as its Simulator, across stop and start."""

    def __init__(
        self,
        *,
        progress: Progress,
        style: Style,
        seed: int,
        faults: Faults,
        cache_hits: float,
        limits: Limits = UNLIMITED,
    ) -> None:
        self.clock = Clock()
        self.limits = limits
        self.bucket = Bucket(limits, self.clock)
        self.refused: Counter[str] = Counter()
        self.faults = faults
        self.files = Files(self.clock)
        self.cache = PromptCache(self.clock)
        self.batches = Batches(self.clock, progress, seed, self.process)
        self.style: Style = style
        self.seed = seed
        self.cache_hits = cache_hits
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._processed: Counter[str] = Counter()
        self._billed: Counter[str] = Counter()
        self._billed_ids: Counter[str] = Counter()

    def count_call(self, endpoint: str) -> int:
        """The running number of the call, over all endpoints."""
        with self._lock:
            self.calls[endpoint] += 1
            return self.calls.total()

    def count_refusal(self, endpoint: str) -> None:
        """A limit refused a call."""
        with self._lock:
            self.refused[endpoint] += 1

    def count_tokens(self, params: dict[str, Any], version: str) -> int:
        """Billed input tokens of such a request; InvalidRequestError when it could not be sent."""
        request = validation.check_count(params, version, self.files)
        return input_tokens(request)

    def state(self) -> dict[str, Any]:
        """Calls by endpoint, those that a limit refused, message batches created, what was processed and billed.

        `processed` and `billed` count items by a hash of their params, `billed_custom_ids` by id.
        """
        with self._lock:
            return {
                "calls": dict(self.calls),
                "create_calls": self.calls["create"],
                "rate_limited": dict(self.refused),
                "batches_created": self.batches.created,
                "items_processed": self._processed.total(),
                "items_billed": self._billed.total(),
                "processed": dict(self._processed),
                "billed": dict(self._billed),
                "billed_custom_ids": dict(self._billed_ids),
            }

    def process(self, batch: Batch, index: int, item: Item) -> tuple[str, bytes | None]:
        """One item's count name and line of results; whatever is wrong with its params is in the line."""
        ordered = self._ordered(batch, index, item)
        if ordered is not None and ordered.kind == "expired":
            return "expired", unprocessed(item, "expired")
        content = content_hash(item.params)
        if ordered is not None and ordered.kind == "errored":
            return self._record(item, content, "errored", _ordered_error(ordered))
        try:
            request = validation.check_item(item.params, batch.version, batch.betas, self.files)
            key, seat = f"{batch.number:06d}{index:06d}", self._seat(batch, index)
            message = answering.answer(request, self.style, self.cache, key, ordered, seat)
        except ApiError as error:
            return self._record(item, content, "errored", _error(error))
        result: dict[str, Any] = {"type": "succeeded", "message": message}
        if ordered is not None and ordered.kind == "unknown":
            result = {"type": "postponed"}
        name, line = self._record(item, content, "succeeded", result)
        return name, None if ordered is not None and ordered.kind == "missing" else line

    def _seat(self, batch: Batch, index: int) -> Seat:
        return Seat(batch.number, in_first_wave=index < math.ceil(batch.total * (1 - self.cache_hits)))

    def _ordered(self, batch: Batch, index: int, item: Item) -> Outcome | None:
        if not self.faults.any_outcomes():
            return None
        return self.faults.outcome_of(item.custom_id, index, batch.number, self.seed)

    def _record(self, item: Item, content: str, name: str, result: dict[str, Any]) -> tuple[str, bytes]:
        with self._lock:
            self._processed[content] += 1
            if name == "succeeded":
                self._billed[content] += 1
                self._billed_ids[item.custom_id] += 1
        line = {"custom_id": item.custom_id, "result": result}
        return name, orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def content_hash(params: dict[str, Any]) -> str:
    """16 hexadecimal digits; equal params, in whichever order of keys, have equal hashes."""
    data = orjson.dumps(params, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _error(error: ApiError) -> dict[str, Any]:
    body = error.body(None)
    if error.type == "invalid_request_error":
        body["error"].setdefault("details", {"error_visibility": "user_facing"})
    return {"type": "errored", "error": body}


def _ordered_error(ordered: Outcome) -> dict[str, Any]:
    sentences = {"api_error": SENTENCES[500], "overloaded_error": SENTENCES[529]}
    message = ordered.message or sentences.get(ordered.error, "The request could not be processed")
    error = {"type": ordered.error, "message": message}
    return {"type": "errored", "error": {"type": "error", "error": error, "request_id": None}}
