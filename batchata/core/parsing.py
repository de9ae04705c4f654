"""One line of a batch's results -> one outcome."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError

from batchata.core.citations import CitedText, answer_text, map_fields
from batchata.core.jsontext import find_json, locate
from batchata.core.outcomes import Canceled, Errored, Expired, Invalid, Outcome, Refused, Succeeded, Truncated
from batchata.core.schema import adapter, json_schema

_CUT = ("max_tokens", "model_context_window_exceeded")
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
    try:
        entry = orjson.loads(line) if isinstance(line, bytes | str) else line
        custom_id, result = entry["custom_id"], entry["result"]
        kind = result["type"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        return Errored(custom_id="", error_type="unreadable_line", message=f"the line cannot be read: {error}")
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
            return Errored(custom_id=custom_id, error_type="unknown_result", message=f"its type is {kind!r}")


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
    known: dict[str, Any] = {
        "custom_id": custom_id,
        "model": message.get("model") or "",
        "usage": message.get("usage") or {},
        "message_id": message.get("id"),
    }
    content = message.get("content") or []
    stop = message.get("stop_reason")
    if stop == "refusal":
        details = message.get("stop_details") or {}
        return Refused(**known, category=details.get("category"), explanation=details.get("explanation"))
    if stop in _CUT:
        return Truncated(**known, stop_reason=stop, text=answer_text(content))
    return _read(known, content, stop, response_model, sources, citations=citations)


def _read(
    known: Mapping[str, Any],
    content: Sequence[Mapping[str, Any]],
    stop: str | None,
    response_model: Any,
    sources: Sequence[str | None],
    *,
    citations: bool,
) -> Outcome[Any]:
    text = answer_text(content)
    if response_model is not None and not text:
        text = answer_text(content := _tool_input(content) or content)
    if not text or text.isspace():
        blocks = ", ".join(sorted({str(block.get("type")) for block in content})) or "none"
        return Invalid(**known, problem=f"the answer has no text (stop reason {stop}; blocks: {blocks})", text="")
    if response_model is None:
        return Succeeded(**known, result=text, citations=CitedText(content).citations(sources) if citations else None)
    try:
        value, start = read_object(text, response_model)
    except UnreadableAnswerError as error:
        return Invalid(**known, problem=str(error), text=text)
    mapped = map_fields(CitedText(content), value, locate(text, start), sources) if citations else None
    return Succeeded(**known, result=value, citations=mapped)


def _tool_input(content: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A tool can be the channel of the answer: then its input is the object."""
    calls = [block for block in content if block.get("type") == "tool_use"]
    return [{"type": "text", "text": json.dumps(calls[0].get("input"))}] if len(calls) == 1 else []


class UnreadableAnswerError(ValueError):
    """The answer holds no JSON that the response model accepts."""


def read_object(text: str, response_model: Any) -> tuple[Any, int]:
    """The instance of `response_model` in an answer's text, and the character where its JSON begins.

    Of several JSON values the one that validates counts: with the most fields filled, the last one on a tie.
    """
    validator = adapter(response_model)
    if text[:1] == "{" and text[-1:] == "}":
        try:
            return _accepted(validator, text), 0
        except ValidationError:
            pass
    best: tuple[int, int, Any] | None = None
    errors: list[ValidationError] = []
    for start, raw, found in _candidates(text, response_model):
        try:
            value = _validated(validator, raw, found, response_model)
        except ValidationError as error:
            errors.append(error)
            continue
        filled = _filled(found, value)
        if best is None or filled >= best[0]:
            best = (filled, start, value)
    if best is None:
        raise UnreadableAnswerError(_why(text, errors))
    return best[2], best[1]


def _candidates(text: str, response_model: Any) -> Iterator[tuple[int, str, Any]]:
    is_model = isinstance(response_model, type) and issubclass(response_model, BaseModel)
    has_fields = is_model and bool(response_model.model_fields.keys() - {"root"})
    for start, end, found in find_json(text, "{" if has_fields else "{["):
        yield start, text[start:end], found
        inner = list(found.values()) if isinstance(found, dict) else []
        if has_fields and len(inner) == 1 and isinstance(inner[0], dict) and inner[0]:
            child = next(iter((locate(text, start).members or {}).values()))
            yield child.start, text[child.start : child.end], inner[0]


def _validated(validator: TypeAdapter[Any], raw: str, found: Any, response_model: Any) -> Any:
    try:
        return _accepted(validator, raw)
    except ValidationError:
        schema = json_schema(response_model)
        aligned = _aligned(found, schema, schema.get("$defs", {}))
        return _accepted(validator, json.dumps(aligned))


def _accepted(validator: TypeAdapter[Any], raw: str) -> Any:
    try:
        return validator.validate_json(raw)
    except ValidationError:
        raise
    except Exception as error:  # a validator of the user's own may raise anything
        raise UnreadableAnswerError(f"the response model raised {error!r} on {raw[:120]!r}") from error


def _aligned(value: Any, schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Any:
    """The value with enum members written as the schema has them; the API may change their case.

    Source: doc:build-with-claude/structured-outputs.
    """
    if "$ref" in schema:
        schema = {**defs.get(schema["$ref"].removeprefix("#/$defs/"), {}), **schema}
    for option in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        value = _aligned(value, option, defs)
    if isinstance(value, str):
        members = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
        same = [each for each in members if isinstance(each, str) and each.casefold() == value.casefold()]
        return same[0] if len(same) == 1 else value
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties")
        rest = others if isinstance(others, Mapping) else {}
        return {key: _aligned(each, properties.get(key, rest), defs) for key, each in value.items()}
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        return [_aligned(each, schema["items"], defs) for each in value]
    return value


def _filled(found: Any, value: Any) -> int:
    """How much of the JSON the model took up: an empty {} in the prose fits any model of optional fields."""
    if isinstance(value, BaseModel):
        return len(value.model_fields_set)
    return len(found) if isinstance(found, dict | list) else 0


def _why(text: str, errors: Sequence[ValidationError]) -> str:
    if not errors:
        return f"the answer holds no JSON object: {text[:120]!r}"
    details = errors[-1].errors(include_url=False, include_context=False)
    shown = "; ".join(f"{_place(each['loc'])}: {each['msg']}" for each in details[:_SHOWN_ERRORS])
    more = f" and {len(details) - _SHOWN_ERRORS} more" if len(details) > _SHOWN_ERRORS else ""
    return f"the answer does not fit the response model: {shown}{more}"


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "root"
