"""Where each field of a result came from."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, NamedTuple

from batchata.core.attribution import Attribution, Evidence
from batchata.core.evidence import labelled_lines
from batchata.core.jsontext import Node, find_json, locate
from batchata.core.leaves import Leaf, leaves_of
from batchata.core.matching import Text, Value
from batchata.core.plain import plain

Match = Literal["span", "label", "value"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Citation:
    """A passage of a source document, as the API gave it, and the rule that tied it to a field.

    `start_page` and `end_page` count from 1 and are inclusive, as a reader counts; character and block indices
    are the API's (from 0, end exclusive). `match` is None for the citations of a text without fields.
    Source: doc:build-with-claude/citations.
    """

    cited_text: str
    type: str | None = None
    start_page: int | None = None
    end_page: int | None = None
    document_index: int | None = None
    document_title: str | None = None
    file_id: str | None = None
    start_char_index: int | None = None
    end_char_index: int | None = None
    start_block_index: int | None = None
    end_block_index: int | None = None
    search_result_index: int | None = None
    source: str | None = None
    title: str | None = None
    url: str | None = None
    encrypted_index: str | None = None
    source_file: str | None = None
    match: Match | None = None

    @property
    def start_page_number(self) -> int | None:
        """The API's own field: the first page, from 1."""
        return self.start_page

    @property
    def end_page_number(self) -> int | None:
        """The API's own field: the page after the last one."""
        return None if self.end_page is None else self.end_page + 1

    def __repr__(self) -> str:
        shown = ((each.name, getattr(self, each.name)) for each in fields(self))
        return f"Citation({', '.join(f'{name}={value!r}' for name, value in shown if value is not None)})"


_KEPT = frozenset(each.name for each in fields(Citation)) - {
    "cited_text", "start_page", "end_page", "source_file", "match",
}  # fmt: skip


def citation(raw: Mapping[str, Any], sources: Sequence[str | None] = (), match: Match | None = None) -> Citation:
    """A citation of the API as a `Citation`; `sources` are the item's documents in their order."""
    index = raw.get("document_index")
    last = raw.get("end_page_number")
    kept = {name: value for name, value in raw.items() if name in _KEPT and value is not None}
    return Citation(
        **kept,
        cited_text=raw.get("cited_text") or "",
        start_page=raw.get("start_page_number"),
        end_page=None if last is None else last - 1,
        source_file=sources[index] if isinstance(index, int) and index < len(sources) else None,
        match=match,
    )


class Block(NamedTuple):
    """A text block of the answer at its place in the whole text, with the API's citations."""

    start: int
    end: int
    text: str
    citations: tuple[int, ...]


def answer_text(content: Sequence[Mapping[str, Any]]) -> str:
    """The text the model wrote: its text blocks joined. Blocks of other types are skipped."""
    return "".join([block.get("text") or "" for block in content if block.get("type") == "text"])


class CitedText:
    """The text of an answer, and which of its characters have which citations."""

    def __init__(self, content: Sequence[Mapping[str, Any]]) -> None:
        self.raw: list[Mapping[str, Any]] = []
        self.blocks: list[Block] = []
        position = 0
        for block in content:
            if block.get("type") != "text":
                continue
            text, cited = block.get("text") or "", block.get("citations") or ()
            numbers = tuple(range(len(self.raw), len(self.raw) + len(cited)))
            self.raw.extend(cited)
            self.blocks.append(Block(position, position + len(text), text, numbers))
            position += len(text)
        self.text = "".join(block.text for block in self.blocks)

    def cited_copy(self, start: int) -> int:
        """Where the JSON value at `start` begins, or an equal one that is cited when this one is not."""
        cited = [block for block in self.blocks if block.citations]
        found = list(find_json(self.text)) if cited else []
        value = next((each for begin, _, each in found if begin == start), None)
        copies = [(begin, end) for begin, end, each in found if value is not None and each == value]
        within = (
            [begin for begin, end in copies if any(block.start < end and begin < block.end for block in cited)]
            if len(copies) > 1
            else []
        )
        return start if start in within or not within else within[-1]

    def citations(self, sources: Sequence[str | None] = ()) -> list[Citation]:
        """All citations in the order of the answer, each once."""
        return [citation(raw, sources) for raw in {_place(raw): raw for raw in self.raw}.values()]


