"""A typical answer for a JSON Schema: values of the usual length, to see how many tokens such a thing takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import orjson

Layout = Literal["compact", "indented", "evidence"]
"""How models write an object: as an output format makes them, when they are told to, with lines of evidence before."""

_SHORT_TEXT = "north harbour trading"
_LONG_TEXT = (
    "north harbour trading company quarterly delivery of printed paper goods and wooden boxes to the central market "
    "office, as agreed with the customer in the spring of the year before"
)
_LONG = re.compile(
    r"summary|explanation|reason|analysis|comment|notes?$|body|abstract|text$|quote|excerpt", re.IGNORECASE
)
_FORMATS = {
    "date": "2026-03-14",
    "date-time": "2026-03-14T09:26:53Z",
    "time": "09:26:53",
    "duration": "P3DT4H",
    "email": "j.miller@example.com",
    "uri": "https://www.example.com/orders/1234",
    "uuid": "3f2b8c1e-5d47-4a9b-8e60-7c1d2f3a4b5c",
}
_PLAIN: Mapping[str, Any] = {"integer": 128, "number": 1249.5, "boolean": True, "null": None}
_A_FEW, _INNER, _DEEPEST = 3, 2, 6


@dataclass(frozen=True, slots=True)
class TypicalAnswer:
    """`text` has one entry in each list of objects, `longer` has `entries` more; `entry_bytes` are those of the values
    in one entry, 0 where there is no such list.
    """

    text: str
    longer: str
    entries: int
    entry_bytes: int


def typical_answer(schema: Mapping[str, Any], layout: Layout, entries: int = 10) -> TypicalAnswer:
    """For an object or list of this schema, whose `$ref`s point to its own `$defs`."""
    short, long = (_Writer(schema, count).value(schema) for count in (1, 1 + entries))
    texts = [_text(value, layout) for value in (short, long)]
    more = sum(map(len, _values(long))) - sum(map(len, _values(short)))
    return TypicalAnswer(texts[0], texts[1], entries, round(more / entries))


class _Writer:
    def __init__(self, schema: Mapping[str, Any], entries: int) -> None:
        self._defs = schema.get("$defs", {})
        self._entries = entries

    def value(self, node: Mapping[str, Any], name: str = "", depth: int = 0) -> Any:
        node = self._meant(node)
        if "const" in node:
            return node["const"]
        if node.get("enum"):
            return sorted(node["enum"], key=lambda each: len(str(each)))[len(node["enum"]) // 2]
        if depth > _DEEPEST:
            return None
        kind = _kind_of(node)
        if kind == "object" or "properties" in node:
            return self._object(node, depth)
        if kind == "array":
            return self._array(node, name, depth)
        return _PLAIN[kind] if kind in _PLAIN else _string(node, name)

    def _meant(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """What it refers to; of several, the first that is something."""
        for _ in range(_DEEPEST):
            options = node.get("anyOf") or node.get("oneOf") or node.get("allOf")
            if "$ref" in node:
                node = self._defs.get(str(node["$ref"]).rpartition("/")[2], {})
            elif options:
                node = next((each for each in options if each.get("type") != "null"), options[0])
            else:
                break
        return node

    def _object(self, node: Mapping[str, Any], depth: int) -> dict[str, Any]:
        if node.get("properties"):
            return {name: self.value(each, name, depth + 1) for name, each in node["properties"].items()}
        inner = node.get("additionalProperties")
        inner = inner if isinstance(inner, Mapping) else {}
        return {word: self.value(inner, word, depth + 1) for word in _SHORT_TEXT.split()}

    def _array(self, node: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        if node.get("prefixItems"):
            return [self.value(each, name, depth + 1) for each in node["prefixItems"]]
        entry = node.get("items") or {}
        is_object = "properties" in self._meant(entry)
        count = self._entries if is_object else _A_FEW
        inner = self if not is_object else _Writer({"$defs": self._defs}, _INNER)
        return [inner.value(entry, name, depth + 1) for _ in range(count)]


def _kind_of(node: Mapping[str, Any]) -> str:
    kinds = node.get("type", "string")
    return str(next((each for each in kinds if each != "null"), "null") if isinstance(kinds, list) else kinds)


def _string(node: Mapping[str, Any], name: str) -> str:
    if node.get("format") in _FORMATS:
        return _FORMATS[node["format"]]
    text = _LONG_TEXT if _LONG.search(name) else _SHORT_TEXT
    return text[: node.get("maxLength", len(text))]


def _text(value: Any, layout: Layout) -> str:
    if layout == "compact":
        return orjson.dumps(value).decode()
    written = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    lines = "".join(f"- {path}: {leaf}\n" for path, leaf in _leaves(value)) if layout == "evidence" else ""
    return f"{lines}\n{written}" if lines else written


def _values(value: Any) -> Iterator[str]:
    return (leaf for _, leaf in _leaves(value))


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _leaves(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _leaves(each, f"{path}[{at}]")
    else:
        yield path, str(value)
