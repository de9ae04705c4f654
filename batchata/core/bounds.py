"""The most a request can cost, known before it is sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from batchata.core.contents import Contents, contents_of
from batchata.core.items import Request
from batchata.core.pricing import US_GEO, Cost, Tokens, cost_of
from batchata.core.rates import Rates, rates_of
from batchata.errors import UnboundedCostError

IMAGE_TOKENS = 4_784
PAGE_TEXT_TOKENS = 3_000
ADDED_TOKENS = 2_000
"""What the API itself may add: the preambles of tools, citations and structured outputs, with a margin."""

CONTEXT_WINDOW = 1_000_000
_CLIENT_TOOLS = ("custom", "bash_", "text_editor_", "computer_", "memory_")
FRAME_TOKENS = 16
"""What a message or a block costs beside its content."""
_COUNT_MARGIN_PERCENT = 5


def bound(
    request: Request,
    *,
    input_tokens: int | None = None,
    contents: Contents | None = None,
    context_window: int = CONTEXT_WINDOW,
    rates: Rates | None = None,
    at: datetime | None = None,
) -> Cost:
    """An upper bound of the request's cost in a message batch.

    The prompt counts with `input_tokens`, where the API counted them, and 5 % on top; else with a ceiling: one
    token for each byte of text, a page of a PDF as an image and its text. It is never more than the context
    window. The answer counts with `max_tokens`, which caps thinking too. Everything up to the last breakpoint of the
    prompt cache is taken to be written, inference to be in the US. `contents`, those of the request, spares opening its
    PDFs once more.

    Raises UnknownPriceError, and UnboundedCostError for server tools without `max_uses`.
    Source: doc:about-claude/pricing, doc:build-with-claude/token-counting.
    """
    params = request["params"]
    rates = rates or rates_of(params["model"], at)
    rounds, searches = _server_tools(params)
    prompt, written = _prompt_tokens(params, input_tokens, contents)
    if rounds:
        prompt = written = context_window * (rounds + 1)
    prompt = min(prompt, context_window * (rounds + 1))
    tier = rates.for_prompt(min(prompt, context_window))
    lifetimes = set(_cache_lifetimes(params))
    written = min(written, prompt) if lifetimes else 0
    tokens = Tokens(
        input=prompt - written,
        output=params["max_tokens"] * (rounds + 1),
        write_5m=written if lifetimes == {"5m"} else 0,
        write_1h=written if "1h" in lifetimes else 0,
        read=0,
        searches=searches,
    )
    return cost_of(tokens, tier, geo=US_GEO)


def _prompt_tokens(params: Mapping[str, Any], counted: int | None, contents: Contents | None) -> tuple[int, int]:
    """All tokens, and those up to the last breakpoint; where all are counted it may be the last one."""
    if counted is not None:
        tokens = counted + counted * _COUNT_MARGIN_PERCENT // 100 + ADDED_TOKENS
        return tokens, tokens
    tokens = ADDED_TOKENS
    for name in ("system", "tools", "output_config"):
        if name in params:
            tokens += len(orjson.dumps(params[name]))
    written = tokens + _ceiling(contents_of(_beginning(params["messages"])))
    tokens += _ceiling(contents or contents_of(params["messages"]))
    return tokens, tokens if params.get("cache_control") else written


def _beginning(messages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The messages up to the last breakpoint in them."""
    for number in range(len(messages) - 1, -1, -1):
        content = messages[number]["content"]
        blocks = [] if isinstance(content, str) else content
        for last in range(len(blocks) - 1, -1, -1):
            if any(_cache_lifetimes(blocks[last])):
                return [*messages[:number], {"content": blocks[: last + 1]}]
    return []


def _ceiling(contents: Contents) -> int:
    """A page is an image and its text; a page that is dense has more text than pages usually have."""
    tokens = contents.text + contents.blocks * FRAME_TOKENS + contents.unknown * CONTEXT_WINDOW
    tokens += IMAGE_TOKENS * (len(contents.images) + len(contents.pages))
    return tokens + sum(max(PAGE_TEXT_TOKENS, text) for text in contents.pages)


def _server_tools(params: Mapping[str, Any]) -> tuple[int, int]:
    """How often the request can go round with the server's tools, and how many of that are web searches."""
    if params.get("mcp_servers"):
        raise UnboundedCostError("the request uses MCP servers, so its cost has no limit")
    rounds = searches = 0
    for tool in params.get("tools") or ():
        kind = tool.get("type") or "custom"
        if kind.startswith(_CLIENT_TOOLS):
            continue
        uses = tool.get("max_uses")
        if uses is None:
            raise UnboundedCostError(f"the tool {kind} has no max_uses, so the cost has no limit; set one")
        rounds += uses
        searches += uses if kind.startswith("web_search") else 0
    return rounds, searches


def _cache_lifetimes(node: Any) -> Iterator[str]:
    if isinstance(node, list | tuple):
        for each in node:
            yield from _cache_lifetimes(each)
    elif isinstance(node, Mapping):
        if isinstance(node.get("cache_control"), Mapping):
            yield "5m" if node["cache_control"].get("ttl") in (None, "5m") else "1h"
        for each in node.values():
            yield from _cache_lifetimes(each)
