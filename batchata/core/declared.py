"""A response model -> the shape of its results, as far as it declares one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import CoreSchema, DecimalSchema

from batchata.core.schema import adapter
from batchata.core.shapes import DECIMAL, INT, JSON, TEXT, UNKNOWN, ListOf, Scalar, Shape, Struct
from batchata.errors import InputError

_TYPES: Mapping[str, Shape] = {"integer": INT, "number": Scalar("float"), "boolean": Scalar("bool"), "null": UNKNOWN}
_FORMATS: Mapping[str, Shape] = {
    "decimal": DECIMAL, "date": Scalar("date"), "time": Scalar("time"), "date-time": Scalar("moment"),
}  # fmt: skip
_BY_TYPE: Mapping[type, Shape] = {str: TEXT, int: INT, float: Scalar("float"), bool: Scalar("bool")}


def declared_shape(response_model: Any) -> Shape:
    """The shape of what a response model accepts, with the names of its fields; unknown where it declares none."""
    if response_model is None:
        return UNKNOWN
    try:
        schema = adapter(response_model).json_schema(
            mode="serialization", by_alias=False, schema_generator=_WithDecimals
        )
    except (InputError, PydanticInvalidForJsonSchema, PydanticUserError):
        return UNKNOWN
    return _Reader(schema.get("$defs", {})).shape(schema)


class _WithDecimals(GenerateJsonSchema):
    """JSON Schema tells no decimal from a text, and has no word for types of Python alone."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012 - as in its base

    def decimal_schema(self, schema: DecimalSchema) -> JsonSchemaValue:  # noqa: ARG002
        return {"type": "string", "format": "decimal"}

    def handle_invalid_for_json_schema(self, schema: CoreSchema, error_info: str) -> JsonSchemaValue:  # noqa: ARG002
        return {}


class _Reader:
    """Reads one schema. A definition that contains itself is JSON text from there on."""

    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        self._open: list[str] = []

    def shape(self, node: Mapping[str, Any]) -> Shape:
        if "$ref" in node:
            return self._defined(node["$ref"].rsplit("/", 1)[-1])
        if len(node.get("allOf", ())) == 1:
            return self.shape(node["allOf"][0])
        if options := node.get("anyOf") or node.get("oneOf"):
            return self._one_of(options)
        if "enum" in node or "const" in node:
            return _of_values(node.get("enum", [node.get("const")]))
        return self._typed(node)

    def _defined(self, name: str) -> Shape:
        if name in self._open:
            return JSON
        self._open.append(name)
        found = self.shape(self._definitions.get(name, {}))
        self._open.pop()
        return found

    def _one_of(self, options: Sequence[Mapping[str, Any]]) -> Shape:
        found = [shape for each in options if (shape := self.shape(each)) != UNKNOWN]
        if not found:
            return UNKNOWN
        return found[0] if all(each == found[0] for each in found) else JSON

    def _typed(self, node: Mapping[str, Any]) -> Shape:
        kind = node.get("type")
        if kind == "object":
            properties = node.get("properties")
            return Struct({name: self.shape(each) for name, each in properties.items()}) if properties else JSON
        if kind == "array":
            return JSON if "prefixItems" in node else ListOf(self.shape(node.get("items", {})))
        if kind == "string":
            return _FORMATS.get(node.get("format", ""), TEXT)
        return _TYPES.get(kind, JSON) if isinstance(kind, str) else JSON


def _of_values(values: Sequence[Any]) -> Shape:
    """Of a `Literal` or an enum."""
    found = {_BY_TYPE.get(type(value), JSON) for value in values if value is not None}
    return found.pop() if len(found) == 1 else JSON
