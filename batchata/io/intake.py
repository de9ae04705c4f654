"""What is given to `batch()`, checked before anything is sent."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from batchata.core.encoding import check_count, encode
from batchata.core.items import Document, Request
from batchata.core.models import ModelInfo, check_document, check_model, check_sampling
from batchata.core.rates import Rates, rates_of
from batchata.core.requests import item_name
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


def given_items(messages: Any, files: Any, prompt: str | None) -> Sequence[Any]:
    """The conversations or files of a call as a list. Raises InputError when it is not one of the two."""
    if (messages is None) == (files is None):
        both = "both were" if messages is not None else "neither was"
        raise InputError(f"give either messages or files; {both} given")
    name, given = ("messages", messages) if files is None else ("files", files)
    if isinstance(given, bytes | bytearray | Mapping) or is_path(given):
        raise InputError(f"{name} is a list; put the one you have in square brackets")
    items = list(given)
    if name == "messages" and items and all(isinstance(each, Mapping) for each in items):
        raise InputError("messages is a list of conversations, and a conversation is a list: [[{...}], [{...}]]")
    if name == "files" and items and not prompt:
        raise InputError("files need a prompt that says what to do with them")
    return items


def usable_model(client: Anthropic, model: str, params: Mapping[str, Any]) -> ModelInfo:
    """What the API says of the model. Raises ModelError when it is unknown, retired or refuses a parameter."""
    check_sampling(model, params)
    info = get_model(client, model)
    retired = info.lifecycle == "retired"
    check_model(info, successor_of(client, info.line) if retired else None)
    return info


def readable_documents(files: Sequence[Source], info: ModelInfo, *, citations: bool) -> list[Document]:
    """The files as documents. Raises InputError that names each one the model cannot take."""
    documents = read_documents(files, citations=citations)
    problems = [
        Problem(item_name(each, index), reason)
        for index, each in enumerate(documents)
        if (reason := check_document(info, each, citations=citations)) is not None
    ]
    if problems:
        raise InputError.of_items(problems, len(documents))
    return documents


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
