"""What the API checks in the params of one request, in the order in which it is found out."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson

from batchata.simulator.caching import check_breakpoints
from batchata.simulator.catalog import EFFORTS, Model, find_callable
from batchata.simulator.content import read_messages
from batchata.simulator.errors import ApiError, InvalidRequestError
from batchata.simulator.files import Files
from batchata.simulator.requests import Frame, Request, text_of
from batchata.simulator.schema_rules import check_schema
from batchata.simulator.shapes import find_schema, shape_of
from batchata.simulator.usage import frame_tokens

COUNTED = frozenset(
    {"model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control"}
)
KNOWN = COUNTED | {
    "max_tokens", "metadata", "stop_sequences", "stream", "service_tier", "inference_geo", "container",
    "context_management", "mcp_servers", "diagnostics", "user_profile_id",
}  # fmt: skip
SAMPLING = ("temperature", "top_p", "top_k")
NOT_IN_BATCHES = ("speed", "fallbacks")
SAMPLING_REMOVED = STRICT_BLOCKS = "2026-10-21"
LONG_OUTPUT = "output-300k-2026-03-24"
MIN_BUDGET = 1024


def check_item(params: dict[str, Any], version: str, betas: frozenset[str], files: Files) -> Request:
    """The request in a message batch item. InvalidRequestError or NotFoundError says what is wrong."""
    return _request(params, _frame(_without_messages(params), version, betas, counted=False), files)


def check_count(params: dict[str, Any], version: str, files: Files) -> Request:
    """The request of a count_tokens call, which takes no max_tokens."""
    return _request(params, _frame(_without_messages(params), version, frozenset(), counted=True), files)


def _request(params: dict[str, Any], frame: Frame | ApiError, files: Files) -> Request:
    if isinstance(frame, ApiError):
        raise frame.with_traceback(None)
    content = read_messages(params.get("messages"), frame, files)
    check_breakpoints(params)
    if len(content.citation_flags) > 1:
        raise InvalidRequestError("citations.enabled must be the same for all documents of a request")
    if content.citations and frame.formatted:
        raise InvalidRequestError("output_config.format: Structured outputs cannot be combined with citations")
    return Request(params, frame, content.texts, content.documents, content.citations)


def _without_messages(params: dict[str, Any]) -> bytes:
    return orjson.dumps({name: value for name, value in params.items() if name != "messages"})


@lru_cache(maxsize=256)
def _frame(params: bytes, version: str, betas: frozenset[str], *, counted: bool) -> Frame | ApiError:
    """The checked frame, or what is wrong with it: thousands of items are checked by one look."""
    try:
        return _checked(orjson.loads(params), version, betas, counted=counted)
    except ApiError as error:
        return error


def _checked(params: dict[str, Any], version: str, betas: frozenset[str], *, counted: bool) -> Frame:
    model = find_callable(params.get("model"))
    _check_keys(params, COUNTED if counted else KNOWN)
    _check_sampling(params, model, version)
    if params.get("stream"):
        raise InvalidRequestError("stream: Streaming is not supported in message batches")
    max_tokens = model.max_tokens or 0 if counted else _check_max_tokens(params, model, betas)
    _check_thinking(params, model, max_tokens)
    _check_output(params, model)
    _check_tools(params, model)
    _check_geo(params, model)
    return _framed(params, model, max_tokens, version)


def _framed(params: dict[str, Any], model: Model, max_tokens: int, version: str) -> Frame:
    output, thinking = params.get("output_config") or {}, params.get("thinking")
    schema = (output.get("format") or {}).get("schema")
    tool = _forced_tool(params)
    system = _system(params)
    asked = tool["input_schema"] if tool else schema
    found = find_schema(system) if asked is None else None
    return Frame(
        model=model,
        max_tokens=max_tokens,
        strict_blocks=version >= STRICT_BLOCKS,
        system=system,
        shape=shape_of(asked) if asked is not None else found and found[0],
        formatted=schema is not None,
        tool=str(tool["name"]) if tool else None,
        thinks=model.thinking_default if thinking is None else thinking["type"] != "disabled",
        effort=output.get("effort") or "high",
        budget=(thinking or {}).get("budget_tokens"),
        geo=params.get("inference_geo"),
        breakpoints=b'"cache_control"' in orjson.dumps(params),
        tokens=frame_tokens(params, model),
    )


def _forced_tool(params: dict[str, Any]) -> dict[str, Any] | None:
    choice = params.get("tool_choice") or {}
    tools = [tool for tool in params.get("tools") or () if "input_schema" in tool]
    if choice.get("type") == "tool":
        tools = [tool for tool in tools if tool.get("name") == choice.get("name")]
    elif choice.get("type") != "any":
        return None
    return tools[0] if tools else None


def _check_keys(params: dict[str, Any], known: frozenset[str]) -> None:
    unknown = params.keys() - known
    if not unknown:
        return
    if "output_format" in unknown:
        raise InvalidRequestError("output_format: This field is deprecated. Use 'output_config.format' instead.")
    for name in NOT_IN_BATCHES:
        if name in unknown:
            raise InvalidRequestError(f"{name}: This parameter is not supported in message batches")
    if rest := sorted(unknown - set(SAMPLING)):
        raise InvalidRequestError(f"{rest[0]}: Extra inputs are not permitted")
    if "max_tokens" not in known:
        raise InvalidRequestError(f"{min(unknown)}: Extra inputs are not permitted")


def _check_sampling(params: dict[str, Any], model: Model, version: str) -> None:
    for name in SAMPLING:
        if name not in params:
            continue
        if version >= SAMPLING_REMOVED:
            raise InvalidRequestError(f"{name}: Extra inputs are not permitted")
        if not model.sampling and params[name] != (1 if name == "temperature" else None):
            raise InvalidRequestError(f"{name}: This parameter is not supported for {model.id}")


def _check_max_tokens(params: dict[str, Any], model: Model, betas: frozenset[str]) -> int:
    given = params.get("max_tokens")
    if given is None:
        raise InvalidRequestError("max_tokens: Field required")
    if not isinstance(given, int) or isinstance(given, bool) or given < 1:
        raise InvalidRequestError("max_tokens: Input should be greater than or equal to 1")
    limit = model.max_tokens
    if LONG_OUTPUT in betas and model.max_tokens_batch_beta:
        limit = model.max_tokens_batch_beta
    if limit is not None and given > limit:
        raise InvalidRequestError(
            f"max_tokens: {given} > {limit}, which is the maximum allowed number of output tokens for {model.id}"
        )
    return given


def _check_thinking(params: dict[str, Any], model: Model, max_tokens: int) -> None:
    thinking = params.get("thinking")
    if thinking is None:
        return
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if kind not in ("adaptive", "enabled", "disabled", "between_tools"):
        raise InvalidRequestError("thinking.type: Input should be 'adaptive', 'between_tools', 'disabled' or 'enabled'")
    if kind not in model.thinking_types:
        adaptive = "adaptive thinking is not supported on this model"
        other = f'"thinking.type.{kind}" is not supported for this model.'
        raise InvalidRequestError(adaptive if kind == "adaptive" else other)
    if kind == "enabled":
        _check_budget(thinking.get("budget_tokens"), max_tokens)
    effort = (params.get("output_config") or {}).get("effort")
    if kind == "disabled" and model.disabled_needs_low_effort and effort in ("xhigh", "max"):
        raise InvalidRequestError(f'"thinking.type.disabled" is not supported for this model at effort {effort}.')


def _check_budget(budget: object, max_tokens: int) -> None:
    if not isinstance(budget, int) or budget < MIN_BUDGET:
        raise InvalidRequestError(
            f"thinking.enabled.budget_tokens: Input should be greater than or equal to {MIN_BUDGET}"
        )
    if budget >= max_tokens:
        raise InvalidRequestError("`max_tokens` must be greater than `thinking.budget_tokens`.")


def _system(params: dict[str, Any]) -> str:
    system = params.get("system")
    if system is None or isinstance(system, str):
        return system or ""
    texts = system if isinstance(system, list) else [None]
    if any(not isinstance(block, dict) or not isinstance(block.get("text"), str) for block in texts):
        raise InvalidRequestError("system: Input should be a string or a list of text blocks")
    return text_of(system)


def _check_output(params: dict[str, Any], model: Model) -> None:
    output = params.get("output_config")
    if output is None:
        return
    if not isinstance(output, dict):
        raise InvalidRequestError("output_config: Input should be a valid dictionary")
    _check_effort(output.get("effort"), model)
    form = output.get("format")
    if form is None:
        return
    if not isinstance(form, dict) or form.get("type") != "json_schema" or not isinstance(form.get("schema"), dict):
        raise InvalidRequestError("output_config.format: Input should be a 'json_schema' with a schema")
    if not model.structured_outputs:
        raise InvalidRequestError(f"output_config.format: Structured outputs are not supported for {model.id}")
    check_schema(orjson.dumps(form["schema"]))


def _check_effort(effort: object, model: Model) -> None:
    if effort is None:
        return
    if effort not in EFFORTS:
        raise InvalidRequestError(f"output_config.effort: Input should be one of {', '.join(EFFORTS)}")
    if not model.effort:
        raise InvalidRequestError(f"output_config.effort: This parameter is not supported for {model.id}")


def _check_tools(params: dict[str, Any], model: Model) -> None:
    choice = params.get("tool_choice")
    kind = choice.get("type") if isinstance(choice, dict) else None
    if choice is not None and kind not in ("auto", "any", "tool", "none"):
        raise InvalidRequestError("tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'")
    if kind in ("any", "tool"):
        _check_forced(params, model)
    strict = [tool for tool in params.get("tools") or () if tool.get("strict")]
    if len(strict) > 20:
        raise InvalidRequestError(f"tools: At most 20 strict tools are allowed, {len(strict)} were given")
    for tool in strict:
        check_schema(orjson.dumps(tool.get("input_schema") or {}))


def _check_forced(params: dict[str, Any], model: Model) -> None:
    if not model.forced_tool_choice:
        raise InvalidRequestError("tool_choice: Forced tool use is not supported for this model. Use 'auto' or 'none'.")
    if not params.get("tools"):
        raise InvalidRequestError("tool_choice: Tools must be given when tool use is forced")
    if (params.get("thinking") or {}).get("type") in ("enabled", "adaptive"):
        raise InvalidRequestError("Thinking may not be enabled when tool_choice forces tool use.")


def _check_geo(params: dict[str, Any], model: Model) -> None:
    geo = params.get("inference_geo")
    if geo is None:
        return
    if geo not in ("us", "global"):
        raise InvalidRequestError("inference_geo: Input should be 'us' or 'global'")
    if not model.inference_geo:
        raise InvalidRequestError(f"inference_geo: This parameter is not supported for {model.id}")
