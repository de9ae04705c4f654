"""Enum members as the schema writes them: the API may change their case.

Source: doc:build-with-claude/structured-outputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MOST_STEPS = 20_000


def aligned(value: Any, schema: Mapping[str, Any]) -> Any:
    """The value with the case of its enum members mended, wherever the schema has members that differ in case only."""
    return _Aligner(schema.get("$defs", {})).value(value, schema)


class _Aligner:
    """Counts its steps, because the ways through a union that contains itself double with each level."""

    def __init__(self, defs: Mapping[str, Any]) -> None:
        self._defs = defs
        self._steps = 0

    def value(self, value: Any, schema: Mapping[str, Any]) -> Any:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            return value
        if "$ref" in schema:
            schema = {**self._defs.get(schema["$ref"].removeprefix("#/$defs/"), {}), **schema}
        for option in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            value = self.value(value, option)
        if isinstance(value, str):
            return _member(value, schema)
        if isinstance(value, dict):
            return self._object(value, schema)
        return self._list(value, schema) if isinstance(value, list) else value

    def _object(self, value: dict[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        rest = others if isinstance(others, Mapping) else {}
        return {key: self.value(each, properties.get(key, rest)) for key, each in value.items()}

    def _list(self, value: list[Any], schema: Mapping[str, Any]) -> list[Any]:
        first, items = schema.get("prefixItems", []), schema.get("items")
        rest = items if isinstance(items, Mapping) else {}
        return [self.value(each, first[n] if n < len(first) else rest) for n, each in enumerate(value)]


def _member(value: str, schema: Mapping[str, Any]) -> str:
    members = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
    same = [each for each in members if isinstance(each, str) and each.casefold() == value.casefold()]
    return same[0] if len(same) == 1 else value
