"""One line of a batch's results -> one outcome."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError

from batchata.core.citations import CitedText, answer_text, map_fields
from batchata.core.enumcase import aligned
from batchata.core.jsontext import find_json, locate
from batchata.core.outcomes import (
    UNKNOWN_RESULT,
    UNREADABLE_LINE,
    Canceled,
    Errored,
    Expired,
    Invalid,
    Outcome,
    Refused,
    Succeeded,
    Truncated,
)
from batchata.core.plain import plain
from batchata.core.schema import adapter, json_schema

_CUT = ("max_tokens", "model_context_window_exceeded", "pause_turn")
_SHOWN_ERRORS = 3


def parse(
    line: bytes | str | Mapping[str, Any],
    response_model: Any = None,
    enable_citations: bool = False,  # noqa: FBT001, FBT002 - the documented signature
    *,
    sources: Sequence[str | None] = (),
) -> Outcome[Any]:
    """One line of a results stream (or the object it decodes to) as exactly one outcome. Never raises for it.

    With `response_model` the answer's JSON is validated with that very model, whatever text surrounds it;
    without, the result is the text. With `enable_citations` a text comes with a list of citations and an object
    with `{path: [Citation]}`. `sources` are the item's documents in order, for `Citation.source_file`.
    Source: doc:build-with-claude/batch-processing.
    """
    entry = decoded(line) if isinstance(line, bytes | str) else plain(line)
    try:
        custom_id, result = entry["custom_id"], entry["result"]
        kind = result["type"]
    except (KeyError, TypeError):
        return Errored(custom_id="", error_type=UNREADABLE_LINE, message=f"it is no line of results: {str(line)[:120]}")
    match kind:
        case "succeeded" if isinstance(result.get("message"), Mapping):
            return _answered(custom_id, result["message"], response_model, sources, citations=enable_citations)
        case "errored":
            return _errored(custom_id, result.get("error"))
        case "expired":
            return Expired(custom_id=custom_id)
        case "canceled":
            return Canceled(custom_id=custom_id)
        case _:
            return Errored(custom_id=custom_id, error_type=UNKNOWN_RESULT, message=f"its type is {kind!r}")


def decoded(line: bytes | str) -> Any:
    """A result line as an object, None when it is no JSON. The standard library reads what orjson is too strict for."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            return None


def _errored(custom_id: str, error: Any) -> Errored:
    """The error is nested twice, and flat in some old results (doc:api/errors)."""
    outer: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    nested = outer.get("error")
    inner: Mapping[str, Any] = nested if isinstance(nested, Mapping) else outer
    return Errored(
        custom_id=custom_id,
        error_type=str(inner.get("type") or "unknown_error"),
        message=str(inner.get("message") or "the API gave no message"),
        request_id=outer.get("request_id"),
    )


def _answered(
    custom_id: str, message: Mapping[str, Any], response_model: Any, sources: Sequence[str | None], *, citations: bool
) -> Outcome[Any]:
    usage = message.get("usage")
    known: dict[str, Any] = {
        "custom_id": custom_id,
        "model": str(message.get("model") or ""),
        "usage": usage if isinstance(usage, Mapping) else {},
        "message_id": message.get("id"),
    }
    try:
        return _understood(known, message, response_model, sources, citations=citations)
    except Exception as error:  # noqa: BLE001 - it is paid for, and one odd answer must not hide the others
        return Invalid(**known, problem=f"the answer has a shape that cannot be read: {error!r}", text="")


def _understood(
    known: Mapping[str, Any],
    message: Mapping[str, Any],
    response_model: Any,
    sources: Sequence[str | None],
    *,
    citations: bool,
) -> Outcome[Any]:
    content = message.get("content") or []
    stop = message.get("stop_reason")
    if stop == "refusal":
        details = message.get("stop_details") or {}
        return Refused(**known, category=details.get("category"), explanation=details.get("explanation"))
    if stop in _CUT:
        return Truncated(**known, stop_reason=stop, text=answer_text(content))
    if response_model is None:
        return _text(known, content, stop, sources, citations=citations)
    return _object(known, content, stop, response_model, sources, citations=citations)


def _text(
    known: Mapping[str, Any],
    content: Sequence[Mapping[str, Any]],
    stop: str | None,
    sources: Sequence[str | None],
    *,
    citations: bool,
) -> Outcome[Any]:
    text = answer_text(content)
    if stop == "tool_use":
        names = ", ".join(str(block.get("name")) for block in content if block.get("type") == "tool_use")
        problem = f"the model called a tool ({names}) and waits for its result, which a message batch cannot give"
        return Invalid(**known, problem=problem, text=text)
    if not text or text.isspace():
        return _empty(known, content, stop)
    return Succeeded(**known, result=text, citations=CitedText(content).citations(sources) if citations else None)


