"""Items -> the requests of a message batch, and their bytes."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import orjson

from batchata.core.items import Document, Item, Message, Request, custom_id, is_run_id
from batchata.core.models import SAMPLING, SAMPLING_API_VERSION, ModelInfo
from batchata.core.plain import plain
from batchata.core.schema import check_response_model, instruction, output_format
from batchata.errors import InputError, Problem

DEFAULT_MAX_TOKENS = 16_000
"""Room for an answer of a few thousand tokens after the thinking that current models do unasked."""

MAX_ATTEMPT = 999_999
MAX_REQUESTS = 100_000
MAX_BATCH_BYTES = 256_000_000
MAX_ITEM_BYTES = 32_000_000
"""Limits of one message batch and of one request (doc:build-with-claude/batch-processing), read as decimal
megabytes to be on the safe side."""

_REFUSED_PARAMS = {
    "extra_headers": "it is no parameter of a message; give it to submit() or batch()",
    "extra_body": "give the parameter itself",
    "stream": "a message batch cannot stream",
    "messages": "conversations are items",
    "speed": "the fast mode does not exist in message batches",
    "fallbacks": "fallbacks do not work in message batches",
}
_OWN_PARAMS = (
    "messages", "files", "prompt", "model", "response_model", "enable_citations", "max_tokens", "raw_results_dir",
    "client", "rates", "run_id", "attempt", "model_info", "items_per_job", "max_parallel_jobs", "max_cost",
    "state_path", "results_dir", "cache", "refresh_cache", "orchestrator", "on_cost_limit", "answer_within", "rounds",
    "cancel_on_exit", "lost_after", "task_runner", "shards", "shard_deployment",
)  # fmt: skip
_MEANT = {"citations": "enable_citations", "budget": "max_cost", "max_spend": "max_cost", "schema": "response_model"}
_API_PARAMS = (
    "system", "tools", "tool_choice", "thinking", "output_config", "metadata", "stop_sequences", "service_tier",
    "inference_geo", "temperature", "top_p", "top_k", "container", "context_management", "mcp_servers", "cache_control",
)  # fmt: skip
_ROLES = ("user", "assistant", "system")
_CITABLE = ("document", "search_result")
_SAMPLING = frozenset(SAMPLING)


def new_run_id() -> str:
    """A fresh, random run id of 12 characters: with it a batch whose id was lost can be recognised."""
    return secrets.token_hex(6)


def build_requests(
    items: Iterable[Item | Document | Sequence[Message]],
    *,
    model: str,
    prompt: str | None = None,
    response_model: Any = None,
    enable_citations: bool = False,
    max_tokens: int | None = None,
    run_id: str | None = None,
    attempt: int = 1,
    model_info: ModelInfo | None = None,
    **params: Any,
) -> list[Request]:
    """One request per item, in order, as plain dicts that the SDK takes too.

    An item is a conversation (a list of messages) or a `Document`, which goes with `prompt`. `params` are any
    other parameters of the Messages API and pass through as they are; nothing is sent that was not set, but for
    `max_tokens` (16,000, at most what `model_info` allows, on top of a thinking budget). With `model_info` the
    schema of `response_model` goes out as `output_config.format` where the model takes it; else as an
    instruction. `run_id` is random unless given. The requests share what they have in common, also with the
    caller's own objects: copy them before changing one.

    Raises InputError that names every bad item. Source: doc:api/messages/batches/create.
    """
    run_id = new_run_id() if run_id is None else run_id
    if not is_run_id(run_id):
        raise InputError(f"run_id {run_id!r} must be 1 to 40 characters of A-Z a-z 0-9 _ -")
    if not 1 <= attempt <= MAX_ATTEMPT:
        raise InputError(f"attempt {attempt} must be from 1 to {MAX_ATTEMPT:,}")
    shape = shape_of(model, prompt, response_model, enable_citations, max_tokens, model_info, params)
    requests: list[Request] = []
    problems: list[Problem] = []
    for index, item in enumerate(items):
        try:
            requests.append({"custom_id": custom_id(run_id, index, attempt), "params": shape.params_of(item)})
        except InputError as error:
            problems.append(Problem(item_name(item, index), str(error)))
    if problems:
        raise InputError.of_items(problems, len(requests) + len(problems))
    return requests


def item_name(item: Any, index: int) -> str:
    """How an error names an item: its file, or its number counted from 0."""
    source = getattr(item, "source", None)
    return f"item {index} ({source})" if source else f"item {index}"


@dataclass(frozen=True, slots=True)
class Shape:
    """What all requests of a call have in common. Made by `shape_of`."""

    base: Mapping[str, Any]
    prompt: str | None
    system: tuple[Any, ...]
    instruction: str | None
    native: Mapping[str, Any] | None
    response_model: Any
    citations: bool

    def params_of(self, item: Item | Document | Sequence[Message]) -> dict[str, Any]:
        """The `params` of one item's request. Raises InputError."""
        content = item.content if isinstance(item, Item) else item
        if isinstance(content, Document):
            return self._with_system([self._document_turn(content)], [])
        system, messages = _split_system(checked_messages(content))
        if self.prompt is not None:
            raise InputError("prompt goes with files; in a conversation, say it in a message")
        return self._with_system(self._citing(messages), system)

    def _document_turn(self, document: Document) -> Message:
        if not self.prompt:
            raise InputError("a file needs a prompt that says what to do with it")
        return {"role": "user", "content": [self._cited(document.block), {"type": "text", "text": self.prompt}]}

    def _with_system(self, messages: Sequence[Message], system: Sequence[Any]) -> dict[str, Any]:
        params = {**self.base, "messages": messages}
        asked = self.instruction
        if self.native is not None:
            if _has_citations(messages):
                asked = instruction(self.response_model, citations=True)
            else:
                params["output_config"] = {**(self.base.get("output_config") or {}), "format": self.native}
        parts = [*self.system, *system, *([asked] if asked else [])]
        if parts:
            params["system"] = parts[0] if len(parts) == 1 and isinstance(parts[0], str) else _text_blocks(parts)
        return params

    def _citing(self, messages: Sequence[Message]) -> Sequence[Message]:
        if not self.citations:
            return messages
        return [
            {**each, "content": [self._cited(block) for block in each["content"]]}
            if isinstance(each["content"], list)
            else each
            for each in messages
        ]

    def _cited(self, block: Mapping[str, Any]) -> Mapping[str, Any]:
        """Citations are on for all documents of a request or for none."""
        if self.citations and block.get("type") in _CITABLE:
            return {**block, "citations": {"enabled": True}}
        return block


