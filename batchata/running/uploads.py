"""The documents of a run that go up through the Files API, each once, and are deleted when no job needs them."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Container, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import blake2b
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from batchata.core.events import UploadedFile
from batchata.core.items import Document, Item
from batchata.core.uploadbook import UploadBook
from batchata.errors import InputError
from batchata.io.uploading import delete_file, is_there, upload_file
from batchata.running.assignment import Content
from batchata.running.lanes import Lanes

if TYPE_CHECKING:
    from anthropic import Anthropic

REUSED = 86_400.0
"""Seconds during which new jobs may name a file: a batch takes a day, and the file has to outlive it."""

_STAND_IN = "file_" + "0" * 40
_FORMING, _RUN = 0, -1


@dataclass(slots=True)
class _File:
    """`is_old`: an earlier process uploaded it, which may have deleted it too and died before it wrote that down."""

    digest: str
    since: float
    jobs: set[int]
    prefixes: set[str] = field(default_factory=set)
    is_old: bool = False

    def hold(self, prefix: str) -> None:
        self.jobs.add(_FORMING)
        if prefix:
            self.jobs.add(_RUN)
            self.prefixes.add(prefix)


@dataclass(frozen=True, slots=True)
class _Way:
    """An upload that is under way or done: the id of its file, or why the API does not take it."""

    end: Future[tuple[str, str]] = field(default_factory=Future)

    def file_id(self) -> str:
        """Raises InputError, and whatever else the upload failed with. Nothing that was to be uploaded is kept."""
        file_id, refused = self.end.result()
        if refused:
            raise InputError(refused)
        return file_id


@dataclass(frozen=True, slots=True)
class Coming:
    """Content whose document is on its way. `bare` has a stand-in for it."""

    bare: Content
    way: _Way
    hold: Callable[[str], None]

    def content(self) -> Content:
        """Waits for the document, and names it. Raises InputError for one that the API does not take."""
        file_id = self.way.file_id()
        self.hold(file_id)
        return _renamed(self.bare, file_id)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request whose document is on its way."""

    coming: Coming
    body_of: Callable[[Content], bytes]

    def is_here(self) -> bool:
        return self.coming.way.end.done()

    def body(self) -> bytes:
        """Raises InputError for a document that the API does not take, and the errors of `upload_file`."""
        return self.body_of(self.coming.content())

    def wait(self) -> None:
        wait([self.coming.way.end])


