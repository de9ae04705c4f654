"""Waiting items -> what each weighs: read, encoded, looked up in the cache, bound. The heavy part of forming a job."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Any

import orjson

from batchata.core.bounds import CONTEXT_WINDOW, bound
from batchata.core.contents import Contents
from batchata.core.encoding import MAX_ITEM_BYTES, too_large
from batchata.core.fingerprints import request_fingerprint
from batchata.core.items import Request, custom_id
from batchata.core.measured import Answered, Arriving, Measure, Measured, Weighed
from batchata.core.outcomes import Errored, Outcome, Succeeded
from batchata.core.parsing import parse
from batchata.core.prefixes import marked
from batchata.core.stats import cost_of_item
from batchata.core.steps import Candidate, Form
from batchata.errors import BatchataError, InputError, StorageError
from batchata.io.cache import ResultCache
from batchata.running.assignment import Content, RunContext
from batchata.running.uploads import Arrival, Uploads, document_of, weighed

INPUT_ERROR = "input_error"
"""The error type of an item that could not be sent."""


@dataclass(frozen=True, slots=True)
class Measurer:
    """Measures items one by one. `cache` is None where answers of earlier runs are not to be taken."""

    run: RunContext
    cache: ResultCache | None
    keeps_bodies: bool = True

    def candidates(self, step: Form, room: Callable[[], int]) -> Generator[Measured]:
        """Those of a job, in order, each when it is asked for. Raises UnboundedCostError, StorageError."""
        return self.measured(Measure(step.job, step.candidates, limited=step.left is not None), room)

    def measured(self, step: Measure, room: Callable[[], int] | None = None) -> Generator[Measured]:
        """The same, for some of them."""
        with closing(self.run.requests.contents([each.index for each in step.candidates], room)) as contents:
            for candidate, content in zip(step.candidates, contents, strict=False):  # contents ends where room does
                yield self._measure(candidate, content, limited=step.limited)

    def _measure(self, candidate: Candidate, content: Callable[[], Content], *, limited: bool) -> Measured:
        try:
            read = content()
            uploads = self.run.uploads if self.run.assignment.upload and document_of(read) else None
            most = None if uploads else MAX_ITEM_BYTES
            params = self.run.requests.params_of(read, candidate.max_tokens)
            encoded = encoded_params(params, most=most)
            fingerprint = request_fingerprint(encoded)  # breakpoints change what is paid, not what is asked
            if hit := self.known(candidate, fingerprint):
                return hit
            if candidate.marks is not None:
                params = marked(params, candidate.marks)
                encoded = encoded_params(params, most=most)
            ceiling = self._ceiling(params) if limited else None
            if uploads is not None:
                return self._uploaded(Weighed(candidate, fingerprint, 0, ceiling), read, uploads)
        except StorageError as error:  # no item is at fault
            raise StorageError(f"{error}. The items that were not sent wait; run again to go on") from error
        except InputError as error:
            return unsendable(self.run, candidate, error)
        body = request_body(self.run.run_id, candidate.index, candidate.attempt, encoded)
        kept = body if self.keeps_bodies else None
        return Weighed(candidate, fingerprint, len(body), ceiling, kept)

    def _uploaded(self, found: Weighed, content: Content, uploads: Uploads) -> Weighed:
        """The request of an item with the id of its document, which is uploaded when the item has its place in a job.

        Raises InputError.
        """
        candidate = found.candidate
        prefix = candidate.marks.content if candidate.marks else ""

        def upload() -> Arriving:
            return Arrival(uploads.coming(content, prefix), partial(named_body, self.run, candidate))

        return replace(found, size=len(named_body(self.run, candidate, weighed(content))), upload=upload)

    def _ceiling(self, params: Mapping[str, Any]) -> Decimal:
        """The most the request can cost. Raises InputError for a malformed one."""
        try:
            return bound_of(self.run, params)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, BatchataError):
                raise
            raise InputError(f"what it may cost cannot be told, for it is malformed ({error!r})") from error

    def known(self, candidate: Candidate, fingerprint: str) -> Answered | None:
        """What the same request was answered before, if the response model still takes it; and what that cost."""
        line = self.cache.lookup([fingerprint]).get(fingerprint) if self.cache else None
        if line is None:
            return None
        each = self.run.assignment
        outcome: Outcome[Any] = parse(
            line, each.response_model, each.citations, sources=(each.about(candidate.index).file,)
        )
        if not isinstance(outcome, Succeeded):
            return None
        saved = cost_of_item(outcome, each.rates, None)
        return Answered(candidate, replace(outcome, custom_id=self._name(candidate)), saved or Decimal(0))

    def _name(self, candidate: Candidate) -> str:
        return custom_id(self.run.run_id, candidate.index, candidate.attempt)


def unsendable(run: RunContext, item: Candidate, error: InputError) -> Answered:
    """What becomes of an item that is at fault itself."""
    name = custom_id(run.run_id, item.index, item.attempt)
    outcome: Outcome[Any] = Errored(custom_id=name, error_type=INPUT_ERROR, message=f"{error} (it was not sent)")
    return Answered(item, outcome, Decimal(0))


def bound_of(
    run: RunContext, params: Mapping[str, Any], tokens: int | None = None, contents: Contents | None = None
) -> Decimal:
    """The most a request with these `params` can cost, in USD."""
    window = run.info.max_input_tokens or CONTEXT_WINDOW
    request: Request = {"custom_id": "", "params": dict(params)}
    rates = run.assignment.rates
    return bound(request, input_tokens=tokens, contents=contents, rates=rates, context_window=window).total


def named_body(run: RunContext, item: Candidate, content: Content) -> bytes:
    """The entry of a create call for content that names an uploaded document. Raises InputError."""
    params = run.requests.params_of(content, item.max_tokens)
    encoded = encoded_params(params if item.marks is None else marked(params, item.marks))
    return request_body(run.run_id, item.index, item.attempt, encoded)


def encoded_params(params: Mapping[str, Any], *, most: int | None = MAX_ITEM_BYTES) -> bytes:
    """One request as JSON. Raises InputError for what is none, or is of more than `most` bytes."""
    try:
        encoded = orjson.dumps(params)
    except (TypeError, ValueError) as error:
        raise InputError(f"it is no JSON: {error}") from error
    if most is not None and len(encoded) > most:
        raise InputError(too_large(len(encoded)))
    return encoded


def request_body(run_id: str, index: int, attempt: int, encoded: bytes) -> bytes:
    """One entry of a create call."""
    return b'{"custom_id":"%b","params":%b}' % (custom_id(run_id, index, attempt).encode(), encoded)