def map_citations(
    blocks: Sequence[Mapping[str, Any]], value: Any, *, sources: Sequence[str | None] = ()
) -> dict[str, list[Citation]]:
    """The citations of each field of `value`: `{path: [Citation]}`, with an empty list for what is not located.

    `blocks` is the `content` of an answer, `value` the object that was read from it: an instance of a response
    model, or plain JSON. A path is a field name, `vendor.name` or `lines[2].amount`. Three rules are tried, and
    `Citation.match` says which one found it: "span", the cited characters are the field's value in the JSON;
    "label", they are the value on a line that names the field; "value", the cited text states the field's value
    and that of no other field. Source of the shapes: doc:build-with-claude/citations.
    """
    answer = CitedText([plain(block) for block in blocks])
    return map_fields(answer, value, _start_of(answer.text, value), sources)


def map_fields(
    answer: CitedText, value: Any, start: int | None, sources: Sequence[str | None] = ()
) -> dict[str, list[Citation]]:
    """As `map_citations`, for an answer whose JSON object is known to begin at `start`."""
    root = None if start is None else locate(answer.text, answer.cited_copy(start))
    leaves = leaves_of(value, root)
    mapper = _Mapper(answer, leaves)
    if answer.raw:
        mapper.by_span(root)
        mapper.by_label(root)
        mapper.by_value(root)
    return {leaf.path: mapper.citations_of(leaf, sources) for leaf in leaves}


def _start_of(text: str, value: Any) -> int | None:
    """Where the last JSON value begins that shares most of its keys with `value`."""
    best: tuple[int, int] | None = None
    for start, _, found in find_json(text, "[" if isinstance(value, list) else "{"):
        shared = len(_keys(found) & _keys(value))
        if best is None or shared >= best[0]:
            best = (shared, start)
    return best[1] if best else None


def _keys(value: Any) -> set[str]:
    if isinstance(value, Mapping):
        return {str(key) for key in value}
    fields_of = getattr(type(value), "model_fields", {})
    return {name for key, info in fields_of.items() for name in (key, info.alias) if name}


