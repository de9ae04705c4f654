"""Message batches over the API: submit, poll, stream the results, cancel."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, Literal
from urllib.parse import SplitResult, urlsplit

import orjson

from batchata.core.collecting import custom_id_of
from batchata.core.items import Request, item_key
from batchata.core.requests import EncodedBatch, encode
from batchata.errors import (
    AmbiguousSubmitError,
    ForeignResultsUrlError,
    IncompleteResultsError,
    NotEndedError,
    ServiceError,
)
from batchata.io.faults import is_account_trouble, may_have_created, reading, status_error

if TYPE_CHECKING:
    from anthropic import Anthropic

logger = logging.getLogger("batchata")

State = Literal["in_progress", "canceling", "ended"]

SUBMIT_TIMEOUT = 1_800.0
"""Seconds: 256 MB take a while on a slow line, and giving up early leaves a batch that may exist."""

READINGS = 3
_BATCH_KEYS = {"id", "processing_status", "request_counts", "created_at", "expires_at"}
_PORTS = {"http": 80, "https": 443}
_NEVER_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout")


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests by how they ended. All but `processing` stay 0 until the whole batch has ended."""

    processing: int
    succeeded: int
    errored: int
    canceled: int
    expired: int

    @property
    def total(self) -> int:
        return self.processing + self.succeeded + self.errored + self.canceled + self.expired


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """A message batch as the API sees it now (doc:api/messages/batches/retrieve). Times are in UTC.

    Results can be read until 29 days after `created_at`; `expires_at` is 24 hours after it.
    """

    batch_id: str
    state: State
    counts: Counts
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    cancel_initiated_at: datetime | None
    archived_at: datetime | None
    results_url: str | None

    @property
    def is_ended(self) -> bool:
        """Whether every request has been processed, so that there are results."""
        return self.state == "ended"

    @classmethod
    def from_api(cls, raw: Mapping[str, Any]) -> BatchStatus:
        """From the API's JSON. Raises ValueError when that is no message batch."""
        if not isinstance(raw, Mapping) or not raw.keys() >= _BATCH_KEYS:
            raise ValueError(f"the answer is no message batch: {str(raw)[:120]!r}")

        def time(name: str) -> datetime | None:
            return datetime.fromisoformat(raw[name]) if raw.get(name) else None

        return cls(
            batch_id=raw["id"],
            state=raw["processing_status"],
            counts=Counts(**{name: raw["request_counts"].get(name, 0) for name in Counts.__slots__}),
            created_at=datetime.fromisoformat(raw["created_at"]),
            expires_at=datetime.fromisoformat(raw["expires_at"]),
            ended_at=time("ended_at"),
            cancel_initiated_at=time("cancel_initiated_at"),
            archived_at=time("archived_at"),
            results_url=raw.get("results_url"),
        )


def submit(
    client: Anthropic, requests: Sequence[Request] | EncodedBatch, *, extra_headers: Mapping[str, str] | None = None
) -> str:
    """Creates a message batch with one POST and returns its id. It is never sent a second time.

    `extra_headers` go with the call, such as `{"anthropic-beta": "..."}`.

    Raises InputError before sending (over 100,000 requests, 256 MB, or 32 MB for one); CredentialsError,
    AccountError, RequestRefusedError, ServiceError when certainly nothing was created; AmbiguousSubmitError when
    the answer was lost and the batch may exist. Source: doc:api/messages/batches/create, doc:api/errors.
    """
    import anthropic

    batch = requests if isinstance(requests, EncodedBatch) else encode(requests)
    headers = {"content-type": "application/json"}
    if batch.api_version:
        headers["anthropic-version"] = batch.api_version
    headers |= extra_headers or {}
    once = client.with_options(max_retries=0, timeout=SUBMIT_TIMEOUT)
    try:
        raw = once.post("/v1/messages/batches", content=batch.body, cast_to=object, options={"headers": headers})
    except anthropic.APIStatusError as error:
        if may_have_created(error) and not is_account_trouble(error):
            raise _ambiguous(batch, f"the API answered with HTTP {error.status_code}") from error
        raise status_error("create", error) from error
    except anthropic.APIConnectionError as error:
        if type(error.__cause__).__name__ in _NEVER_SENT:
            raise ServiceError(f"create: the API could not be reached, nothing was sent ({error.__cause__})") from error
        raise _ambiguous(batch, f"the connection broke ({error.__cause__ or error})") from error
    except (anthropic.AnthropicError, ValueError) as error:
        raise _ambiguous(batch, f"the answer could not be read ({error})") from error
    except KeyboardInterrupt:
        logger.warning("%s", _ambiguous(batch, "it was interrupted"))
        raise
    return _batch_id(batch, raw)


def _batch_id(batch: EncodedBatch, raw: object) -> str:
    if isinstance(raw, Mapping) and isinstance(raw.get("id"), str) and raw["id"]:
        return str(raw["id"])
    raise _ambiguous(batch, f"the answer holds no batch id ({str(raw)[:120]!r})")


