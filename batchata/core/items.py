"""One unit of the user's work, and the request the API gets for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

Message = Mapping[str, Any]
"""`{"role": "user" | "assistant" | "system", "content": str | list of content blocks}`."""


@dataclass(frozen=True, slots=True)
class Document:
    """A content block that stands for one file, and what is known of the file.

    `source` is the file's path or name; `pages` is None unless the file is a PDF whose pages were counted.
    """

    block: Mapping[str, Any]
    source: str | None = None
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A conversation, or one file that goes with a prompt, and what is asked of it otherwise than of the others.

    `content` is what could stand in its place: in `messages` a list of messages, in `files` a path or URL, bytes, a
    file id or a Document. `source` is its name in the results (default: the file's), `label` tells apart the items of
    one source. `prompt` takes the place of the call's own, and so do `params`, the parameters of the Messages API,
    each by its name (`output_config` part by part).
    """

    content: Any
    source: str | None = None
    prompt: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    label: str | None = None


def subject_of(item: Any) -> Any:
    """The conversation or file that an item is about, whether or not more is said of it."""
    return item.content if isinstance(item, Item) else item


def with_prompts(files: Iterable[Any], prompts: Sequence[str] | Mapping[str, str]) -> list[Item]:
    """Every file with every prompt, the prompts of one file one after the other.

    The label of an item is its prompt's name in a mapping, its number from 0 in a list.
    """
    named = prompts.items() if isinstance(prompts, Mapping) else [(str(n), each) for n, each in enumerate(prompts)]
    return [Item(file, prompt=prompt, label=label) for file in files for label, prompt in named]


class Request(TypedDict):
    """One entry of a message batch, as `client.messages.batches.create(requests=[...])` takes it."""

    custom_id: str
    params: dict[str, Any]


@dataclass(slots=True)
class ItemKey:
    """What a `custom_id` of ours says: which run, which item of it, which attempt (counted from 1)."""

    run_id: str
    index: int
    attempt: int


_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")


def is_run_id(text: str) -> bool:
    """Whether `text` can be part of a `custom_id` and leaves room for index and attempt."""
    return _RUN_ID.fullmatch(text) is not None


def custom_id(run_id: str, index: int, attempt: int = 1) -> str:
    """At most 64 characters of `[A-Za-z0-9_-]` (doc:api/messages/batches/create)."""
    return f"{run_id}-{index:06d}-{attempt}"


def item_key(text: str) -> ItemKey | None:
    """The parts of a `custom_id`, or None when it is not one of ours."""
    run_id, *numbers = text.rsplit("-", 2)
    if len(numbers) != 2 or not (numbers[0].isdecimal() and numbers[1].isdecimal() and text.isascii()):
        return None
    return ItemKey(run_id, int(numbers[0]), int(numbers[1])) if run_id else None