@dataclass(slots=True)
class Uploads:
    """For any number of threads. Jobs that name a file hold it, and so do the one that is being formed and the run."""

    client: Anthropic
    _files: dict[str, _File] = field(default_factory=dict)
    _newest: dict[str, str] = field(default_factory=dict)
    _ways: dict[str, _Way] = field(default_factory=dict)
    _lanes: Lanes = field(default_factory=Lanes, repr=False)
    _last: tuple[str, str] | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def known_to(cls, client: Anthropic, book: UploadBook) -> Uploads:
        """With the files that an earlier process uploaded."""
        files = {
            file_id: _File(
                digest,
                book.since[file_id].timestamp(),
                book.jobs[file_id] | ({_RUN} if book.prefixes[file_id] else set()),
                set(book.prefixes[file_id]),
                is_old=True,
            )
            for file_id, digest in book.digests.items()
        }
        return cls(client, files, {file.digest: file_id for file_id, file in files.items()})

    def named(self, content: Content, prefix: str = "") -> Content:
        """The same with the id of its document, which is uploaded unless it has been.

        A document in the `prefix` that other items share stays until the run ends: under another id the prompt cache
        would not know it.
        """
        return content if document_of(content) is None else self.coming(content, prefix).content()

    def coming(self, content: Content, prefix: str = "") -> Coming:
        """Begins what `named` does, and returns as soon as few enough are under way. Content has a document."""
        document = document_of(content)
        if document is None:
            raise TypeError("what has no document needs no upload")
        source = document.block["source"]
        name = PurePosixPath(document.source or "").name or "document"
        return Coming(weighed(content), self._way(name, source, prefix), partial(self._hold, prefix))

    def _way(self, name: str, source: Mapping[str, Any], prefix: str) -> _Way:
        """Whatever holds the same is one upload, and one that was refused is not tried again."""
        digest = self._digest(source)
        with self._lock:
            way = self._ways.get(digest)
            if way is not None:
                return way
            way, file_id = _Way(), self._at_hand(digest, prefix)
            if file_id and not self._files[file_id].is_old:
                way.end.set_result((file_id, ""))
                return way
            self._ways[digest] = way
        self._lanes.start(partial(self._go, way, digest, name, source, prefix), len(source["data"]))
        return way

    def _go(self, way: _Way, digest: str, name: str, source: Mapping[str, Any], prefix: str) -> None:
        try:
            file_id = self._known(digest, prefix) or self._uploaded(digest, name, source, prefix)
        except InputError as error:
            way.end.set_result(("", str(error)))
        except BaseException as error:
            self._ways.pop(digest)
            way.end.set_exception(error)
            raise
        else:
            self._ways.pop(digest)
            way.end.set_result((file_id, ""))

    def _uploaded(self, digest: str, name: str, source: Mapping[str, Any], prefix: str) -> str:
        file_id = upload_file(self.client, name, str(source["media_type"]), _bytes_of(source))
        with self._lock:
            self._files[file_id] = file = _File(digest, time.time(), set())
            file.hold(prefix)
            self._newest[digest] = file_id
        return file_id

    def _known(self, digest: str, prefix: str) -> str:
        """The id of what was uploaded lately and is there; empty where nothing is."""
        with self._lock:
            file_id = self._at_hand(digest, prefix)
            file = self._files.get(file_id)
        if file is None:
            return ""
        if file.is_old and not is_there(self.client, file_id):
            with self._lock:
                self._files.pop(file_id, None)
            return ""
        file.is_old = False
        return file_id

    def _at_hand(self, digest: str, prefix: str) -> str:
        """The id of what was uploaded lately and is held from now on; empty where nothing was. Under the lock."""
        file_id = self._newest.get(digest, "")
        file = self._files.get(file_id)
        if file is None or file.since <= time.time() - REUSED:
            return ""
        file.hold(prefix)
        return file_id

    def _hold(self, prefix: str, file_id: str) -> None:
        with self._lock:
            if file_id in self._files:
                self._files[file_id].hold(prefix)

    def _digest(self, source: Mapping[str, Any]) -> str:
        """Items that follow each other are often about one document."""
        data, last = source["data"], self._last
        if last is None or last[0] is not data:
            person = str(source["media_type"]).encode()[:16]
            last = self._last = data, blake2b(data.encode(), digest_size=16, person=person).hexdigest()
        return last[1]

    def held_by(self, job: int) -> list[UploadedFile]:
        """What was named while the job was formed is held by it from now on."""
        held = []
        with self._lock:
            for file_id, file in self._files.items():
                if _FORMING in file.jobs:
                    file.jobs = (file.jobs - {_FORMING}) | {job}
                    held.append(UploadedFile(file_id, file.digest, tuple(sorted(file.prefixes))))
        return held

    def release(self, job: int) -> list[str]:
        """The job has ended: the files that only it held are deleted. Returns those that are gone."""
        with self._lock:
            mine = [file_id for file_id, file in self._files.items() if file.jobs == {job}]
            files = {file_id: self._files.pop(file_id) for file_id in mine}
            for file in self._files.values():
                file.jobs.discard(job)
        return self._delete(files)

    def sweep(self, open_jobs: Container[int]) -> list[str]:
        """The run ends: whatever no open job needs is deleted. Returns what is gone."""
        with self._lock:
            idle = [key for key, file in self._files.items() if not any(job in open_jobs for job in file.jobs)]
            files = {file_id: self._files.pop(file_id) for file_id in idle}
        return self._delete(files)

    def _delete(self, files: Mapping[str, _File]) -> list[str]:
        return [file_id for file_id in files if delete_file(self.client, file_id)]


def document_of(content: Content) -> Document | None:
    """The document that can be uploaded: a PDF or a text whose bytes are in the request."""
    document = content.content if isinstance(content, Item) else content
    if not isinstance(document, Document) or document.block.get("type") != "document":
        return None
    return document if document.block["source"].get("type") in ("base64", "text") else None


def weighed(content: Content) -> Content:
    """The same with an id that is as long as any, to tell what the request weighs before there is one."""
    document = document_of(content)
    return content if document is None else _with_file(content, document, _STAND_IN)


def _with_file(content: Content, document: Document, file_id: str) -> Content:
    block = {**document.block, "source": {"type": "file", "file_id": file_id}}
    named = replace(document, block=block)
    return replace(content, content=named) if isinstance(content, Item) else named


def _renamed(content: Content, file_id: str) -> Content:
    """Content with a stand-in, with the id instead."""
    document = content.content if isinstance(content, Item) else content
    return _with_file(content, document, file_id) if isinstance(document, Document) else content


def _bytes_of(source: Mapping[str, Any]) -> bytes:
    return base64.b64decode(source["data"]) if source["type"] == "base64" else str(source["data"]).encode()