def _ambiguous(batch: EncodedBatch, why: str) -> AmbiguousSubmitError:
    return AmbiguousSubmitError(
        f"{why} while a message batch of {batch.total:,} requests was created: it may exist, and sending it again "
        f"could pay twice. Look for a batch of {batch.total:,} requests among the newest "
        f"(client.messages.batches.list()); it is this one if its results hold the custom_id {batch.first_custom_id}",
        custom_id=batch.first_custom_id,
        total=batch.total,
    )


def poll(client: Anthropic, batch_id: str) -> BatchStatus:
    """Where a message batch stands. Safe to repeat; an error here says nothing about the batch.

    Raises ServiceError, CredentialsError, AccountError or RequestRefusedError (an unknown id).
    Source: doc:api/messages/batches/retrieve.
    """
    with reading(f"retrieve {batch_id}"):
        raw: Any = client.get(f"/v1/messages/batches/{batch_id}", cast_to=object)
        return BatchStatus.from_api(raw)


def cancel(client: Anthropic, batch_id: str) -> BatchStatus:
    """Asks the API to stop a message batch. What was processed by then is billed and has results."""
    with reading(f"cancel {batch_id}"):
        raw: Any = client.post(f"/v1/messages/batches/{batch_id}/cancel", cast_to=object)
        return BatchStatus.from_api(raw)


def stream_results(client: Anthropic, batch_id: str) -> Iterator[bytes]:
    """The result lines of an ended message batch, one JSON object each, in the API's order (any).

    The stream is read to a temporary file and handed on when it is whole: as many lines as the batch has
    requests. A stream that was cut is read again, at most three times.

    Raises NotEndedError, ForeignResultsUrlError, and the errors of `poll`; when the stream stays short it first
    yields what there is and then raises IncompleteResultsError. Source: doc:api/messages/batches/results.
    """
    with tempfile.TemporaryFile(prefix="batchata-") as file:
        short = None
        try:
            download_results(client, batch_id, file)
        except IncompleteResultsError as error:
            short = error
        file.seek(0)
        yield from whole_lines(file)
    if short is not None:
        raise short


def download_results(client: Anthropic, batch_id: str, file: IO[bytes]) -> int:
    """Writes the results of an ended message batch to `file` as the API sends them; returns the number of lines.

    Raises as `stream_results` does; on IncompleteResultsError the file holds what was read.
    """
    status = poll(client, batch_id)
    url = _own_url(client, status)
    expected, read, broke = status.counts.total, 0, None
    for _ in range(READINGS):
        file.seek(0)
        file.truncate()
        try:
            _copy(client, batch_id, url, file)
            broke = None
        except ServiceError as error:
            broke = error
        file.seek(0)
        read = _count_items(file, expected)
        if read == expected:
            return read
    if broke is not None and read == 0:
        raise broke
    raise IncompleteResultsError(
        f"the results of {batch_id} ended after {read:,} of {expected:,} lines, {READINGS} times; "
        "they can be read again until 29 days after the batch was created",
        read=read,
        expected=expected,
    )


def _count_items(file: IO[bytes], expected: int) -> int:
    """How many items the lines are about: each `custom_id` once. A bit for each item of ours, not its id."""
    seen, others = bytearray(expected), set[str]()
    for line in whole_lines(file):
        name = custom_id_of(line)
        key = item_key(name) if name else None
        if key is not None and key.index < expected:
            seen[key.index] = 1
        elif name:
            others.add(name)
    return sum(seen) + len(others)


def whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines that hold a whole JSON object: blank ones and a last one that was cut are passed over."""
    for line in file:
        if line.endswith(b"\n"):
            if not line.isspace():
                yield line
        elif _is_json(line):
            yield line


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _own_url(client: Anthropic, status: BatchStatus) -> str:
    if not status.is_ended or status.results_url is None:
        if status.archived_at:
            raise NotEndedError(
                f"the results of {status.batch_id} were removed on {status.archived_at:%Y-%m-%d}: "
                "they are kept for 29 days"
            )
        raise NotEndedError(
            f"{status.batch_id} is {status.state}: {status.counts.processing:,} of {status.counts.total:,} requests "
            f"are being processed; it ends by {status.expires_at:%Y-%m-%d %H:%M} UTC at the latest"
        )
    own, theirs = urlsplit(str(client.base_url)), urlsplit(status.results_url)
    if _origin(own) != _origin(theirs):
        raise ForeignResultsUrlError(
            f"the results of {status.batch_id} are said to be at {theirs.scheme}://{theirs.netloc}, but the client "
            f"talks to {own.scheme}://{own.netloc}: the key is not sent there. If that is where your API lives, "
            "make a client with that base_url"
        )
    return status.results_url


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)


def _copy(client: Anthropic, batch_id: str, url: str, file: IO[bytes]) -> None:
    headers = {"accept": "application/binary", "x-stainless-raw-response": "stream"}
    with reading(f"results of {batch_id}"):
        response: Any = client.get(url, cast_to=object, options={"headers": headers})
        try:
            for chunk in response.iter_bytes():
                file.write(chunk)
        finally:
            response.close()
