"""JSON Lines -> conversations, the API's own requests, prompts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import orjson

from batchata.core.items import Item
from batchata.core.spelling import is_parameter
from batchata.errors import InputError, Problem
from batchata.io.listing import read_text
from batchata.io.paths import PathOrUrl

T = TypeVar("T")

_MESSAGES = 'a conversation is a list of messages, such as [{"role": "user", "content": "..."}]'
_OWN = frozenset({"id", "messages", "params"})


class RequestFile(NamedTuple):
    """The requests of a file as items, and the model that they name; None when they name none."""

    items: list[Item]
    model: str | None


def read_conversations(place: PathOrUrl) -> list[Sequence[Any] | Item]:
    """One conversation a line: a list of messages, or `{"messages": [...], "id": "...", "params": {...}}`.

    `id` is its name in the results, `params` are parameters for it only. Raises InputError that names every bad line,
    StorageError.
    """
    found = _parsed(place, _conversation)
    if not found:
        raise InputError(f"`messages_file` {place} holds no conversation")
    _check_unique(place, {line: each.source for line, each in found.items() if isinstance(each, Item)}, "id")
    return list(found.values())


def read_requests(place: PathOrUrl) -> RequestFile:
    """The requests of a message batch as the API takes them, `{"custom_id": "...", "params": {...}}` a line.

    An item has the `custom_id` as its source and the parameters as they are. Raises InputError that names every bad
    line and every `custom_id` that comes twice, and for requests to more than one model; StorageError.
    """
    found = _parsed(place, _request)
    if not found:
        raise InputError(f"`requests_file` {place} holds no request")
    _check_unique(place, {line: each.item.source for line, each in found.items()}, "custom_id")
    models = Counter(each.model for each in found.values() if each.model is not None)
    if len(models) > 1:
        told = ", ".join(f"{count:,} to {model}" for model, count in models.most_common())
        raise InputError(
            f"`requests_file` {place} has requests to {len(models)} models ({told}); make it a file for each"
        )
    return RequestFile([each.item for each in found.values()], next(iter(models), None))


def read_prompts(place: PathOrUrl) -> list[str] | dict[str, str]:
    """One prompt a line; in a `.jsonl` a JSON string a line, or `{"id": "...", "prompt": "..."}`.

    Raises InputError, StorageError.
    """
    if not str(place).endswith(".jsonl"):
        lines = [line.strip() for _, line in _lines(place)]
        if not lines:
            raise InputError(f"`prompts_file` {place} holds no prompt")
        return lines
    found = _parsed(place, _prompt)
    if not found:
        raise InputError(f"`prompts_file` {place} holds no prompt")
    _check_unique(place, {line: name for line, (name, _) in found.items()}, "id")
    return {str(number) if name is None else name: text for number, (name, text) in enumerate(found.values())}


@dataclass(frozen=True, slots=True)
class _Request:
    item: Item
    model: str | None


def _lines(place: PathOrUrl) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(read_text(place).split("\n"), start=1):
        if line.strip():
            yield number, line


def _parsed(place: PathOrUrl, parse: Callable[[Any], T]) -> dict[int, T]:
    """What each line stands for, by its number. Raises InputError that names lines."""
    found: dict[int, T] = {}
    problems = []
    for number, line in _lines(place):
        try:
            found[number] = parse(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            problems.append(Problem(f"line {number} of {place}", f"it is no JSON: {error}"))
        except ValueError as error:
            problems.append(Problem(f"line {number} of {place}", str(error)))
    if problems:
        raise InputError.of_items(problems, len(found) + len(problems))
    return found


def _conversation(given: Any) -> Sequence[Any] | Item:
    messages = given.get("messages") if isinstance(given, dict) else given
    if not isinstance(messages, list) or not messages:
        raise ValueError(_MESSAGES)
    if not isinstance(given, dict):
        return messages
    if beside := [name for name in given if name not in _OWN and is_parameter(name)]:
        raise ValueError(f"{', '.join(beside)} beside messages; parameters of the Messages API go into params")
    name, params = _named(given, "id"), _object(given, "params")
    return messages if name is None and not params else Item(messages, source=name, params=params)


def _request(given: Any) -> _Request:
    if not isinstance(given, dict) or not given.keys() >= {"custom_id", "params"}:
        raise ValueError('a request is {"custom_id": "...", "params": {"messages": [...], ...}}')
    if others := [name for name in given if name not in ("custom_id", "params")]:
        raise ValueError(f"a request has a custom_id and params, and not {', '.join(others)}")
    params = dict(_object(given, "params"))
    messages, model = params.pop("messages", None), params.pop("model", None)
    if not isinstance(messages, list) or not messages:
        raise ValueError(f"its params have no messages; {_MESSAGES}")
    if model is not None and not isinstance(model, str):
        raise ValueError(f"its model is {model!r}; a model is named by its id")
    name = _named(given, "custom_id")
    if name is None:
        raise ValueError("its custom_id is null")
    return _Request(Item(messages, source=name, params=params), model)


def _prompt(given: Any) -> tuple[str | None, str]:
    text = given.get("prompt") if isinstance(given, dict) else given
    if not isinstance(text, str) or not text.strip():
        raise ValueError('a prompt is a JSON string, or {"id": "...", "prompt": "..."}')
    return (_named(given, "id") if isinstance(given, dict) else None), text


def _named(given: Mapping[str, Any], key: str) -> str | None:
    name = given.get(key)
    if name is None or (isinstance(name, str) and name.strip()):
        return name
    if isinstance(name, int) and not isinstance(name, bool):
        return str(name)
    raise ValueError(f"its {key} is {name!r}; it must be text")


def _object(given: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = given.get(key)
    if found is None and key not in given:
        return {}
    if not isinstance(found, dict):
        raise ValueError(f"its {key} are {str(found)[:40]!r}, which is no object")  # noqa: TRY004 - as the others
    return found


def _check_unique(place: PathOrUrl, names: Mapping[int, str | None], key: str) -> None:
    """Raises InputError that names each one that comes again."""
    first: dict[str, int] = {}
    problems = []
    for line, name in names.items():
        if name is not None and first.setdefault(name, line) != line:
            problems.append(Problem(f"line {line} of {place}", f"the {key} {name!r} is that of line {first[name]} too"))
    if problems:
        raise InputError.of_items(problems, len(names))
