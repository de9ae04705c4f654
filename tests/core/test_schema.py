from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, create_model

from batchata.core.schema import instruction, output_format
from batchata.errors import InputError


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Party(BaseModel):
    name: str = Field(min_length=1, pattern=r"^\w+")


class Rich(BaseModel):
    seller: Party = Field(description="who sells")
    buyers: list[Party] = Field(min_length=2)
    rating: int = Field(ge=1, le=5)
    colour: Colour
    kind: Literal["a", "b"]
    note: str | None = None


class Node(BaseModel):
    name: str
    children: list["Node"]


def native(model):
    found = output_format(model)
    return found["schema"] if found else None


def objects(node):
    if isinstance(node, list):
        return [each for child in node for each in objects(child)]
    if not isinstance(node, dict):
        return []
    own = [node] if node.get("type") == "object" else []
    return own + [each for child in node.values() for each in objects(child)]


def keys(node):
    if isinstance(node, list):
        return {key for child in node for key in keys(child)}
    if not isinstance(node, dict):
        return set()
    inner = [
        *node.get("properties", {}).values(),
        *node.get("$defs", {}).values(),
        *(v for k, v in node.items() if k not in ("properties", "$defs")),
    ]
    return set(node) | {key for child in inner for key in keys(child)}


ALLOWED = {"type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const", "$ref", "$defs",
           "title", "description", "format", "minItems"}  # fmt: skip


def test_a_rich_model_keeps_to_the_subset_of_the_api():
    schema = native(Rich)
    assert keys(schema) <= ALLOWED
    assert all(each["additionalProperties"] is False for each in objects(schema))


def test_what_the_subset_lacks_is_said_in_the_descriptions():
    properties = native(Rich)["properties"]
    assert '"maximum":5' in properties["rating"]["description"]
    assert '"minItems":2' in properties["buyers"]["description"]
    assert '"pattern"' in native(Rich)["$defs"]["Party"]["properties"]["name"]["description"]


def test_a_description_beside_a_reference_is_not_lost():
    seller = native(Rich)["properties"]["seller"]
    assert seller["description"] == "who sells"
    assert "name" in seller["properties"]


@pytest.mark.parametrize(("annotation", "reason"), [
    (Any, "may hold anything"), (dict[str, int], "no fixed fields"), (list[dict], "no fixed fields"),
    (tuple[int, str], "prefixItems"), (list, "may hold anything"), (Node, "Node contains itself"),
])  # fmt: skip
def test_what_cannot_be_expressed_is_asked_for_by_instruction_with_a_log_line(annotation, reason, caplog):
    model = create_model("Odd", field=(annotation, ...))
    with caplog.at_level("INFO"):
        assert native(model) is None
    assert reason in caplog.text
    assert '"field"' in instruction(model, citations=False)


@pytest.mark.parametrize(("count", "fits"), [(24, True), (25, False)])
def test_the_limit_of_optional_fields(count, fits):
    model = create_model("Many", **{f"field{n}": (int, 0) for n in range(count)})
    assert (native(model) is not None) is fits


@pytest.mark.parametrize(("count", "fits"), [(16, True), (17, False)])
def test_the_limit_of_unions(count, fits):
    model = create_model("Unions", **{f"field{n}": (int | None, ...) for n in range(count)})
    assert (native(model) is not None) is fits


@pytest.mark.parametrize("root", [list[Party], Party | Rich, dict])
def test_a_root_that_is_no_object_is_asked_for_by_instruction(root):
    assert native(root) is None


def test_a_tagged_union_is_an_any_of():
    class A(BaseModel):
        kind: Literal["a"]

    class B(BaseModel):
        kind: Literal["b"]

    model = create_model("Tagged", field=(Annotated[A | B, Field(discriminator="kind")], ...))
    assert "anyOf" in native(model)["properties"]["field"]
    assert keys(native(model)) <= ALLOWED


def test_a_model_without_a_schema_is_an_error_of_ours():
    class Odd:
        pass

    with pytest.raises(InputError, match="Odd"):
        instruction(Odd, citations=False)