def shape_of(
    model: str,
    prompt: str | None,
    response_model: Any,
    enable_citations: bool,  # noqa: FBT001
    max_tokens: int | None,
    info: ModelInfo | None,
    params: dict[str, Any],
) -> Shape:
    """Raises InputError for a parameter that cannot be sent."""
    for name, reason in _REFUSED_PARAMS.items():
        if name in params:
            raise InputError(f"{name} cannot be set: {reason}")
    own_format = "format" in (params.get("output_config") or {})
    native, asked = None, None
    check_spelling(params)
    if response_model is not None:
        check_response_model(response_model)
    if response_model is not None and not own_format:
        asked = instruction(response_model, citations=enable_citations)
        if info is not None and info.structured_outputs and not enable_citations:
            native = output_format(response_model)
            asked = None if native else asked
    base = {"model": model, "max_tokens": _max_tokens(max_tokens, info, params), **params}
    system = _system_parts(base.pop("system", None))
    return Shape(base, prompt, system, asked, native, response_model, enable_citations)


def check_spelling(params: Mapping[str, Any]) -> None:
    """A parameter nobody knows passes through, for the API may know it, unless it is all but one that we know."""
    for name in params:
        if name in _API_PARAMS:
            continue
        near = _MEANT.get(name) or next(
            iter(get_close_matches(name, (*_OWN_PARAMS, *_API_PARAMS), 1, cutoff=0.8)), None
        )
        if near:
            raise InputError(f"there is no parameter {name}; did you mean {near}?")


def _max_tokens(asked: int | None, info: ModelInfo | None, params: Mapping[str, Any]) -> int:
    """What was asked for, or enough for an answer after the thinking; always more than a thinking budget."""
    longest = info.max_tokens if info else None
    thinking = params.get("thinking")
    budget = int((thinking.get("budget_tokens") if isinstance(thinking, Mapping) else 0) or 0)
    if asked is None:
        wanted = DEFAULT_MAX_TOKENS + budget
        asked = min(wanted, longest) if longest else wanted
    if not isinstance(asked, int) or asked < 1:
        raise InputError(f"max_tokens must be at least 1, not {asked!r}")
    if info is not None and longest is not None and asked > longest:
        raise InputError(f"max_tokens is {asked:,}; {info.id} answers with at most {longest:,}")
    if asked <= budget:
        raise InputError(f"max_tokens is {asked:,}; it must be more than the thinking budget of {budget:,}")
    return asked


def checked_messages(content: Any) -> Sequence[Message]:
    """The messages of a conversation. Raises InputError that says what is no message."""
    if type(content) is list and len(content) == 1 and _is_plain(content[0]):
        return content
    if isinstance(content, list | tuple):
        content = [_plain_message(message) for message in content]
    if isinstance(content, str | bytes | Mapping) or not isinstance(content, Sequence):
        raise InputError(f"a conversation is a list of messages, not {type(content).__name__}")
    if not content:
        raise InputError("the conversation has no messages")
    for number, message in enumerate(content):
        if problem := _problem_of(message):
            raise InputError(f"message {number} {problem}")
    if all(message["role"] == "system" for message in content):
        raise InputError("the conversation has only system messages; a user message is needed")
    return content


