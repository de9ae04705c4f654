"""A response model -> the API's output format where it can be expressed, or the instruction that asks for it."""

from __future__ import annotations

import json
import logging
from collections.abc import Hashable, Iterator, Mapping
from copy import deepcopy
from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, PydanticUserError

from batchata.errors import InputError

logger = logging.getLogger("batchata")

MAX_OPTIONAL, MAX_UNIONS = 24, 16
"""Limits of one request's schema (doc:build-with-claude/structured-outputs)."""

_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
_KEPT = {"type", "title", "description", "enum", "const", "$ref"}
_STRUCTURE = {"properties", "required", "additionalProperties", "items", "anyOf", "oneOf", "allOf", "$defs",
              "discriminator", "format", "minItems", "default"}  # fmt: skip
_SCALARS = ("string", "integer", "number", "boolean", "null")
_IMPOSSIBLE = ("prefixItems", "patternProperties", "not", "if")

_ANSWER_ONLY = (
    "Answer with one JSON object that conforms to the JSON Schema below and with nothing else: "
    "no introduction, no code fence, no remarks."
)
_EVIDENCE_FIRST = """Answer in two parts.

First the evidence: one line for each field that the documents state, in the form
- field.path: value
with the value worded as in the document. Nested fields are joined by dots and list entries are counted from 0, as in
`vendor.name` or `lines[2].amount`. Fields that the documents do not state get no line.

Then one JSON object that conforms to the JSON Schema below. Write nothing else."""


class _InexpressibleError(Exception):
    """The output format of the API has no way to say this."""


def check_response_model(response_model: Any) -> None:
    """Raises InputError for what is no type, has no JSON Schema, or is a single value instead of an object or list."""
    if not isinstance(response_model, Hashable):
        raise InputError(f"`response_model` is {type(response_model).__name__}; give the class and not an instance")
    schema = json_schema(response_model)
    root = schema.get("$defs", {}).get(_ref_name(schema.get("$ref", "")), schema)
    if root.get("type") in _SCALARS or "enum" in root or "const" in root:
        raise InputError(f"`response_model` {_name(response_model)} is a single value; make it a field of a model")
    if response_model in (dict, list, tuple, set):
        raise InputError(f"`response_model` {_name(response_model)} says nothing of its fields; give a Pydantic model")


@lru_cache(maxsize=256)
def adapter(response_model: Any) -> TypeAdapter[Any]:
    """Pydantic's validator of a response model. Raises InputError for a type Pydantic cannot validate."""
    try:
        return TypeAdapter(response_model)
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"`response_model` {_name(response_model)} cannot be validated by Pydantic: {reason}"
        ) from error


@lru_cache(maxsize=256)
def json_schema(response_model: Any) -> Mapping[str, Any]:
    """The JSON Schema of a response model. Raises InputError when it has none."""
    try:
        return adapter(response_model).json_schema()
    except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"`response_model` {_name(response_model)} has no JSON Schema: {reason}") from error


@lru_cache(maxsize=256)
def instruction(response_model: Any, *, citations: bool) -> str:
    """The text that asks for an object of this schema, with a line of evidence per field for citations."""
    schema = json_schema(response_model)
    ask = _EVIDENCE_FIRST if citations else _ANSWER_ONLY
    if schema.get("type") == "array":
        ask = ask.replace("one JSON object that", "one JSON array that")
    return f"{ask}\n\n<json_schema>\n{_compact(schema)}\n</json_schema>"


def output_format(response_model: Any) -> dict[str, Any] | None:
    """A fresh `output_config.format` for a response model, or None, with a log line, when it cannot be expressed.

    Bounds and patterns, which the API's schema subset lacks, move into the descriptions; the answer is
    validated with the model itself. Source: doc:build-with-claude/structured-outputs.
    """
    schema = _strict_schema(response_model)
    return None if schema is None else {"type": "json_schema", "schema": deepcopy(schema)}


@lru_cache(maxsize=256)
def _strict_schema(response_model: Any) -> dict[str, Any] | None:
    try:
        return _Strict(json_schema(response_model)).schema()
    except _InexpressibleError as reason:
        logger.info("%s: the schema is asked for by instruction, because %s", _name(response_model), reason)
        return None


