"""A record as a reviewer reads it: its fields as text, and what each was cited from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from batchata.core.citations import Citation
from batchata.core.leaves import leaves_of
from batchata.core.matching import Value
from batchata.core.records import Record

ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a result. `shown` is its value as text, `kind` what to make of that.

    "unknown" is a field that has citations and no value here: the result was read without its response model, in which
    the field has another name. `value` is what to search a cited text for.
    """

    path: str
    shown: str
    kind: str
    value: Value | None
    citations: tuple[Citation, ...]

    @property
    def lacks_citation(self) -> bool:
        """Whether there is a value that nothing is cited for."""
        return not self.citations and self.kind not in ("none", "empty")


def fields_of(record: Record[Any]) -> list[Field]:
    """The fields in the order of the result; a text is one field, an item without a result has none."""
    if not record.succeeded:
        return []
    if isinstance(record.result, str) and not isinstance(record.citations, dict):
        return [Field(ANSWER, record.result, "text", None, tuple(record.citations or ()))]
    return list(_fields(record.result, record.citations))


def _fields(result: Any, citations: list[Citation] | dict[str, list[Citation]] | None) -> Iterator[Field]:
    known = citations if isinstance(citations, dict) else {}
    leaves = leaves_of(result, None)
    for leaf in leaves:
        shown, kind = shown_value(leaf.raw)
        yield Field(leaf.path or ANSWER, shown, kind, leaf.value, tuple(known.get(leaf.path, ())))
    for path in known.keys() - {leaf.path for leaf in leaves}:
        if known[path]:
            yield Field(path, "", "unknown", None, tuple(known[path]))
    if isinstance(citations, list) and citations:
        yield Field(ANSWER, "", "unknown", None, tuple(citations))


def shown_value(raw: Any) -> tuple[str, str]:
    """A value as text, and its kind."""
    if isinstance(raw, Enum):
        raw = raw.value
    match raw:
        case None:
            return "null", "none"
        case bool():
            return str(raw).lower(), "word"
        case str():
            return (raw, "text") if raw.strip() else ("(empty text)", "empty")
        case list() | tuple() | set() | frozenset() | dict() if not raw:
            return "(none)", "empty"
        case _:
            return str(raw), "number" if isinstance(raw, int | float) or hasattr(raw, "as_tuple") else "word"


def cited_pages(citation: Citation) -> range:
    """The pages of a citation of a PDF, as a reader counts; none where it has none."""
    if citation.start_page is None or citation.start_page < 1:
        return range(0)
    return range(citation.start_page, max(citation.end_page or citation.start_page, citation.start_page) + 1)


def where(citation: Citation) -> str:
    """The place of a citation in words."""
    if pages := cited_pages(citation):
        return f"page {pages[0]}" if len(pages) == 1 else f"pages {pages[0]} to {pages[-1]}"
    if citation.start_char_index is not None:
        return f"characters {citation.start_char_index:,} to {citation.end_char_index or 0:,}"
    if citation.start_block_index is not None:
        return f"block {citation.start_block_index}"
    return citation.title or citation.url or citation.source or "a place that the API did not name"


def source_of(citation: Citation, record: Record[Any]) -> str | None:
    """The document that a citation is about; None where nothing says which file that was."""
    if citation.source_file is not None:
        return citation.source_file
    return record.source if citation.document_index in (None, 0) and citation.file_id is None else citation.file_id


def short_name(source: str) -> str:
    """The last part of a path or URL."""
    return source.rstrip("/").rpartition("/")[2]


def uncited(fields: Sequence[Field]) -> int:
    """How many values nothing is cited for."""
    return sum(each.lacks_citation for each in fields)
