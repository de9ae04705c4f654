"""What a run is about: the items, and what is to be done with each."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from batchata.core.caching import Mode
from batchata.core.fingerprints import name_of, settings_of
from batchata.core.items import Document, Message
from batchata.core.models import ModelInfo, check_document
from batchata.core.rates import Rates
from batchata.core.requests import Shape, shape_of
from batchata.errors import InputError
from batchata.io.ahead import READS, in_order
from batchata.io.paths import is_path, is_url
from batchata.io.results import ResultsFolder
from batchata.io.sources import read_document

if TYPE_CHECKING:
    from anthropic import Anthropic

Content: TypeAlias = Document | Sequence[Message]


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

    def names(self) -> list[str]:
        """What the items are called in the ledger."""
        return [name_of(str(each) if is_path(each) else each) for each in self.items]

    @cached_property
    def has_urls(self) -> bool:
        """Whether it takes a network to get at some of the items."""
        return self.is_files and any(map(is_url, self.items))

    @property
    def first_file(self) -> str | None:
        """The path or name of the first file; None for conversations."""
        if not self.is_files or not self.items:
            return None
        return self.source(0) or ""

    def source(self, index: int) -> str | None:
        """The file that an item is, None for conversations and bytes."""
        item = self.items[index]
        if isinstance(item, Document):
            return item.source
        return str(item) if self.is_files and is_path(item) else None


@dataclass(frozen=True, slots=True)
class RunContext:
    """What every step of a run works with."""

    assignment: Assignment
    requests: Requests
    client: Anthropic
    info: ModelInfo
    run_id: str
    folder: ResultsFolder


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
        return self._shape(max_tokens).params_of(content)

    def contents(
        self, indexes: Sequence[int], room: Callable[[], int] | None = None
    ) -> Generator[Callable[[], Content]]:
        """For each item a call that gives its content or raises InputError; files on URLs are read ahead."""
        return in_order(self._content, indexes, READS if self._assignment.has_urls else 1, room)

    def max_tokens(self, asked: int | None) -> int:
        """What a request asks for in the end."""
        return int(self._shape(asked).base["max_tokens"])

    def _shape_for(self, max_tokens: int | None) -> Shape:
        each = self._assignment
        asked = max_tokens or each.max_tokens
        return shape_of(
            each.model, each.prompt, each.response_model, each.citations, asked, self._info, dict(each.params)
        )

    def _content(self, index: int) -> Content:
        item = self._assignment.items[index]
        if not self._assignment.is_files:
            return item  # type: ignore[no-any-return]
        citations = self._assignment.citations
        document = read_document(item, citations=citations)
        if reason := check_document(self._info, document, citations=citations):
            raise InputError(reason)
        return document