def _is_plain(message: Any) -> bool:
    """The commonest message, told apart at a glance: most of 100,000 conversations are one of these."""
    return (
        type(message) is dict
        and message.get("role") == "user"
        and type(message.get("content")) is str
        and message["content"] != ""
    )


def _plain_message(message: Any) -> Any:
    """Objects of the SDK, such as the content of an earlier answer, as the JSON they stand for."""
    message = plain(message)
    if isinstance(message, Mapping) and isinstance(message.get("content"), list | tuple):
        blocks = [plain(block) for block in message["content"]]
        return message if blocks == message["content"] else {**message, "content": blocks}
    return message


def _problem_of(message: Any) -> str | None:
    if not isinstance(message, Mapping):
        return f'is {type(message).__name__}, not {{"role": ..., "content": ...}}'
    if message.get("role") not in _ROLES:
        return f"has the role {message.get('role')!r}; it must be user, assistant or system"
    content = message.get("content")
    if not isinstance(content, str | list) or not content:
        return "has no content: text or a list of content blocks"
    if isinstance(content, list) and not all(isinstance(block, Mapping) and "type" in block for block in content):
        return "has content blocks that are not objects with a type"
    return None


def _split_system(messages: Sequence[Message]) -> tuple[list[Any], Sequence[Message]]:
    if all(message["role"] != "system" for message in messages):
        return [], messages
    parts: list[Any] = []
    for message in messages:
        if message["role"] == "system":
            parts.extend(_system_parts(message["content"]))
    return parts, [message for message in messages if message["role"] != "system"]


def _system_parts(system: Any) -> tuple[Any, ...]:
    if system is None or system == "":
        return ()
    return (system,) if isinstance(system, str | Mapping) else tuple(system)


def _text_blocks(parts: Sequence[Any]) -> list[Any]:
    return [{"type": "text", "text": part} if isinstance(part, str) else part for part in parts]


def _has_citations(messages: Sequence[Message]) -> bool:
    """Whether the caller switched citations on in a block: the API refuses them beside an output format."""
    for each in messages:
        if not isinstance(each["content"], str):
            blocks = [block for block in each["content"] if block["type"] in _CITABLE]
            if any((block.get("citations") or {}).get("enabled") for block in blocks):
                return True
    return False


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """The body of a create call, and what one has to know about it."""

    body: bytes
    total: int
    first_custom_id: str
    api_version: str | None


def encode(requests: Sequence[Request], names: Sequence[str] = ()) -> EncodedBatch:
    """The requests as one JSON body, encoded once.

    Raises InputError for more than 100,000 requests or 256 MB, or an item over 32 MB; `names` are what the
    items are called in it (default: their custom_id).
    """
    check_count(len(requests))
    try:
        body = orjson.dumps({"requests": requests})
    except (TypeError, ValueError) as error:
        raise _not_json(requests, names) from error
    if len(body) > MAX_ITEM_BYTES:
        _check_items(requests, names)
    check_bytes(len(body))
    sampling = any(not _SAMPLING.isdisjoint(request["params"]) for request in requests)
    return EncodedBatch(body, len(requests), requests[0]["custom_id"], SAMPLING_API_VERSION if sampling else None)


def _not_json(requests: Sequence[Request], names: Sequence[str]) -> InputError:
    problems: list[Problem] = []
    for n, request in enumerate(requests):
        try:
            orjson.dumps(request)
        except (TypeError, ValueError) as error:
            problems.append(Problem(names[n] if names else request["custom_id"], f"it is no JSON: {error}"))
    return InputError.of_items(problems, len(requests))


def _check_items(requests: Sequence[Request], names: Sequence[str]) -> None:
    """Only a batch over the limit of an item can hold an item over it, so most are never measured one by one."""
    problems = [
        Problem(names[n] if names else request["custom_id"], too_large(size))
        for n, request in enumerate(requests)
        if (size := len(orjson.dumps(request))) > MAX_ITEM_BYTES
    ]
    if problems:
        raise InputError.of_items(problems, len(requests))


def too_large(size: int) -> str:
    """What to say of an item that is too large."""
    return (
        f"it has {size / 1e6:,.1f} MB as a request; the limit is {MAX_ITEM_BYTES / 1e6:.0f} MB. "
        "Split it, or upload it with the Files API and pass its file_id"
    )


def check_count(total: int) -> None:
    """Raises InputError when there are no requests, or more than a message batch holds."""
    if total == 0:
        raise InputError("a message batch needs at least one request")
    if total > MAX_REQUESTS:
        raise InputError(
            f"{total:,} items are more than the {MAX_REQUESTS:,} of one message batch (nothing was sent). "
            "BatchManager splits them over several"
        )


def check_bytes(size: int) -> None:
    """Raises InputError when the body of a message batch is too large."""
    if size > MAX_BATCH_BYTES:
        raise InputError(
            f"the items make {size / 1e6:,.1f} MB; one message batch takes {MAX_BATCH_BYTES / 1e6:.0f} MB "
            "(nothing was sent). BatchManager splits them over several"
        )
