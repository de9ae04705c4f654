"""A request that passed the checks, in the parts the rules look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from batchata.simulator.catalog import Model
from batchata.simulator.reading import Document
from batchata.simulator.shapes import Shape


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything of a request but its messages; the items of a message batch mostly share one.

    `shape` is asked for by output_config.format, by a forced `tool`, or by the system prompt.
    `tokens` are those of the prompt without its messages.
    """

    model: Model
    max_tokens: int
    strict_blocks: bool
    system: str
    shape: Shape | None
    formatted: bool
    tool: str | None
    thinks: bool
    effort: str
    budget: int | None
    geo: str | None
    breakpoints: bool
    tokens: int


@dataclass(frozen=True, slots=True)
class Request:
    """`params` is what was sent. `texts` are the user's text blocks in order, without documents."""

    params: dict[str, Any]
    frame: Frame
    texts: list[str]
    documents: list[Document]
    citations: bool

    @property
    def model(self) -> Model:
        return self.frame.model


def text_of(content: object) -> str:
    """The text of a string or of a list of text blocks."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n".join(block["text"] for block in content if isinstance(block, dict) and block.get("type") == "text")
