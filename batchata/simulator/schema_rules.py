"""Which JSON schemas the API compiles: `doc:build-with-claude/structured-outputs`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import orjson

from batchata.simulator.errors import InvalidRequestError

MAX_OPTIONAL = 24
MAX_UNIONS = 16
FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
ALLOWED = frozenset(
    {
        "type", "title", "description", "enum", "const", "anyOf", "allOf", "$ref", "$defs", "definitions", "default",
        "required", "properties", "additionalProperties", "items", "format", "minItems", "pattern", "$schema", "$id",
        "examples", "$comment",
    }
)  # fmt: skip
TYPES = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})
FANCY_PATTERN = re.compile(r"\\[1-9bB]|\(\?[=!<]")


def check_schema(schema: bytes) -> None:
    """InvalidRequestError when the schema (JSON) is outside the subset or over the limits."""
    problem = _problem(schema)
    if problem is not None:
        raise InvalidRequestError(f"output_config.format.schema: {problem}")


@lru_cache(maxsize=512)
def _problem(schema: bytes) -> str | None:
    try:
        checker = _Checker(orjson.loads(schema))
        checker.check()
    except _SchemaError as error:
        return str(error)
    return None


class _SchemaError(Exception):
    """What is wrong with the schema."""


class _Checker:
    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._open: list[str] = []
        self._optional = 0
        self._unions = 0

    def check(self) -> None:
        self._node(self._root)
        if self._optional > MAX_OPTIONAL:
            raise _SchemaError(
                f"Schemas contain too many optional parameters ({self._optional}); at most {MAX_OPTIONAL} are allowed"
            )
        if self._unions > MAX_UNIONS:
            raise _SchemaError(
                f"Schemas contain too many parameters with a union ({self._unions}); at most {MAX_UNIONS} are allowed"
            )

    def _node(self, node: Any) -> None:
        if not isinstance(node, dict):
            raise _SchemaError("a schema should be an object")
        self._keywords(node)
        if "$ref" in node:
            self._reference(node["$ref"])
        for name in ("anyOf", "allOf"):
            for option in node.get(name, ()):
                self._node(option)
        self._values(node)
        if node.get("type") == "object" or "properties" in node:
            self._object(node)
        if "items" in node:
            self._node(node["items"])

    def _keywords(self, node: dict[str, Any]) -> None:
        if unknown := sorted(node.keys() - ALLOWED):
            kind = node.get("type", "schema")
            raise _SchemaError(f"For '{kind}' type, property '{unknown[0]}' is not supported")
        if "allOf" in node and any("$ref" in option for option in node["allOf"] if isinstance(option, dict)):
            raise _SchemaError("'allOf' cannot be combined with '$ref'")
        types = node.get("type", [])
        for name in types if isinstance(types, list) else [types]:
            if name not in TYPES:
                raise _SchemaError(f"type '{name}' is not supported")
        if (isinstance(types, list) and len(types) > 1) or len(node.get("anyOf", ())) > 1:
            self._unions += 1

    def _reference(self, reference: str) -> None:
        if not reference.startswith("#"):
            raise _SchemaError(f"External $ref '{reference}' is not supported")
        if reference in self._open:
            raise _SchemaError(f"Recursive schemas are not supported: '{reference}' refers to itself")
        target: Any = self._root
        for step in reference.split("/")[1:]:
            target = target.get(step) if isinstance(target, dict) else None
        if target is None:
            raise _SchemaError(f"$ref '{reference}' cannot be resolved")
        self._open.append(reference)
        self._node(target)
        self._open.pop()

    def _values(self, node: dict[str, Any]) -> None:
        if any(isinstance(value, dict | list) for value in [*node.get("enum", ()), node.get("const")]):
            raise _SchemaError("'enum' and 'const' can only hold strings, numbers, booleans and null")
        if "format" in node and node["format"] not in FORMATS:
            raise _SchemaError(f"String format '{node['format']}' is not supported")
        if node.get("minItems", 0) not in (0, 1):
            raise _SchemaError("For 'array' type, 'minItems' values other than 0 or 1 are not supported")
        if "pattern" in node and FANCY_PATTERN.search(node["pattern"]):
            raise _SchemaError(f"Pattern '{node['pattern']}' is not supported")

    def _object(self, node: dict[str, Any]) -> None:
        if node.get("additionalProperties") is not False:
            raise _SchemaError("For 'object' type, 'additionalProperties' must be explicitly set to false")
        properties = node.get("properties", {})
        self._optional += len(properties.keys() - set(node.get("required", ())))
        for child in properties.values():
            self._node(child)
