"""A checked request -> the message that answers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from batchata.simulator.caching import PromptCache, Seat, Split
from batchata.simulator.corpus import Corpus
from batchata.simulator.extracting import extract
from batchata.simulator.faults import Outcome
from batchata.simulator.filling import fill
from batchata.simulator.requests import Request
from batchata.simulator.shapes import Shape, find_schema
from batchata.simulator.usage import characters, text_tokens
from batchata.simulator.writing import Block, Style, cited, plain, text_block, uncited

THINKING_SHARE = {"low": 0.1, "medium": 0.2, "high": 0.3, "xhigh": 0.6, "max": 1.0}
THINKING_FLOOR = 16
SIGNATURE = "c2ltdWxhdGVk"


@dataclass(slots=True)
class Draft:
    """An answer before it is cut to max_tokens and billed."""

    blocks: list[Block]
    stop_reason: str = "end_turn"
    stop_details: dict[str, Any] | None = None
    thinking_tokens: int = 0


def answer(
    request: Request, style: Style, cache: PromptCache, key: str, ordered: Outcome | None, seat: Seat
) -> dict[str, Any]:
    """The Message object; `key` makes its id, `ordered` is a fault to commit on purpose."""
    draft = Draft(_blocks(request, style))
    written = _text_tokens(request, draft)
    if request.frame.thinks:
        draft.thinking_tokens = _thinking_tokens(request, written)
    if ordered is not None:
        _spoil(draft, ordered)
        written = _text_tokens(request, draft)
    tokens = _cut(request, draft, written)
    content = [_thinking_block(request)] * bool(draft.thinking_tokens) + draft.blocks
    return {
        "id": f"msg_sim_{key}",
        "type": "message",
        "role": "assistant",
        "model": request.model.id,
        "content": content,
        "stop_reason": draft.stop_reason,
        "stop_sequence": None,
        "stop_details": draft.stop_details,
        "usage": _usage(request, cache.split(request, seat), tokens, draft.thinking_tokens),
    }


def _blocks(request: Request, style: Style) -> list[Block]:
    frame = request.frame
    if frame.tool is not None and frame.shape is not None:
        value = fill(frame.shape, Corpus.of(request), forced=False).value
        return [{"type": "tool_use", "id": "toolu_sim_1", "name": frame.tool, "input": value}]
    if frame.formatted and frame.shape is not None:
        return plain(fill(frame.shape, Corpus.of(request), forced=True).value)
    shape, without = _instructed(request)
    if shape is None:
        return extract(request)
    filled = fill(shape, Corpus.of(request, without), forced=False)
    return cited(filled, style) if request.citations else uncited(filled.value, style)


def _instructed(request: Request) -> tuple[Shape | None, str]:
    """The schema that the system prompt or a text of the user spells out, and its text there."""
    if request.frame.shape is not None:
        return request.frame.shape, ""
    for text in request.texts:
        found = find_schema(text)
        if found is not None:
            shape, start, end = found
            return shape, text[start:end]
    return None, ""


def _thinking_tokens(request: Request, written: int) -> int:
    tokens = int((THINKING_FLOOR + written) * THINKING_SHARE[request.frame.effort])
    budget = request.frame.budget
    return min(tokens, budget) if budget else tokens


def _thinking_block(request: Request) -> Block:
    """Newer models leave the text out unless it is asked for."""
    shown = "enabled" in request.model.thinking_types and "adaptive" not in request.model.thinking_types
    return {"type": "thinking", "thinking": "Reading what was sent." if shown else "", "signature": SIGNATURE}


def _text_tokens(request: Request, draft: Draft) -> int:
    return text_tokens("".join([_written(block) for block in draft.blocks]), request.model)


def _written(block: Block) -> str:
    return block["text"] if block["type"] == "text" else str(block["input"])


def _spoil(draft: Draft, ordered: Outcome) -> None:
    if ordered.kind == "refused":
        draft.blocks, draft.stop_reason, draft.thinking_tokens = [], "refusal", 0
        explanation = ordered.message or "The request was declined."
        draft.stop_details = {"type": "refusal", "category": ordered.category, "explanation": explanation}
    elif ordered.kind == "truncated":
        length = sum(len(_written(block)) for block in draft.blocks)
        draft.blocks, draft.stop_reason = _shortened(draft.blocks, length // 2), "max_tokens"
    elif ordered.kind == "invalid":
        draft.blocks = [text_block("I could not put this into the form that was asked for.")]


def _cut(request: Request, draft: Draft, written: int) -> int:
    """Hold the answer to max_tokens, thinking included; returns the output tokens."""
    limit = request.frame.max_tokens
    tokens = draft.thinking_tokens + written
    if tokens <= limit:
        if any(block["type"] == "tool_use" for block in draft.blocks):
            draft.stop_reason = "tool_use"
        return tokens
    draft.stop_reason = "max_tokens"
    draft.thinking_tokens = min(draft.thinking_tokens, limit)
    draft.blocks = _shortened(draft.blocks, characters(limit - draft.thinking_tokens, request.model))
    return limit


def _shortened(blocks: list[Block], length: int) -> list[Block]:
    kept: list[Block] = []
    for block in blocks:
        if length <= 0 or block["type"] != "text":
            break
        kept.append({**block, "text": block["text"][:length]})
        length -= len(block["text"])
    return kept


def _usage(request: Request, split: Split, output: int, thinking: int) -> dict[str, Any]:
    return {
        "input_tokens": split.plain,
        "cache_creation_input_tokens": split.written_5m + split.written_1h,
        "cache_read_input_tokens": split.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": split.written_5m,
            "ephemeral_1h_input_tokens": split.written_1h,
        },
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": thinking},
        "server_tool_use": None,
        "service_tier": "batch",
        "inference_geo": request.frame.geo or "not_available",
    }
