"""Items -> the requests of a message batch."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from batchata.core.items import Document, Item, Message, Request, custom_id, is_run_id
from batchata.core.models import ModelInfo
from batchata.core.plain import plain
from batchata.core.schema import check_response_model, instruction, output_format
from batchata.core.spelling import check_spelling
from batchata.errors import InputError, Problem

DEFAULT_MAX_TOKENS = 16_000
"""Room for an answer of a few thousand tokens after the thinking that current models do unasked."""

MAX_ATTEMPT = 999_999
_REFUSED_PARAMS = {
    "extra_headers": "it is no parameter of a message; give it to submit() or batch()",
    "extra_body": "give the parameter itself",
    "stream": "a message batch cannot stream",
    "messages": "conversations are items",
    "speed": "the fast mode does not exist in message batches",
    "fallbacks": "fallbacks do not work in message batches",
}
_ROLES = ("user", "assistant", "system")
_CITABLE = ("document", "search_result")


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

    An item is a conversation (a list of messages) or a `Document`, which goes with `prompt`, or an `Item` of one with
    a prompt or parameters of its own. `params` are any other parameters of the Messages API and pass through as they
    are; nothing is sent that was not set, but for `max_tokens` (16,000, at most what `model_info` allows, on top of a
    thinking budget). With `model_info` the schema of `response_model` goes out as `output_config.format` where the
    model takes it; else as an instruction. `run_id` is random unless given. The requests share what they have in
    common, also with the caller's own objects: copy them before changing one.

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
            check_item(item)
            requests.append({"custom_id": custom_id(run_id, index, attempt), "params": shape.params_of(item)})
        except InputError as error:
            problems.append(Problem(item_name(item, index), str(error)))
    if problems:
        raise InputError.of_items(problems, len(requests) + len(problems))
    return requests


def check_item(item: Any) -> None:
    """Raises InputError when something is asked for an item that cannot be asked for."""
    if isinstance(item, Item) and (problem := item_problem(item, is_file=isinstance(item.content, Document))):
        raise InputError(problem)


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
    asked: int | None = None
    info: ModelInfo | None = None

    def params_of(self, item: Item | Document | Sequence[Message], max_tokens: int | None = None) -> dict[str, Any]:
        """The `params` of one item's request; `max_tokens` wins over those of the item. Raises InputError."""
        if isinstance(item, Item):
            return self.varied(item, max_tokens).params_of(item.content)
        content = item
        if isinstance(content, Document):
            return self._with_system([self._document_turn(content)], [])
        system, messages = _split_system(checked_messages(content))
        if self.prompt is not None:
            raise InputError("prompt goes with files; in a conversation, say it in a message")
        return self._with_system(self._citing(messages), system)

    def varied(self, item: Item, max_tokens: int | None = None) -> Shape:
        """With what the item asks for in place of what the call asks for. Raises InputError."""
        if not item.params:
            return self if item.prompt is None else replace(self, prompt=item.prompt)
        own = dict(item.params)
        asked = own.pop("max_tokens", None)
        system = _system_parts(own.pop("system")) if "system" in own else self.system
        base = {**self.base, **own}
        if isinstance(own.get("output_config"), Mapping):
            base["output_config"] = {**(self.base.get("output_config") or {}), **own["output_config"]}
        asked = self.asked if asked is None else asked
        base["max_tokens"] = _max_tokens(asked if max_tokens is None else max_tokens, self.info, base)
        varied = replace(self, base=base, prompt=item.prompt or self.prompt, system=system)
        has_format = "format" in (base.get("output_config") or {})
        return replace(varied, native=None, instruction=None) if has_format else varied

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
    check_params(params)
    own_format = "format" in (params.get("output_config") or {})
    native, asked = None, None
    if response_model is not None:
        check_response_model(response_model)
    if response_model is not None and not own_format:
        asked = instruction(response_model, citations=enable_citations)
        if info is not None and info.structured_outputs and not enable_citations:
            native = output_format(response_model)
            asked = None if native else asked
    base = {"model": model, "max_tokens": _max_tokens(max_tokens, info, params), **params}
    system = _system_parts(base.pop("system", None))
    return Shape(base, prompt, system, asked, native, response_model, enable_citations, max_tokens, info)


def check_params(params: Mapping[str, Any]) -> None:
    """Raises InputError for a parameter that cannot be sent in a message batch."""
    for name, reason in _REFUSED_PARAMS.items():
        if name in params:
            raise InputError(f"`{name}` cannot be set: {reason}")
    check_spelling(params)


def item_problem(item: Item, *, is_file: bool) -> str | None:
    """Why what an item asks for cannot be asked for; None when it can. Its content is not looked at."""
    if isinstance(item.content, Item):
        return "it is an Item of an Item"
    params: Any = item.params
    if not isinstance(params, Mapping):
        return f"its params are a mapping of parameters of the Messages API, not {type(params).__name__}"
    if item.prompt is not None and not (isinstance(item.prompt, str) and item.prompt.strip()):
        return f"its prompt is {item.prompt!r}; it must be a text, or None for the prompt of all"
    if item.prompt is not None and not is_file:
        return "a prompt goes with files; in a conversation, say it in a message"
    if "model" in item.params:
        return f"it asks for the model {item.params['model']!r}; all items of a run have one model, so give it two runs"
    try:
        check_params({name: each for name, each in params.items() if name != "max_tokens"})
    except InputError as error:
        return str(error)
    return None


def _max_tokens(asked: int | None, info: ModelInfo | None, params: Mapping[str, Any]) -> int:
    """What was asked for, or enough for an answer after the thinking; always more than a thinking budget."""
    longest = info.max_tokens if info else None
    thinking = params.get("thinking")
    budget = int((thinking.get("budget_tokens") if isinstance(thinking, Mapping) else 0) or 0)
    if asked is None:
        wanted = DEFAULT_MAX_TOKENS + budget
        asked = min(wanted, longest) if longest else wanted
    if not isinstance(asked, int) or asked < 1:
        raise InputError(f"`max_tokens` must be at least 1, not {asked!r}")
    if info is not None and longest is not None and asked > longest:
        raise InputError(f"`max_tokens` is {asked:,}; {info.id} answers with at most {longest:,}")
    if asked <= budget:
        raise InputError(f"`max_tokens` is {asked:,}; it must be more than the thinking budget of {budget:,}")
    return asked


def checked_messages(content: Any) -> Sequence[Message]:
    """The messages of a conversation. Raises InputError that says what is no message."""
    if is_plain(content):
        return content  # type: ignore[no-any-return]
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


def is_plain(content: Any) -> bool:
    """The commonest conversation, told apart at a glance: most of 100,000 are like this."""
    if type(content) is not list or len(content) != 1:
        return False
    message = content[0]
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
