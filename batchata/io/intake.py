"""What is given to `batch()`, checked before anything is sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from batchata.core.encoding import check_count, encode
from batchata.core.items import Document, Item, Request, subject_of, with_prompts
from batchata.core.models import ModelInfo, check_document, check_model, check_sampling
from batchata.core.rates import Rates, rates_of
from batchata.core.requests import item_name, item_problem
from batchata.errors import InputError, Problem, UnknownPriceError
from batchata.io.batches import submit
from batchata.io.models import get_model, successor_of
from batchata.io.paths import is_path
from batchata.io.sources import Source, read_documents

if TYPE_CHECKING:
    from anthropic import Anthropic

logger = logging.getLogger("batchata")


def checked_items(messages: Any, files: Any, prompt: str | None) -> Sequence[Any]:
    """The items of one message batch. Raises InputError as `given_items` does, and for more than it holds."""
    items = given_items(messages, files, prompt)
    if items:
        check_count(len(items))
    return items


def given_items(messages: Any, files: Any, prompt: str | None, prompts: Any = None) -> Sequence[Any]:
    """The conversations or files of a call as a list. Raises InputError when it is not one of the two."""
    if prompts is not None:
        check_prompts(messages, prompt, prompts)
    if (messages is None) == (files is None):
        both = "both were" if messages is not None else "neither was"
        raise InputError(f"give either messages or files; {both} given")
    name, given = ("messages", messages) if files is None else ("files", files)
    if isinstance(given, bytes | bytearray | Mapping) or is_path(given):
        raise InputError(f"{name} is a list; put the one you have in square brackets")
    items = list(given)
    if name == "messages" and items and all(isinstance(each, Mapping) for each in items):
        raise InputError("messages is a list of conversations, and a conversation is a list: [[{...}], [{...}]]")
    if name == "files" and not (prompt or prompts) and not all(getattr(each, "prompt", None) for each in items):
        raise InputError("files need a prompt that says what to do with them")
    check_asked(items, is_file=name == "files")
    return items if prompts is None else with_prompts(items, prompts)


def check_prompts(messages: Any, prompt: str | None, prompts: Any) -> None:
    """Raises InputError for prompts that cannot go with each file."""
    if messages is not None or prompt is not None:
        other = "prompt" if messages is None else "messages"
        raise InputError(f"prompts go with files, and each of them with each file; {other} was given too")
    if isinstance(prompts, str | bytes) or not isinstance(prompts, Sequence | Mapping) or not prompts:
        raise InputError("prompts is a list of prompts, or a mapping of their names to them, with at least one in it")
    named = prompts.items() if isinstance(prompts, Mapping) else enumerate(prompts)
    for name, each in named:
        if not isinstance(each, str) or not each.strip():
            raise InputError(f"prompt {name!r} is {each!r}; a prompt is a text that says what to do with a file")


def check_asked(items: Sequence[Any], *, is_file: bool) -> None:
    """Raises InputError that names each `Item` which asks for what cannot be had."""
    problems = [
        Problem(item_name(each, index), reason)
        for index, each in enumerate(items)
        if isinstance(each, Item) and (reason := item_problem(each, is_file=is_file)) is not None
    ]
    if problems:
        raise InputError.of_items(problems, len(items))


def usable_model(client: Anthropic, model: str, params: Mapping[str, Any]) -> ModelInfo:
    """What the API says of the model. Raises ModelError when it is unknown, retired or refuses a parameter."""
    check_sampling(model, params)
    info = get_model(client, model)
    retired = info.lifecycle == "retired"
    check_model(info, successor_of(client, info.line) if retired else None)
    return info


def readable_documents(files: Sequence[Source | Item], info: ModelInfo, *, citations: bool) -> list[Document | Item]:
    """The files as documents. Raises InputError that names each one the model cannot take."""
    documents = read_documents([subject_of(each) for each in files], citations=citations)
    problems = [
        Problem(item_name(each, index), reason)
        for index, each in enumerate(documents)
        if (reason := check_document(info, each, citations=citations)) is not None
    ]
    if problems:
        raise InputError.of_items(problems, len(documents))
    return [
        replace(given, content=each, source=given.source or each.source) if isinstance(given, Item) else each
        for given, each in zip(files, documents, strict=True)
    ]


def checked_submit(
    client: Anthropic,
    requests: Sequence[Request],
    items: Sequence[Any],
    model: str,
    rates: Rates | None,
    headers: Mapping[str, str] | None,
) -> str:
    """Sends the requests as one message batch; says beforehand when its cost will not be known."""
    encoded = encode(requests, [item_name(item, index) for index, item in enumerate(items)])
    if rates is None:
        try:
            rates_of(model)
        except UnknownPriceError as error:
            logger.warning("the cost of this batch will not be known: %s", error)
    batch_id = submit(client, encoded, extra_headers=headers)
    logger.info("%s: %d requests sent (%.1f MB)", batch_id, encoded.total, len(encoded.body) / 1e6)
    return batch_id
