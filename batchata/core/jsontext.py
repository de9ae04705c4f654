"""JSON inside other text: where objects stand, and at which characters each value of one stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any, NamedTuple

_DECODER = json.JSONDecoder(strict=False)
_WHITE = " \t\n\r"
_CONSTANTS = {"true": True, "false": False, "null": None}
_SCALAR = re.compile(r"-?\d[\d.eE+-]*|true|false|null|NaN|-?Infinity")
_TOO_DEEP = 1_000
"""Characters to pass over in a nest that is too deep to be an answer: what begins inside it is as deep."""
_OPENING = re.compile(r"[{\[]")


class Node(NamedTuple):
    """A JSON value and its place: `text[start:end]` is the value, `text[key:end]` includes its key.

    `scalar` is the value of a string, number or constant; objects have `members`, lists `elements`.
    """

    key: int
    start: int
    end: int
    scalar: Any = None
    members: dict[str, Node] | None = None
    elements: list[Node] | None = None


def find_json(text: str, opening: str = "{[") -> Iterator[tuple[int, int, Any]]:
    """The outermost JSON objects (and lists) of a text, in order, as (start, end, value).

    Fences, prose and unbalanced braces around them do not matter.
    """
    at = 0
    while match := _OPENING.search(text, at):
        at = match.end()
        if match[0] not in opening:
            continue
        try:
            value, end = _DECODER.raw_decode(text, match.start())
        except ValueError:
            continue
        except RecursionError:
            at = match.start() + _TOO_DEEP
            continue
        yield match.start(), end, value
        at = end


def locate(text: str, start: int) -> Node:
    """The tree of the valid JSON value that begins at `start`, with the place of each part."""
    return _value(text, start, start)


def _value(text: str, at: int, key: int) -> Node:
    char = text[at]
    if char == '"':
        string, end = scanstring(text, at + 1, False)  # noqa: FBT003 - the standard library's own signature
        return Node(key, at, end, string)
    if char == "{":
        return _object(text, at, key)
    if char == "[":
        return _array(text, at, key)
    match = _SCALAR.match(text, at)
    if match is None:
        raise ValueError(f"no JSON value at character {at}")
    return Node(key, at, match.end(), _CONSTANTS[match[0]] if match[0] in _CONSTANTS else json.loads(match[0]))


def _object(text: str, start: int, key: int) -> Node:
    members: dict[str, Node] = {}
    at = _skip(text, start + 1)
    while text[at] != "}":
        name_at = at
        name, at = scanstring(text, at + 1, False)  # noqa: FBT003
        at = _skip(text, _skip(text, at) + 1)
        members[name] = node = _value(text, at, name_at)
        at = _next(text, node.end)
    return Node(key, start, at + 1, members=members)


def _array(text: str, start: int, key: int) -> Node:
    elements: list[Node] = []
    at = _skip(text, start + 1)
    while text[at] != "]":
        elements.append(node := _value(text, at, at))
        at = _next(text, node.end)
    return Node(key, start, at + 1, elements=elements)


def _skip(text: str, at: int) -> int:
    while text[at] in _WHITE:
        at += 1
    return at


def _next(text: str, at: int) -> int:
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at
