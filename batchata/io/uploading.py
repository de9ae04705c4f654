"""The Files API: documents that go up once and are named by the requests (doc:build-with-claude/files)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from batchata.errors import BatchataError, InputError, RequestRefusedError
from batchata.io.faults import reading

if TYPE_CHECKING:
    from anthropic import Anthropic

logger = logging.getLogger("batchata")

MAX_UPLOAD_BYTES = 500_000_000
LIFETIME = 3 * 86_400
"""Seconds after which the API deletes a file that we could not: longer than it is given to new jobs, and a batch."""

_TRIES = 4
_NOT_FOUND = 404
_UNFIT = frozenset({400, 413, 415, 422})
"""Answers about the file itself; of the account's troubles those that are a 400 too are told apart before."""


def upload_file(client: Anthropic, name: str, media_type: str, data: bytes) -> str:
    """The id of the file. It is tried again, for it is free; a file whose id was lost on the way expires.

    Raises InputError for a file that the API does not take, and the errors of `poll`.
    """
    try:
        with reading("its upload"):
            patient = client.with_options(max_retries=_TRIES)
            raw: Any = patient.files.upload(file=(name, data, media_type), expires_in_seconds=LIFETIME)
            return str(raw.id)
    except RequestRefusedError as error:
        if error.status not in _UNFIT:
            raise
        logger.info("%s: %s", name, error)
        raise InputError(f"the Files API does not take it: {_said(error)}") from error


def _said(error: RequestRefusedError) -> str:
    """Without the id of the request: by its reason it shows that all files fail for the same one."""
    cause: Any = error.__cause__
    return f"{cause.api_message or cause.message} (HTTP {error.status})"


def is_there(client: Anthropic, file_id: str) -> bool:
    """Whether the file can be named. Raises the errors of `poll`."""
    try:
        with reading(f"look up {file_id}"):
            client.with_options(max_retries=_TRIES).files.retrieve_metadata(file_id)
    except RequestRefusedError as error:
        if error.status == _NOT_FOUND:
            return False
        raise
    return True


def delete_file(client: Anthropic, file_id: str) -> bool:
    """Whether the file is gone. A failure is a warning: it expires by itself."""
    try:
        with reading(f"delete {file_id}"):
            client.with_options(max_retries=_TRIES).files.delete(file_id)
    except BatchataError as error:
        if isinstance(error, RequestRefusedError) and error.status == _NOT_FOUND:
            return True
        logger.warning("%s; it is not needed any more, and expires three days after it was uploaded", error)
        return False
    return True
