"""A JSON schema as the simulator fills it: references resolved, one type per value."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import orjson

from batchata.simulator.words import canonical

Kind = Literal["object", "array", "string", "integer", "number", "boolean", "any"]
DEEPEST = 12
HELPERS = frozenset({"has", "be", "should", "contain", "are", "was", "any"})
SHORT_DESCRIPTION = 6
MARKS = ('"properties"', '"$ref"', '"$defs"')
ORDER: tuple[Kind, ...] = ("object", "array", "number", "integer", "boolean", "string")


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One value of the answer, equal only to itself. `names` are the word sets it may be labelled with, best first.

    `children` are ordered as the API orders them: required properties first.
    """

    kind: Kind
    name: str = ""
    nullable: bool = False
    required: bool = True
    names: tuple[frozenset[str], ...] = ()
    options: tuple[Any, ...] = ()
    format: str | None = None
    description: str = ""
    children: tuple[Shape, ...] = ()
    item: Shape | None = None
    words: frozenset[str] = frozenset()


EXTRACTS = frozenset(
    {
        "reason", "summary", "comment", "note", "evidence", "quote", "extract", "excerpt", "abstract", "answer",
        "response", "finding", "analysis", "description", "overview", "subject", "topic", "point",
    }
)  # fmt: skip
SURENESS = frozenset({"confidence", "probability", "score", "certainty", "likelihood"})
GRADES = frozenset({"rating", "score", "star", "grade", "sentiment"})


def is_judged(shape: Shape) -> bool:
    """Whether the value is a judgement of a text as a whole, or a piece of it."""
    if shape.kind == "boolean" or (shape.options and "currency" not in shape.words):
        return True
    if shape.kind in ("number", "integer"):
        return bool(shape.words & (SURENESS | GRADES))
    return shape.kind == "string" and not shape.format and bool(shape.words) and shape.words <= EXTRACTS


def shape_of(schema: dict[str, Any]) -> Shape:
    """The shape of a schema that came as a value."""
    return compiled(orjson.dumps(schema))


@lru_cache(maxsize=512)
def compiled(schema: bytes) -> Shape:
    root = orjson.loads(schema)
    return _Compiler(root).shape(root, "", required=True, depth=0)


@lru_cache(maxsize=1024)
def find_schema(text: str) -> tuple[Shape, int, int] | None:
    """The first JSON schema written out in a text, and where it stands."""
    if not any(mark in text for mark in MARKS):
        return None
    start = text.find("{")
    while start >= 0:
        value, end = _object_at(text, start)
        if value is not None and any(mark.strip('"') in value for mark in MARKS):
            return shape_of(value), start, end
        start = text.find("{", end)
    return None


def _object_at(text: str, start: int) -> tuple[dict[str, Any] | None, int]:
    try:
        value, end = json.JSONDecoder().raw_decode(text, start)
    except json.JSONDecodeError:
        return None, start + 1
    return value, end


class _Compiler:
    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root

    def shape(self, node: Any, name: str, *, required: bool, depth: int) -> Shape:
        node = self._resolved(node)
        nullable, node = self._without_null(node)
        kind = _kind(node)
        below = depth + 1
        names = _names(name, node)
        return Shape(
            kind=kind,
            name=name,
            nullable=nullable,
            required=required,
            names=names,
            words=frozenset(word for each in names for word in each) - HELPERS,
            options=tuple(option for option in _options(node) if option is not None),
            format=node.get("format"),
            description=str(node.get("description", "")),
            children=self._children(node, below) if kind == "object" and below < DEEPEST else (),
            item=self._item(node, name, below) if kind == "array" and below < DEEPEST else None,
        )

    def _item(self, node: dict[str, Any], name: str, depth: int) -> Shape:
        return self.shape(node.get("items", {}), name, required=True, depth=depth)

    def _children(self, node: dict[str, Any], depth: int) -> tuple[Shape, ...]:
        required = set(node.get("required", ()))
        children = [
            self.shape(child, name, required=name in required, depth=depth)
            for name, child in node.get("properties", {}).items()
        ]
        return tuple(sorted(children, key=lambda child: not child.required))

    def _resolved(self, node: Any) -> dict[str, Any]:
        """References followed; what stands beside them and in `allOf` is added."""
        merged = dict(node) if isinstance(node, dict) else {}
        for _ in range(DEEPEST):
            extra = merged.pop("allOf", [])
            if "$ref" in merged:
                extra = [*extra, self._target(str(merged.pop("$ref")))]
            if not extra:
                break
            for part in extra:
                merged = {**part, **merged} if isinstance(part, dict) else merged
        return merged

    def _target(self, reference: str) -> Any:
        target: Any = self._root
        for step in reference.split("/")[1:]:
            target = target.get(step) if isinstance(target, dict) else None
        return target

    def _without_null(self, node: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        """Whether null is allowed, and the richest of the other alternatives."""
        if isinstance(node.get("type"), list):
            kinds = [kind for kind in node["type"] if kind != "null"]
            return "null" in node["type"], {**node, "type": kinds[0] if kinds else "null"}
        branches = [self._resolved(option) for option in node.get("anyOf") or node.get("oneOf") or ()]
        if not branches:
            return None in _options(node) or node.get("type") == "null", node
        real = [branch for branch in branches if branch.get("type") != "null"]
        nested = [self._without_null(branch) for branch in real]
        best = min((branch for _, branch in nested), key=_richness, default={})
        outer = {key: value for key, value in node.items() if key in ("title", "description")}
        return len(real) < len(branches) or any(null for null, _ in nested), {**best, **outer}


def _options(node: dict[str, Any]) -> list[Any]:
    return [node["const"]] if "const" in node else list(node.get("enum", ()))


def _kind(node: dict[str, Any]) -> Kind:
    given = node.get("type")
    if given in ORDER:
        return given  # type: ignore[no-any-return]
    if "properties" in node:
        return "object"
    options = [option for option in _options(node) if option is not None]
    if options:
        return _kind_of_value(options[0])
    return "array" if "items" in node else "any"


def _kind_of_value(value: Any) -> Kind:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


def _richness(node: dict[str, Any]) -> int:
    kind = _kind(node)
    return ORDER.index(kind) if kind in ORDER else len(ORDER)


def _names(name: str, node: dict[str, Any]) -> tuple[frozenset[str], ...]:
    description = str(node.get("description", "")).split(".")[0].split("(")[0].split(",")[0]
    texts = [name, str(node.get("title", ""))]
    if len(description.split()) <= SHORT_DESCRIPTION:
        texts.append(description)
    sets = [frozenset(canonical(text)) for text in texts if text]
    if frozenset({"amount"}) in sets:
        sets.append(frozenset({"total"}))
    if frozenset({"itemcount"}) in sets:
        sets.append(frozenset({"description"}))
    return tuple(dict.fromkeys(words for words in sets if words))
