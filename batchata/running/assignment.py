"""What a run is about: the items, and what is to be done with each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from batchata.core.caching import Mode
from batchata.core.encoding import MAX_ITEM_BYTES
from batchata.core.fingerprints import name_of, settings_of
from batchata.core.items import Document, Item, Message, subject_of
from batchata.core.models import SAMPLING, ModelInfo, check_document
from batchata.core.rates import Rates
from batchata.core.requests import Shape, shape_of
from batchata.errors import InputError
from batchata.io.ahead import READS, in_order
from batchata.io.paths import is_path, is_url
from batchata.io.results import ResultsFolder
from batchata.io.sources import read_document

if TYPE_CHECKING:
    from anthropic import Anthropic

    from batchata.running.uploads import Uploads

Content: TypeAlias = Item | Document | Sequence[Message]


class About(NamedTuple):
    """What results say of an item beside its outcome. `file` is the file that citations of it are taken from."""

    source: str | None = None
    label: str | None = None
    file: str | None = None


_SAMPLING = frozenset(SAMPLING)


@dataclass(frozen=True)
class Assignment:
    """The items, and what all their requests have in common."""

    items: Sequence[Any]
    is_files: bool
    model: str
    prompt: str | None = None
    response_model: Any = None
    citations: bool = False
    max_tokens: int | None = None
    rates: Rates | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] | None = None
    api: str = ""
    upload: bool = False
    prompt_caching: Mode = "auto"

    @cached_property
    def settings(self) -> dict[str, str]:
        """Fingerprints: a ledger goes on only with the same ones."""
        return settings_of(
            model=self.model,
            prompt=self.prompt,
            response_model=self.response_model,
            citations=self.citations,
            max_tokens=self.max_tokens,
            params={**self.params, **({"extra_headers": dict(self.headers)} if self.headers else {})},
            api=self.api,
        )

    @property
    def most_bytes(self) -> int | None:
        """What a request with its document in it may have; None where documents are uploaded."""
        return None if self.upload else MAX_ITEM_BYTES

    def names(self) -> list[str]:
        """What the items are called in the ledger."""
        return [name_of(_named(each)) for each in self.items]

    @cached_property
    def has_urls(self) -> bool:
        """Whether it takes a network to get at some of the items."""
        return self.is_files and any(is_url(subject_of(each)) for each in self.items)

    @property
    def first_file(self) -> str | None:
        """The path or name of the first file; None for conversations."""
        if not self.is_files or not self.items:
            return None
        return self.about(0).file or ""

    def about(self, index: int) -> About:
        """How results name an item: its file, if nothing else was said; nothing for conversations and bytes."""
        item = self.items[index]
        file = self._file(subject_of(item))
        if not isinstance(item, Item):
            return About(file, None, file)
        return About(item.source or file, item.label, file or (item.source if self.is_files else None))

    def _file(self, subject: Any) -> str | None:
        if isinstance(subject, Document):
            return subject.source
        return str(subject) if self.is_files and is_path(subject) else None

    def samples(self, indexes: Sequence[int]) -> bool:
        """Whether one of these items is sent with a sampling parameter."""
        if not _SAMPLING.isdisjoint(self.params):
            return True
        varied = (self.varied(index) for index in indexes)
        return any(item is not None and not _SAMPLING.isdisjoint(item.params) for item in varied)

    def varied(self, index: int) -> Item | None:
        """The item, if something is asked for it only."""
        item = self.items[index]
        return item if isinstance(item, Item) else None


@dataclass(frozen=True, slots=True)
class RunContext:
    """What every step of a run works with."""

    assignment: Assignment
    requests: Requests
    client: Anthropic
    info: ModelInfo
    run_id: str
    folder: ResultsFolder
    uploads: Uploads | None = None


class Requests:
    """The `params` of each item's request, made when they are needed."""

    def __init__(self, assignment: Assignment, info: ModelInfo) -> None:
        self._assignment = assignment
        self._info = info
        self._shape = lru_cache(maxsize=16)(self._shape_for)

    def params(self, index: int, max_tokens: int | None) -> dict[str, Any]:
        """Raises InputError for an item that cannot be sent."""
        return self.params_of(self._content(index), max_tokens)

    def params_of(self, content: Content, max_tokens: int | None) -> dict[str, Any]:
        """Raises InputError."""
        return self._shape(max_tokens).params_of(content, max_tokens)

    def contents(
        self, indexes: Sequence[int], room: Callable[[], int] | None = None
    ) -> Generator[Callable[[], Content]]:
        """For each item a call that gives its content or raises InputError; files on URLs are read ahead."""
        read = partial(self._content, shared=Shared(self._document))
        return in_order(read, indexes, READS if self._assignment.has_urls else 1, room)

    def max_tokens(self, asked: int | None, index: int | None = None) -> int:
        """What a request asks for in the end: that of an item, or one of which nothing else is asked."""
        shape, item = self._shape(asked), None if index is None else self._assignment.varied(index)
        return int((shape if item is None else shape.varied(item, asked)).base["max_tokens"])

    def _shape_for(self, max_tokens: int | None) -> Shape:
        each = self._assignment
        asked = max_tokens or each.max_tokens
        return shape_of(
            each.model, each.prompt, each.response_model, each.citations, asked, self._info, dict(each.params)
        )

    def _content(self, index: int, shared: Shared | None = None) -> Content:
        item = self._assignment.items[index]
        if not self._assignment.is_files:
            return item  # type: ignore[no-any-return]
        if not isinstance(item, Item):
            return self._document(item)
        read = shared or self._document
        return replace(item, content=read(item.content))

    def _document(self, item: Any) -> Document:
        citations = self._assignment.citations
        document = read_document(item, citations=citations, uploads=self._assignment.upload)
        if reason := check_document(self._info, document, citations=citations):
            raise InputError(reason)
        return document


class Shared:
    """Reads a file once for items that follow each other and are about the same one. For any number of threads."""

    def __init__(self, read: Callable[[Any], Document]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._last: tuple[Any, Future[Document]] | None = None

    def __call__(self, source: Any) -> Document:
        with self._lock:
            is_new = self._last is None or (self._last[0] is not source and self._last[0] != source)
            if is_new or self._last is None:
                self._last = source, Future()
            document = self._last[1]
        if is_new:
            try:
                document.set_result(self._read(source))
            except BaseException as error:
                document.set_exception(error)
                raise
        return document.result()


def _named(item: Any) -> Any:
    """With its path as text, whatever the path is made of."""
    subject = subject_of(item)
    if not is_path(subject):
        return item
    return replace(item, content=str(subject)) if isinstance(item, Item) else str(subject)