def _empty(known: Mapping[str, Any], content: Sequence[Mapping[str, Any]], stop: str | None) -> Invalid:
    blocks = ", ".join(sorted({str(block.get("type")) for block in content})) or "none"
    return Invalid(**known, problem=f"the answer has no text (stop reason {stop}; blocks: {blocks})", text="")


def _object(
    known: Mapping[str, Any],
    content: Sequence[Mapping[str, Any]],
    stop: str | None,
    response_model: Any,
    sources: Sequence[str | None],
    *,
    citations: bool,
) -> Outcome[Any]:
    """The object is in the text, or it is the input of a tool that was called."""
    problem, said = "", answer_text(content)
    for blocks in (content, *_tool_inputs(content)):
        text = answer_text(blocks)
        if not text or text.isspace():
            continue
        try:
            found = read_object(text, response_model)
        except UnreadableAnswerError as error:
            problem = problem or str(error)
            continue
        mapped = map_fields(CitedText(blocks), found.value, found.start, sources) if citations else None
        return Succeeded(**known, result=found.value, citations=mapped, answer=found.answer)
    return Invalid(**known, problem=problem, text=said) if problem else _empty(known, content, stop)


def _tool_inputs(content: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Each call of a tool as if its input had been written."""
    for block in content:
        if block.get("type") == "tool_use":
            yield [{"type": "text", "text": json.dumps(block.get("input"))}]


class UnreadableAnswerError(ValueError):
    """The answer holds no JSON that the response model accepts."""


class Read(NamedTuple):
    """An instance of a response model, the character where its JSON begins, and the JSON that was validated."""

    value: Any
    start: int
    answer: str


def read_object(text: str, response_model: Any) -> Read:
    """The instance of `response_model` in an answer's text.

    Of several JSON values the one that validates counts: with the most fields filled, the last one on a tie.
    """
    validator = adapter(response_model)
    if text[:1] == "{" and text[-1:] == "}" and (value := _at_once(validator, text)) is not None:
        return Read(value, 0, text)
    best: tuple[int, Read] | None = None
    errors: list[Exception] = []
    for start, raw, found in _candidates(text, response_model):
        try:
            value, answer = _validated(validator, raw, found, response_model)
        except (ValidationError, UnreadableAnswerError) as error:
            errors.append(error)
            continue
        filled = _filled(found, value)
        if best is None or filled >= best[0]:
            best = (filled, Read(value, start, answer))
    if best is None:
        raise UnreadableAnswerError(_why(text, errors))
    return best[1]


def _at_once(validator: TypeAdapter[Any], text: str) -> Any:
    """The common case: the text is the object and nothing else. None when it has to be looked for."""
    try:
        value = _accepted(validator, text)
    except (ValidationError, UnreadableAnswerError):
        return None
    return None if isinstance(value, BaseModel) and not value.model_fields_set else value


def _candidates(text: str, response_model: Any) -> Iterator[tuple[int, str, Any]]:
    is_model = isinstance(response_model, type) and issubclass(response_model, BaseModel)
    has_fields = is_model and bool(response_model.model_fields.keys() - {"root"})
    for start, end, found in find_json(text, "{" if has_fields else "{["):
        yield start, text[start:end], found
        inner = list(found.values()) if isinstance(found, dict) else []
        if has_fields and len(inner) == 1 and isinstance(inner[0], dict) and inner[0]:
            child = next(iter((locate(text, start).members or {}).values()))
            yield child.start, text[child.start : child.end], inner[0]


def _validated(validator: TypeAdapter[Any], raw: str, found: Any, response_model: Any) -> tuple[Any, str]:
    try:
        return _accepted(validator, raw), raw
    except ValidationError:
        mended = json.dumps(aligned(found, json_schema(response_model)), ensure_ascii=False)
        mended = mended.encode(errors="replace").decode()  # half an emoji is no text
        return _accepted(validator, mended), mended


def _accepted(validator: TypeAdapter[Any], raw: str) -> Any:
    try:
        return validator.validate_json(raw)
    except ValidationError:
        raise
    except Exception as error:  # a validator of the user's own may raise anything
        raise UnreadableAnswerError(f"the response model raised {error!r} on {raw[:120]!r}") from error


def _filled(found: Any, value: Any) -> int:
    """How much of the JSON the model took up: an empty {} in the prose fits any model of optional fields."""
    if isinstance(value, BaseModel):
        return len(value.model_fields_set)
    return len(found) if isinstance(found, dict | list) else 0


def _why(text: str, errors: Sequence[Exception]) -> str:
    if not errors:
        return f"the answer holds no JSON object: {text[:120]!r}"
    last = errors[-1]
    if not isinstance(last, ValidationError):
        return str(last)
    details = last.errors(include_url=False, include_context=False)
    shown = "; ".join(f"{_place(each['loc'])}: {each['msg']}" for each in details[:_SHOWN_ERRORS])
    more = f" and {len(details) - _SHOWN_ERRORS} more" if len(details) > _SHOWN_ERRORS else ""
    return f"the answer does not fit the response model: {shown}{more}"


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "root"