class _Strict:
    """A JSON Schema within the subset of the API."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._root = schema
        self._defs = schema.get("$defs", {})
        self._open: list[str] = []

    def schema(self) -> dict[str, Any]:
        for name in self._defs:
            self._check_recursion(name)
        strict = self._node({key: value for key, value in self._root.items() if key != "$defs"})
        if strict.get("type") != "object" and "$ref" not in strict:
            raise _InexpressibleError("its root is not an object")
        used: dict[str, Any] = {}
        while missing := [name for name in _refs([strict, used]) if name not in used]:
            used |= {name: self._node(self._defs[name]) for name in missing}
        if used:
            strict["$defs"] = used
        _check_limits(strict)
        return strict

    def _check_recursion(self, name: str) -> None:
        if name in self._open:
            raise _InexpressibleError(f"{name} contains itself")
        self._open.append(name)
        for other in _refs(self._defs.get(name, {})):
            self._check_recursion(other)
        self._open.pop()

    def _node(self, node: Mapping[str, Any]) -> dict[str, Any]:
        node = self._merged(node)
        self._refuse(node)
        strict = {key: node[key] for key in node if key in _KEPT}
        if options := node.get("anyOf") or node.get("oneOf"):
            strict["anyOf"] = [self._node(option) for option in options]
        if node.get("type") == "object":
            strict |= self._object(node)
        if node.get("type") == "array":
            strict |= self._array(node)
        if node.get("format") in _FORMATS:
            strict["format"] = node["format"]
        return _described(strict, node)

    def _merged(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """What stands beside a `$ref` would be lost, so the definition is written out there."""
        if len(node.get("allOf", ())) == 1:
            node = {**node["allOf"][0], **{key: value for key, value in node.items() if key != "allOf"}}
        if "$ref" not in node or len(node) == 1:
            return node
        name = _ref_name(node["$ref"])
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return {**self._merged(self._defs.get(name, {})), **beside}

    def _refuse(self, node: Mapping[str, Any]) -> None:
        for key in _IMPOSSIBLE:
            if key in node:
                raise _InexpressibleError(f"it uses {key}")
        if not any(key in node for key in ("type", "anyOf", "oneOf", "$ref", "enum", "const")):
            raise _InexpressibleError("a field may hold anything")
        values = [*node.get("enum", ()), *([node["const"]] if "const" in node else ())]
        if any(isinstance(value, dict | list) for value in values):
            raise _InexpressibleError("an enum holds values that are not primitive")

    def _object(self, node: Mapping[str, Any]) -> dict[str, Any]:
        properties = node.get("properties")
        if not properties:
            raise _InexpressibleError("an object has no fixed fields")
        return {
            "properties": {name: self._node(each) for name, each in properties.items()},
            "required": list(node.get("required", [])),
            "additionalProperties": False,
        }

    def _array(self, node: Mapping[str, Any]) -> dict[str, Any]:
        if not node.get("items"):
            raise _InexpressibleError("a list may hold anything")
        least = {"minItems": node["minItems"]} if node.get("minItems") in (0, 1) else {}
        return {"items": self._node(node["items"]), **least}


def _check_limits(schema: Mapping[str, Any]) -> None:
    nodes = list(_nodes(schema))
    optional = sum(len(node.get("properties", {})) - len(node.get("required", [])) for node in nodes)
    unions = sum("anyOf" in node for node in nodes)
    if optional > MAX_OPTIONAL:
        raise _InexpressibleError(f"it has {optional} optional fields (at most {MAX_OPTIONAL})")
    if unions > MAX_UNIONS:
        raise _InexpressibleError(f"it has {unions} unions (at most {MAX_UNIONS})")


def _nodes(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema and all schemas inside it; the names of fields are no schemas."""
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", ())]
    for child in (*inner, *([schema["items"]] if "items" in schema else ())):
        yield from _nodes(child)


def _compact(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"), default=str)


def _described(strict: dict[str, Any], node: Mapping[str, Any]) -> dict[str, Any]:
    """Adds to the description what the schema itself cannot say."""
    lost = {key: value for key, value in node.items() if key not in _KEPT and key not in _STRUCTURE}
    if node.get("format") and "format" not in strict:
        lost["format"] = node["format"]
    if node.get("minItems", 0) > 1:
        lost["minItems"] = node["minItems"]
    if lost:
        strict["description"] = " ".join(filter(None, (strict.get("description"), f"Constraints: {_compact(lost)}")))
    return strict


def _refs(node: Any) -> list[str]:
    if isinstance(node, list):
        return [name for each in node for name in _refs(each)]
    if not isinstance(node, Mapping):
        return []
    own = [_ref_name(node["$ref"])] if isinstance(node.get("$ref"), str) else []
    return own + [name for key, each in node.items() if key != "$defs" for name in _refs(each)]


def _ref_name(reference: str) -> str:
    return reference.removeprefix("#/$defs/")


def _name(response_model: Any) -> str:
    return getattr(response_model, "__name__", repr(response_model))
