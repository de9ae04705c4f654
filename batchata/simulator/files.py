"""The part of the Files API that `file` sources need: upload, look up, delete."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from batchata.simulator.errors import InvalidRequestError, NotFoundError
from batchata.simulator.progress import Clock, timestamp


@dataclass(frozen=True, slots=True)
class StoredFile:
    id: str
    filename: str
    mime_type: str
    data: bytes
    created: float
    expires: float | None

    def view(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "type": "file",
            "filename": self.filename,
            "mime_type": self.mime_type,
            "size_bytes": len(self.data),
            "created_at": timestamp(self.created),
            "downloadable": False,
            "expires_at": self.expires and timestamp(self.expires),
        }


class Files:
    """Uploads of one simulator, kept in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._files: dict[str, StoredFile] = {}
        self._uploads = 0

    def upload(self, content_type: str, body: bytes) -> StoredFile:
        parts = _form(content_type, body)
        if "file" not in parts:
            raise InvalidRequestError("file: Field required")
        filename, mime_type, data = parts["file"]
        lifetime = parts.get("expires_in_seconds")
        now = self._clock.now()
        with self._lock:
            self._uploads += 1
            stored = StoredFile(
                id=f"file_sim_{self._uploads:06d}",
                filename=filename or "file",
                mime_type=mime_type,
                data=data,
                created=now,
                expires=now + float(lifetime[2]) if lifetime else None,
            )
            self._files[stored.id] = stored
        return stored

    def get(self, file_id: object) -> StoredFile:
        stored = self._files.get(file_id) if isinstance(file_id, str) else None
        if stored is None or (stored.expires is not None and self._clock.now() >= stored.expires):
            raise NotFoundError(f"File not found: {file_id}")
        return stored

    def newest_first(self) -> list[StoredFile]:
        with self._lock:
            return list(reversed(self._files.values()))

    def delete(self, file_id: str) -> None:
        self.get(file_id)
        with self._lock:
            self._files.pop(file_id, None)


def _form(content_type: str, body: bytes) -> dict[str, tuple[str | None, str, bytes]]:
    if not content_type.startswith("multipart/form-data"):
        raise InvalidRequestError("Content-Type must be multipart/form-data")
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    parts: dict[str, tuple[str | None, str, bytes]] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        parts[str(name)] = (part.get_filename(), part.get_content_type(), data if isinstance(data, bytes) else b"")
    return parts
