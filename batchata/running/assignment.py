"""What a run is about: the items, and what is to be done with each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchata.core.fingerprints import name_of, settings_of
from batchata.core.items import Document, Message
from batchata.core.models import ModelInfo, check_document
from batchata.core.rates import Rates
from batchata.core.requests import Shape, shape_of
from batchata.errors import InputError
from batchata.io.results import ResultsFolder
from batchata.io.sources import read_document

if TYPE_CHECKING:
    from anthropic import Anthropic


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
        return [name_of(each) for each in self.items]

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
        return str(item) if self.is_files and isinstance(item, str | Path) else None


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
        return self._shape(max_tokens).params_of(self._content(index))

    def max_tokens(self, asked: int | None) -> int:
        """What a request asks for in the end."""
        return int(self._shape(asked).base["max_tokens"])

    def _shape_for(self, max_tokens: int | None) -> Shape:
        each = self._assignment
        asked = max_tokens or each.max_tokens
        return shape_of(
            each.model, each.prompt, each.response_model, each.citations, asked, self._info, dict(each.params)
        )

    def _content(self, index: int) -> Document | Sequence[Message]:
        item = self._assignment.items[index]
        if not self._assignment.is_files:
            return item  # type: ignore[no-any-return]
        citations = self._assignment.citations
        document = read_document(item, citations=citations)
        if reason := check_document(self._info, document, citations=citations):
            raise InputError(reason)
        return document
