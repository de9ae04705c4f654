"""The Files API: documents that go up once and are named by the requests (doc:build-with-claude/files)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from batchata.errors import BatchataError, RequestRefusedError
from batchata.io.faults import reading

if TYPE_CHECKING:
    from anthropic import Anthropic

logger = logging.getLogger("batchata")

MAX_UPLOAD_BYTES = 500_000_000
LIFETIME = 3 * 86_400
"""Seconds after which the API deletes a file that we could not: longer than it is given to new jobs, and a batch."""

_TRIES = 4
_NOT_FOUND = "HTTP 404"


def upload_file(client: Anthropic, name: str, media_type: str, data: bytes) -> str:
    """The id of the file. It is tried again, for it is free; a file whose id was lost on the way expires.

    Raises the errors of `poll`.
    """
    with reading(f"upload {name}"):
        patient = client.with_options(max_retries=_TRIES)
        raw: Any = patient.files.upload(file=(name, data, media_type), expires_in_seconds=LIFETIME)
        return str(raw.id)


def is_there(client: Anthropic, file_id: str) -> bool:
    """Whether the file can be named. Raises the errors of `poll`."""
    try:
        with reading(f"look up {file_id}"):
            client.with_options(max_retries=_TRIES).files.retrieve_metadata(file_id)
    except RequestRefusedError as error:
        if _NOT_FOUND in str(error):
            return False
        raise
    return True


def delete_file(client: Anthropic, file_id: str) -> bool:
    """Whether the file is gone. A failure is a warning: it expires by itself."""
    try:
        with reading(f"delete {file_id}"):
            client.with_options(max_retries=_TRIES).files.delete(file_id)
    except BatchataError as error:
        if isinstance(error, RequestRefusedError) and _NOT_FOUND in str(error):
            return True
        logger.warning("%s; it is not needed any more, and expires three days after it was uploaded", error)
        return False
    return True
