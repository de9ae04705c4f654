"""Message batches over the API: submit, poll, stream the results, cancel."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from batchata.core.encoding import EncodedBatch, encode
from batchata.core.items import Request
from batchata.errors import (
    AmbiguousSubmitError,
    RequestRefusedError,
    ServiceError,
)
from batchata.io.faults import check_headers, is_account_trouble, may_have_created, reading, status_error

if TYPE_CHECKING:
    from anthropic import Anthropic

logger = logging.getLogger("batchata")

State = Literal["in_progress", "canceling", "ended"]

SUBMIT_TIMEOUT = 1_800.0
"""Seconds: 256 MB take a while on a slow line, and giving up early leaves a batch that may exist."""

_BATCH_KEYS = {"id", "processing_status", "request_counts", "created_at", "expires_at"}
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
    try:
        raw = client.post(
            "/v1/messages/batches",
            content=batch.body,
            cast_to=object,
            options={"headers": headers, "max_retries": 0, "timeout": SUBMIT_TIMEOUT},
        )
    except anthropic.APIStatusError as error:
        if may_have_created(error) and not is_account_trouble(error):
            raise _ambiguous(batch, f"the API answered with HTTP {error.status_code}") from error
        raise status_error("create", error) from error
    except anthropic.APIConnectionError as error:
        check_headers("create", error)
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
        why=f"{why} while a message batch of {batch.total:,} requests was created",
    )


def poll(client: Anthropic, batch_id: str) -> BatchStatus:
    """Where a message batch stands. Safe to repeat; an error here says nothing about the batch.

    Raises ServiceError, CredentialsError, AccountError or RequestRefusedError (an unknown id).
    Source: doc:api/messages/batches/retrieve.
    """
    with reading(f"retrieve {batch_id}"):
        raw: Any = client.get(f"/v1/messages/batches/{batch_id}", cast_to=object)
        return BatchStatus.from_api(raw)


def find_batch(client: Anthropic, batch_id: str) -> BatchStatus | None:
    """As `poll`, but None for a message batch that the API does not know."""
    import anthropic

    try:
        return poll(client, batch_id)
    except RequestRefusedError as error:
        if isinstance(error.__cause__, anthropic.NotFoundError):
            return None
        raise


def cancel(client: Anthropic, batch_id: str) -> BatchStatus:
    """Asks the API to stop a message batch. What was processed by then is billed and has results."""
    with reading(f"cancel {batch_id}"):
        raw: Any = client.post(f"/v1/messages/batches/{batch_id}/cancel", cast_to=object)
        return BatchStatus.from_api(raw)
