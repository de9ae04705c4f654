"""The requests of a message batch -> the body of its create call, within the limits of the API."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from batchata.core.items import Request
from batchata.core.models import SAMPLING, SAMPLING_API_VERSION
from batchata.errors import InputError, Problem

MAX_REQUESTS = 100_000
MAX_BATCH_BYTES = 256_000_000
MAX_ITEM_BYTES = 32_000_000
"""Limits of one message batch and of one request (doc:build-with-claude/batch-processing), read as decimal
megabytes to be on the safe side."""

_SAMPLING = frozenset(SAMPLING)


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """The body of a create call, and what one has to know about it."""

    body: bytes
    total: int
    first_custom_id: str
    api_version: str | None


def encode(requests: Sequence[Request], names: Sequence[str] = ()) -> EncodedBatch:
    """The requests as one JSON body, encoded once.

    Raises InputError for more than 100,000 requests or 256 MB, or an item over 32 MB; `names` are what the
    items are called in it (default: their custom_id).
    """
    check_count(len(requests))
    try:
        body = orjson.dumps({"requests": requests})
    except (TypeError, ValueError) as error:
        raise _not_json(requests, names) from error
    if len(body) > MAX_ITEM_BYTES:
        _check_items(requests, names)
    check_bytes(len(body))
    sampling = any(not _SAMPLING.isdisjoint(request["params"]) for request in requests)
    return EncodedBatch(body, len(requests), requests[0]["custom_id"], SAMPLING_API_VERSION if sampling else None)


def _not_json(requests: Sequence[Request], names: Sequence[str]) -> InputError:
    problems: list[Problem] = []
    for n, request in enumerate(requests):
        try:
            orjson.dumps(request)
        except (TypeError, ValueError) as error:
            problems.append(Problem(names[n] if names else request["custom_id"], f"it is no JSON: {error}"))
    return InputError.of_items(problems, len(requests))


def _check_items(requests: Sequence[Request], names: Sequence[str]) -> None:
    """Only a batch over the limit of an item can hold an item over it, so most are never measured one by one."""
    problems = [
        Problem(names[n] if names else request["custom_id"], too_large(size))
        for n, request in enumerate(requests)
        if (size := len(orjson.dumps(request))) > MAX_ITEM_BYTES
    ]
    if problems:
        raise InputError.of_items(problems, len(requests))


def too_large(size: int) -> str:
    """What to say of an item that is too large."""
    return (
        f"it has {size / 1e6:,.1f} MB as a request; the limit is {MAX_ITEM_BYTES / 1e6:.0f} MB. "
        "Split it, or upload it with the Files API and pass its file_id"
    )


def check_count(total: int) -> None:
    """Raises InputError when there are no requests, or more than a message batch holds."""
    if total == 0:
        raise InputError("a message batch needs at least one request")
    if total > MAX_REQUESTS:
        raise InputError(
            f"{total:,} items are more than the {MAX_REQUESTS:,} of one message batch (nothing was sent). "
            "BatchManager splits them over several"
        )


def check_bytes(size: int) -> None:
    """Raises InputError when the body of a message batch is too large."""
    if size > MAX_BATCH_BYTES:
        raise InputError(
            f"the items make {size / 1e6:,.1f} MB; one message batch takes {MAX_BATCH_BYTES / 1e6:.0f} MB "
            "(nothing was sent). BatchManager splits them over several"
        )