class _Mapper:
    def __init__(self, answer: CitedText, leaves: Sequence[Leaf]) -> None:
        self.answer = answer
        self.leaves = leaves
        self.found: dict[str, list[tuple[int, Match]]] = defaultdict(list)
        self._texts: dict[str, Text] = {}

    @cached_property
    def _attribution(self) -> Attribution:
        return Attribution(self.leaves)

    def citations_of(self, leaf: Leaf, sources: Sequence[str | None]) -> list[Citation]:
        found = self.found[leaf.path]
        if len(found) == 1:
            return [citation(self.answer.raw[found[0][0]], sources, found[0][1])]
        passages = {_place(self.answer.raw[n]): (self.answer.raw[n], match) for n, match in found}
        return [citation(raw, sources, match) for raw, match in passages.values()]

    def by_span(self, root: Node | None) -> None:
        """Rule one: the characters of a cited block lie in the field's value in the JSON."""
        if root is None:
            return
        placed = sorted((leaf.node.start, leaf.node.end, n) for n, leaf in enumerate(self.leaves) if leaf.node)
        starts, ends = [start for start, _, _ in placed], [end for _, end, _ in placed]

        def covered(block: Block) -> list[Leaf]:
            within = placed[bisect_right(ends, block.start) : bisect_left(starts, block.end)]
            return [self.leaves[n] for _, _, n in within]

        self._assign("span", covered)

    def by_label(self, root: Node | None) -> None:
        """Rule two: a cited block is the value on a line that names the field."""
        inside = (root.start, root.end) if root else (0, 0)
        cited = [block for block in self.answer.blocks if block.citations]
        if all(inside[0] <= block.start and block.end <= inside[1] for block in cited):
            return
        spans = [(start, end) for start, end, _ in find_json(self.answer.text, "{")]
        lines = labelled_lines(self.answer.text, self.leaves, [inside, *spans])
        named = [(start, end, leaf) for start, end, leaf in lines if not self.found[leaf.path] and not leaf.is_null]
        starts, ends = [start for start, _, _ in named], [end for _, end, _ in named]
        found: dict[str, list[tuple[Block, Leaf]]] = defaultdict(list)
        for block in cited:
            leaves = [leaf for _, _, leaf in named[bisect_right(ends, block.start) : bisect_left(starts, block.end)]]
            if len(leaves) > 1:
                self._share(block, leaves)
            elif leaves:
                found[leaves[0].path].append((block, leaves[0]))
        for path, blocks in found.items():
            self.found[path] += [(n, "label") for n in self._of_value(blocks)]

    def _of_value(self, blocks: Sequence[tuple[Block, Leaf]]) -> list[int]:
        """Of the cited blocks on a line those about its value: a line may go on with something else."""
        first, leaf = blocks[0]
        if len(blocks) == 1 and _ends_with(first.text, leaf):
            return list(first.citations)
        value = leaf.value
        if value is None:
            return list(first.citations)
        stating = [block for block, leaf in blocks if _ends_with(block.text, leaf) or self._states(block, value)]
        wordy = not value.numbers and not value.days
        return [n for block in stating or ([first] if wordy else []) for n in block.citations]

    def _states(self, block: Block, value: Value) -> bool:
        return bool(
            value.count_in(self._as_text(block.text)) or any(value.count_in(self._text(n)) for n in block.citations)
        )

    def by_value(self, root: Node | None) -> None:
        """Rule three: the cited text states the value of one field and of no other."""
        wanting = {leaf.path: leaf for leaf in self.leaves if not self.found[leaf.path] and leaf.value is not None}
        if not wanting:
            return
        pool = [
            (n, self._evidence(n, block, root))
            for block in self.answer.blocks
            for n in block.citations
            if self._attribution.states_any(self._text(n), wanting.values())
        ]
        everyone = self._attribution.leaves
        for path, numbers in self._attribution.attribute(pool, everyone, self._owners(pool), wanting).items():
            self.found[path] += [(n, "value") for n in numbers]

    def _owners(self, pool: Sequence[tuple[int, Evidence]]) -> dict[int, set[str]]:
        """The API repeats a citation for every block that uses it; all its copies have the same owners."""
        owning: dict[object, set[str]] = defaultdict(set)
        for path, found in self.found.items():
            for n, _ in found:
                owning[_place(self.answer.raw[n])].add(path)
        return {n: owning.get(_place(self.answer.raw[n]), set()) for n, _ in pool}

    def _assign(self, match: Match, leaves_in: Callable[[Block], Sequence[Leaf]]) -> None:
        for block in self.answer.blocks:
            leaves = leaves_in(block) if block.citations else ()
            if len(leaves) == 1:
                self.found[leaves[0].path] += [(n, match) for n in block.citations]
            elif leaves:
                self._share(block, leaves)

    def _share(self, block: Block, leaves: Sequence[Leaf]) -> None:
        """Several fields in one block: each gets the citations that state its value."""
        pool = [(n, Evidence(self._text(n), self._text(n))) for n in block.citations]
        for path, numbers in self._attribution.attribute(pool, leaves, {}, {leaf.path for leaf in leaves}).items():
            self.found[path] += [(n, "value") for n in numbers]

    def _evidence(self, number: int, block: Block, root: Node | None) -> Evidence:
        cited = self._text(number)
        if root and block.start < root.end and root.start < block.end:
            return Evidence(cited, cited)
        return Evidence(cited, self._as_text(f"{cited.raw}\n{block.text}"))

    def _text(self, number: int) -> Text:
        return self._as_text(self.answer.raw[number].get("cited_text") or "")

    def _as_text(self, raw: str) -> Text:
        return self._texts.setdefault(raw, Text(raw))


def _ends_with(text: str, leaf: Leaf) -> bool:
    """Whether the text is, or its last word is, the value just as the JSON has it: seen without reading numbers."""
    written = str(leaf.node.scalar) if leaf.node else ""
    text = text.rstrip()
    return bool(written) and text.endswith(written) and text[-len(written) - 1 : -len(written)] in _BEFORE_VALUE


_BEFORE_VALUE = ("", " ", ":", "*", '"', "`")
_PASSAGE = (
    "cited_text", "type", "document_index", "file_id", "start_page_number", "end_page_number", "start_char_index",
    "end_char_index", "start_block_index", "end_block_index", "search_result_index", "source", "url",
)  # fmt: skip


def _place(raw: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes two citations of an answer the same passage."""
    return tuple(raw.get(name) for name in _PASSAGE)
