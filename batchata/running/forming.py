"""Waiting items -> the next job: read, looked up in the cache, bound, packed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from batchata.core.bounds import CONTEXT_WINDOW, bound
from batchata.core.events import Ending, Sent, Settled
from batchata.core.fingerprints import request_fingerprint
from batchata.core.items import Request, custom_id
from batchata.core.jobs import Fit, Packing
from batchata.core.models import SAMPLING, SAMPLING_API_VERSION
from batchata.core.outcomes import Errored, Outcome, Succeeded
from batchata.core.parsing import parse
from batchata.core.processed import line_of
from batchata.core.records import record_of
from batchata.core.requests import MAX_ITEM_BYTES, EncodedBatch, too_large
from batchata.core.retries import cause_of
from batchata.core.stats import cost_of_item
from batchata.core.steps import Candidate, Form, Formed
from batchata.errors import BatchataError, InputError, StorageError
from batchata.io.cache import ResultCache
from batchata.io.tokens import count_tokens
from batchata.running.assignment import Content, RunContext

logger = logging.getLogger("batchata")

INPUT_ERROR = "input_error"
"""The error type of an item that could not be sent."""

_MOST_COUNTED = 20


@dataclass(slots=True)
class _Draft:
    """A job while it is being formed."""

    packing: Packing
    items: list[Sent] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    settled: list[tuple[Candidate, Outcome[Any], Decimal]] = field(default_factory=list)
    needed: Decimal | None = None
    counted: int = 0


@dataclass(frozen=True, slots=True)
class Former:
    """Forms jobs. `cache` is None where answers of earlier runs are not to be taken."""

    run: RunContext
    cache: ResultCache | None

    def form(self, step: Form) -> tuple[Formed, EncodedBatch | None]:
        """The job, and the body of the call that creates it. Raises UnboundedCostError, ResultsError, StorageError."""
        draft = _Draft(Packing(items=step.items_per_job, left=step.left))
        indexes = [each.index for each in step.candidates]
        with closing(self.run.requests.contents(indexes, lambda: draft.packing.room)) as contents:
            for candidate in step.candidates:
                if draft.packing.is_full or not self._take(candidate, next(contents), draft, alone=step.alone):
                    break
        settled, causes = self._settle(step.job, draft)
        job = step.job + (settled is not None)
        formed = Formed(job, draft.items, draft.packing.bound if draft.items else None, settled, causes, draft.needed)
        return formed, self._encoded(draft) if draft.items else None

    def _take(self, candidate: Candidate, content: Callable[[], Content], draft: _Draft, *, alone: bool) -> bool:
        """Finds a place for an item; False when the job is complete without it. Raises StorageError."""
        try:
            params = self.run.requests.params_of(content(), candidate.max_tokens)
            encoded = encoded_params(params)
            fingerprint = request_fingerprint(encoded)
            if hit := self._known(candidate, fingerprint):
                draft.settled.append((candidate, *hit))
                return True
            ceiling = self._ceiling(params, draft)
        except StorageError as error:  # no item is at fault
            raise StorageError(f"{error}. The items that were not sent wait; run again to go on") from error
        except InputError as error:
            draft.settled.append((candidate, self._unsendable(candidate, error), Decimal(0)))
            return True
        return self._pack(candidate, draft, params, encoded, fingerprint, ceiling, alone=alone)

    def _pack(
        self,
        candidate: Candidate,
        draft: _Draft,
        params: Mapping[str, Any],
        encoded: bytes,
        fingerprint: str,
        ceiling: Decimal | None,
        *,
        alone: bool,
    ) -> bool:
        name = custom_id(self.run.run_id, candidate.index, candidate.attempt)
        body = b'{"custom_id":"%b","params":%b}' % (name.encode(), encoded)
        cost = self._bound(params, draft, ceiling)
        match draft.packing.offer(len(body), cost):
            case Fit.TAKEN:
                draft.items.append(Sent(candidate.index, candidate.attempt, candidate.max_tokens, fingerprint))
                draft.bodies.append(body)
                return True
            case Fit.TOO_DEAR if cost is not None:
                draft.needed = min(cost, draft.needed or cost)
                return alone and not draft.items
            case _:
                return False

    def _ceiling(self, params: Mapping[str, Any], draft: _Draft) -> Decimal | None:
        """The most the request can cost, None in a run without a limit. Raises InputError for a malformed one."""
        if draft.packing.left is None:
            return None
        try:
            return self._bound_of(params)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, BatchataError):
                raise
            raise InputError(f"what it may cost cannot be told, for it is malformed ({error!r})") from error

    def _bound(self, params: Mapping[str, Any], draft: _Draft, ceiling: Decimal | None) -> Decimal | None:
        """Where the budget does not cover the ceiling, the API is asked how many tokens there really are."""
        left = draft.packing.remains
        if left is None or ceiling is None or ceiling <= left or draft.counted >= _MOST_COUNTED:
            return ceiling
        draft.counted += 1
        try:
            return min(ceiling, self._bound_of(params, count_tokens(self.run.client, params)))
        except BatchataError as error:
            logger.info("the tokens of an item are not counted, its ceiling holds: %s", error)
            return ceiling

    def _bound_of(self, params: Mapping[str, Any], tokens: int | None = None) -> Decimal:
        window = self.run.info.max_input_tokens or CONTEXT_WINDOW
        request: Request = {"custom_id": "", "params": dict(params)}
        return bound(request, input_tokens=tokens, rates=self.run.assignment.rates, context_window=window).total

    def _known(self, candidate: Candidate, fingerprint: str) -> tuple[Outcome[Any], Decimal] | None:
        """What the same request was answered before, if the response model still takes it; and what that cost."""
        line = self.cache.lookup([fingerprint]).get(fingerprint) if self.cache else None
        if line is None:
            return None
        each = self.run.assignment
        outcome = parse(line, each.response_model, each.citations, sources=(each.source(candidate.index),))
        if not isinstance(outcome, Succeeded):
            return None
        name = custom_id(self.run.run_id, candidate.index, candidate.attempt)
        saved = cost_of_item(outcome, each.rates, None)
        return replace(outcome, custom_id=name), saved or Decimal(0)

    def _unsendable(self, candidate: Candidate, error: InputError) -> Outcome[Any]:
        name = custom_id(self.run.run_id, candidate.index, candidate.attempt)
        return Errored(custom_id=name, error_type=INPUT_ERROR, message=f"{error} (it was not sent)")

    def _settle(self, job: int, draft: _Draft) -> tuple[Settled | None, list[str | None]]:
        """Writes down the items that need no batch."""
        if not draft.settled:
            return None, []
        free = Decimal(0)
        with self.run.folder.writing(job) as file:
            for candidate, outcome, _ in sorted(draft.settled, key=lambda each: each[0].index):
                record = record_of(outcome, candidate.index, self.run.assignment.source(candidate.index), None, free)
                cached = isinstance(outcome, Succeeded)
                file.write(line_of(record, run_id=self.run.run_id, attempt=candidate.attempt, cached=cached))
        outcomes = [outcome for _, outcome, _ in draft.settled]
        settled = Settled(
            at=datetime.now(UTC),
            job=job,
            cached=sum(isinstance(outcome, Succeeded) for outcome in outcomes),
            endings=[Ending(candidate.index, outcome.kind, free) for candidate, outcome, _ in draft.settled],
            saved=sum((saved for _, _, saved in draft.settled), free),
        )
        return settled, [cause_of(outcome) for outcome in outcomes if not isinstance(outcome, Succeeded)]

    def _encoded(self, draft: _Draft) -> EncodedBatch:
        first = draft.items[0]
        sampling = any(name in self.run.assignment.params for name in SAMPLING)
        return EncodedBatch(
            body=b'{"requests":[' + b",".join(draft.bodies) + b"]}",
            total=len(draft.items),
            first_custom_id=custom_id(self.run.run_id, first.item, first.attempt),
            api_version=SAMPLING_API_VERSION if sampling else None,
        )


def encoded_params(params: Mapping[str, Any]) -> bytes:
    """One request as JSON. Raises InputError for what is none, or is too large."""
    try:
        encoded = orjson.dumps(params)
    except (TypeError, ValueError) as error:
        raise InputError(f"it is no JSON: {error}") from error
    if len(encoded) > MAX_ITEM_BYTES:
        raise InputError(too_large(len(encoded)))
    return encoded
