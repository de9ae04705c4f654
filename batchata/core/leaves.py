"""The fields of a result, each with its path, its name in words, its value and its place in the answer."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property, lru_cache
from typing import Any, cast

from pydantic import AliasChoices, AliasPath, BaseModel, RootModel
from pydantic.fields import FieldInfo

from batchata.core.jsontext import Node
from batchata.core.matching import Value, stem, value_of

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+", re.UNICODE)
_PLAIN_NAME = re.compile(r"[^\W\d]\w*")


@dataclass(slots=True)
class Place:
    """Where in a result something is: its path, and the same as words, indices included (`trail`).

    `names` are the words of its own name, one tuple for each name it goes by; `row` is the path of the object
    it belongs to, "" at the top.
    """

    path: str = ""
    names: tuple[tuple[str, ...], ...] = ()
    trail: tuple[str, ...] = ()
    row: str = ""
    in_list: bool = False

    def member(self, name: str, names: tuple[tuple[str, ...], ...]) -> Place:
        return Place(member_path(self.path, name), names, self.trail + names[0], self.path, self.in_list)

    def element(self, index: int) -> Place:
        return Place(f"{self.path}[{index}]", self.names, (*self.trail, str(index)), self.row, in_list=True)


class Leaf:
    """One value of a result, its place there, and the JSON it was read from."""

    def __init__(self, raw: Any, node: Node | None, place: Place) -> None:
        self.path, self.names, self.trail = place.path, place.names, place.trail
        self.row, self.in_list = place.row, place.in_list
        self.node = node
        self._raw = raw

    @property
    def raw(self) -> Any:
        """The value as it is."""
        return self._raw

    @property
    def is_null(self) -> bool:
        return self._raw is None

    @cached_property
    def value(self) -> Value | None:
        """What to search texts for: the value as the model wrote it and as the response model reads it."""
        node = self.node
        written = value_of(node.scalar) if node else None
        read = None if isinstance(self._raw, Mapping | list | tuple | set | frozenset) else value_of(self._raw)
        if written is None or read is None or written == read:
            return written or read
        return Value(written.folded or read.folded, written.numbers | read.numbers, written.days | read.days)


def leaves_of(value: Any, node: Node | None) -> list[Leaf]:
    """Every leaf of `value` in order; `node` is the JSON text it was read from, where that is known.

    Paths use the names of the Python fields, whatever their aliases in the JSON are.
    """
    return list(_walk(value, node, Place()))


def member_path(path: str, name: str) -> str:
    """The path of a field of what is at `path`, "" at the top."""
    step = _step(name)
    return f"{path}.{step}" if path and step[0] != "[" else f"{path}{step}"


@lru_cache(maxsize=4096)
def _step(name: str) -> str:
    """A key that is no name, such as one with a dot, is quoted in a path."""
    return name if _PLAIN_NAME.fullmatch(name) else f'["{name}"]'


@lru_cache(maxsize=4096)
def words_of(name: str) -> tuple[str, ...]:
    """`vendorName`, `vendor_name` and `Vendor name` are all ("vendor", "name"); plurals lose their s."""
    return tuple(stem(word.casefold()) for word in _WORD.findall(name))


def _walk(value: Any, node: Node | None, place: Place) -> Iterator[Leaf]:
    if isinstance(value, RootModel):
        return _walk(value.root, node, place)
    if hasattr(type(value), "__pydantic_fields__"):
        return _walk_model(value, node, place)
    if isinstance(value, set | frozenset) and value:
        return _walk(sorted(value, key=str), node, place)
    if is_dataclass(value) and not isinstance(value, type):
        return _walk_members({each.name: getattr(value, each.name) for each in fields(value)}, node, place)
    if isinstance(value, Mapping) and value:
        return _walk_members(value, node, place)
    if isinstance(value, list | tuple) and value:
        return _walk_elements(value, node, place)
    return iter([Leaf(value, node, place)])


def _walk_elements(values: Sequence[Any], node: Node | None, place: Place) -> Iterator[Leaf]:
    for index, (element, child) in enumerate(_paired(values, node)):
        yield from _walk(element, child, place.element(index))


def _paired(values: Sequence[Any], node: Node | None) -> list[tuple[Any, Node | None]]:
    """Each element with the JSON it was read from: a validator may have sorted them or left some out."""
    elements = list((node.elements if node else None) or ())
    if len(elements) == len(values) and all(map(_agrees, values, elements)):
        return list(zip(values, elements, strict=True))
    pairs: list[tuple[Any, Node | None]] = []
    for value in values:
        found = next((each for each in elements if _agrees(value, each)), None)
        if found is not None:
            elements.remove(found)
        pairs.append((value, found))
    return pairs


def _agrees(value: Any, node: Node) -> bool:
    """Whether a value can have been read from this JSON: all the scalars that both have are alike."""
    if node.members is not None:
        names = type(value).__pydantic_fields__ if hasattr(type(value), "__pydantic_fields__") else {}
        parts = value if isinstance(value, Mapping) else {name: getattr(value, name) for name in names}
        return all(_alike(part, node.members[name].scalar) for name, part in parts.items() if name in node.members)
    return node.elements is not None or _alike(value, node.scalar)


def _alike(value: Any, scalar: Any) -> bool:
    if value == scalar or str(value) == scalar:
        return True
    if value is None or scalar is None or isinstance(value, bool | Mapping | list | tuple | set | BaseModel):
        return value is scalar or not isinstance(value, bool)
    read, written = value_of(value), value_of(scalar)
    return read is None or written is None or read.agrees(written)


def _walk_model(model: Any, node: Node | None, place: Place) -> Iterator[Leaf]:
    members = (node.members if node else None) or {}
    for name, keys, names in _fields_of(cast("Hashable", type(model))):
        child = next((members[key] for key in keys if key in members), None)
        yield from _walk(getattr(model, name), child, place.member(name, names))


def _walk_members(value: Mapping[Any, Any], node: Node | None, place: Place) -> Iterator[Leaf]:
    members = (node.members if node else None) or {}
    for key, child in value.items():
        yield from _walk(child, members.get(str(key)), place.member(str(key), (words_of(str(key)),)))


@lru_cache(maxsize=1024)
def _fields_of(model: Hashable) -> list[tuple[str, list[str], tuple[tuple[str, ...], ...]]]:
    """For each field its name, the keys it may have in JSON, and its names in words."""
    found = []
    for name, info in getattr(model, "__pydantic_fields__").items():  # noqa: B009 - of a Pydantic dataclass too
        keys = _json_keys(name, info)
        names = [name, *keys, *([info.title] if info.title else [])]
        found.append((name, keys, tuple(dict.fromkeys(words_of(each) for each in names))))
    return found


def _json_keys(name: str, info: FieldInfo) -> list[str]:
    alias = info.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
    paths = [choice.path[0] if isinstance(choice, AliasPath) else choice for choice in choices]
    return [key for key in (*paths, info.alias, name) if isinstance(key, str)]
