"""A filled value -> the content blocks of an answer, laid out as models are known to do it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

import orjson

from batchata.simulator.filling import Filled, Leaf
from batchata.simulator.labels import Place
from batchata.simulator.reading import flat

Style = Literal["bullets", "values", "pairs", "two", "one", "fenced", "prose"]
STYLES: tuple[str, ...] = get_args(Style)
Block = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of JSON text. `path` is set where it is a value, or the key in front of one."""

    text: str
    path: str | None = None
    key: bool = False


def text_block(text: str, citations: Sequence[dict[str, Any]] = ()) -> Block:
    return {"type": "text", "text": text, "citations": list(citations) or None}


def plain(value: Any) -> list[Block]:
    """JSON and nothing else."""
    return [text_block(_dumped(value))]


def uncited(value: Any, style: Style) -> list[Block]:
    """An answer asked for by instruction, without documents to cite."""
    if style == "fenced":
        return [text_block(f"```json\n{indented(value)}\n```")]
    if style == "prose":
        return [text_block(f"{BEFORE}{indented(value)}{AFTER}")]
    return [text_block(indented(value))]


BEFORE = "These are the values that {the text} states:\n\n"
AFTER = "\n\nAnything in {braces} around them is a remark."


def cited(filled: Filled, style: Style) -> list[Block]:
    """The blocks of an answer with citations; their texts in a row hold the JSON of the value once."""
    leaves = {leaf.path: leaf for leaf in filled.leaves}
    if style == "bullets":
        return [*_bullets(filled.leaves), text_block(("\n" if leaves else "") + indented(filled.value))]
    if style == "one":
        every = [citation(leaf.place, leaf.text) for leaf in filled.leaves]
        return [text_block(indented(filled.value), _once(every))]
    blocks = _grouped(list(pieces(filled.value)), leaves, style)
    before, after = {"fenced": ("```json\n", "\n```"), "prose": (BEFORE, AFTER)}.get(style, ("", ""))
    ends = [text_block(before)] if before else [], [text_block(after)] if after else []
    return _joined([*ends[0], *blocks, *ends[1]])


def indented(value: Any) -> str:
    return _dumped(value, indent=2)


def _dumped(value: Any, indent: int | None = None) -> str:
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else 0).decode()
    except TypeError:  # a document may hold numbers of more than 64 bits
        return json.dumps(value, ensure_ascii=False, indent=indent)


def _bullets(leaves: Sequence[Leaf]) -> list[Block]:
    """One line per value. Which part of the line is the cited block varies, as it does in the wild."""
    blocks: list[Block] = []
    for leaf in leaves:
        proof = [citation(leaf.place, leaf.text)]
        value = flat(leaf.text)
        if zlib.crc32(leaf.path.encode()) % 3 == 0:
            blocks += [text_block(f"- {leaf.path}: {value}", proof), text_block("\n")]
        else:
            blocks += [text_block(f"- {leaf.path}: "), text_block(value, proof), text_block("\n")]
    return _joined(blocks)


def pieces(value: Any, path: str = "", depth: int = 0) -> Iterator[Piece]:
    """The JSON of a value, indented, with its leaves apart from the rest."""
    pad = "  " * (depth + 1)
    if isinstance(value, dict) and value:
        for at, (name, child) in enumerate(value.items()):
            below = f"{path}.{name}" if path else name
            yield Piece(("{" if at == 0 else ",") + "\n" + pad)
            yield Piece(orjson.dumps(name).decode() + ": ", below, key=True)
            yield from pieces(child, below, depth + 1)
        yield Piece("\n" + "  " * depth + "}")
    elif isinstance(value, list) and value:
        for at, child in enumerate(value):
            yield Piece(("[" if at == 0 else ",") + "\n" + pad)
            yield from pieces(child, f"{path}[{at}]", depth + 1)
        yield Piece("\n" + "  " * depth + "]")
    else:
        yield Piece(_dumped(value), path)


def _grouped(parts: list[Piece], leaves: dict[str, Leaf], style: Style) -> list[Block]:
    blocks: list[Block] = []
    for part in parts:
        leaf = leaves.get(part.path) if part.path is not None else None
        if leaf is None or (part.key and style not in ("pairs", "two")):
            blocks.append(text_block(part.text))
        elif not part.key and style in ("pairs", "two") and blocks and blocks[-1].get("open"):
            _close(blocks[-1], part.text, leaf)
        else:
            block = text_block(part.text, [] if part.key else [citation(leaf.place, leaf.text)])
            blocks.append({**block, "open": True} if part.key else block)
    return _in_twos(blocks) if style == "two" else blocks


def _close(block: Block, text: str, leaf: Leaf) -> None:
    block["text"] += text
    block["citations"] = [citation(leaf.place, leaf.text)]
    del block["open"]


def _in_twos(blocks: list[Block]) -> list[Block]:
    """Two cited blocks and what stands between them become one with both citations."""
    result: list[Block] = []
    first: int | None = None
    for block in blocks:
        result.append(block)
        if not block["citations"]:
            continue
        if first is None:
            first = len(result) - 1
            continue
        group = result[first:]
        both = [proof for each in group for proof in each["citations"] or ()]
        result[first:] = [text_block("".join(each["text"] for each in group), _once(both))]
        first = None
    return result


def _once(citations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for at, each in enumerate(citations) if each not in citations[:at]]


def _joined(blocks: list[Block]) -> list[Block]:
    """Neighbours without citations become one block."""
    result: list[Block] = []
    for block in blocks:
        block.pop("open", None)
        if result and not block["citations"] and not result[-1]["citations"]:
            result[-1] = text_block(result[-1]["text"] + block["text"])
        else:
            result.append(block)
    return result


def citation(place: Place, text: str) -> dict[str, Any]:
    """The citation of a place in the form its kind of document has: `doc:build-with-claude/citations`."""
    document, row = place.document, place.row
    if document is None:
        raise ValueError("only documents are cited")
    page = next(page for page in document.pages if page.number == row.page)
    common = {"document_index": document.index, "document_title": document.title, "file_id": document.file_id}
    if document.kind == "pdf":
        ends = {"start_page_number": row.page, "end_page_number": row.page + 1}
        return {"type": "page_location", "cited_text": _on_page(page.text, row.text, text), **common, **ends}
    if document.kind == "text":
        ends = {"start_char_index": row.start, "end_char_index": row.end}
        return {"type": "char_location", "cited_text": page.text[row.start : row.end], **common, **ends}
    ends = {"start_block_index": row.page, "end_block_index": row.page + 1}
    return {"type": "content_block_location", "cited_text": page.text, **common, **ends}


def _on_page(page: str, row: str, text: str) -> str:
    """The line if the page has it in one piece, else the part of it that the page has."""
    return row if row in _flat_page(page) else flat(text)


_flat_page = lru_cache(maxsize=1024)(flat)
