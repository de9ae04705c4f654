"""The models the simulator knows, their limits and what each refuses."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import orjson

from batchata.simulator.errors import NotFoundError

EFFORTS = ("low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class Model:
    """One row of `models.json`. Token limits are None where no source gives them."""

    id: str
    aliases: tuple[str, ...]
    display_name: str
    created_at: str
    line: str | None
    lifecycle: str
    deprecated_at: str | None
    retires_at: str | None
    max_input_tokens: int | None
    max_tokens: int | None
    max_tokens_batch_beta: int | None
    structured_outputs: bool
    citations: bool
    pdf: bool
    thinking_types: tuple[str, ...]
    thinking_default: bool
    disabled_needs_low_effort: bool
    sampling: bool
    forced_tool_choice: bool
    prefill: bool
    inference_geo: bool
    effort: bool
    min_cacheable_tokens: int
    image_tier: str
    pdf_pages_max: int
    tokenizer: str

    @property
    def callable(self) -> bool:
        return self.lifecycle != "retired"

    def info(self) -> dict[str, Any]:
        """The ModelInfo object of `doc:api/models/retrieve`."""
        return {
            "id": self.id,
            "type": "model",
            "display_name": self.display_name,
            "created_at": self.created_at,
            "line": self.line,
            "lifecycle": self.lifecycle,
            "deprecated_at": self.deprecated_at,
            "retires_at": self.retires_at,
            "max_input_tokens": self.max_input_tokens,
            "max_tokens": self.max_tokens,
            "capabilities": self._capabilities(),
        }

    def _capabilities(self) -> dict[str, Any]:
        types = ("adaptive", "between_tools", "disabled", "enabled")
        effort = {level: _flag(self.effort) for level in EFFORTS}
        thinking = {name: _flag(name in self.thinking_types) for name in types}
        return {
            "batch": _flag(self.callable),
            "citations": _flag(self.citations),
            "code_execution": _flag(self.callable),
            "image_input": _flag(self.callable),
            "pdf_input": _flag(self.pdf),
            "structured_outputs": _flag(self.structured_outputs),
            "effort": {"supported": self.effort, **effort},
            "thinking": {"supported": bool(self.thinking_types), "types": thinking},
        }


def _flag(supported: bool) -> dict[str, bool]:  # noqa: FBT001 - it wraps the one value
    return {"supported": supported}


@cache
def all_models() -> tuple[Model, ...]:
    """Every model, newest first."""
    rows = orjson.loads(resources.files("batchata.simulator").joinpath("models.json").read_bytes())
    models = [_model(row) for row in rows]
    return tuple(sorted(models, key=lambda model: model.created_at, reverse=True))


def _model(row: dict[str, Any]) -> Model:
    lists = {key: tuple(value) for key, value in row.items() if isinstance(value, list)}
    return Model(**{**row, **lists})


@cache
def _by_name() -> dict[str, Model]:
    names = {alias: model for model in all_models() for alias in model.aliases}
    return names | {model.id: model for model in all_models()}


def find(name: object) -> Model:
    """The model of that id or alias, retired ones too; NotFoundError otherwise."""
    model = _by_name().get(name) if isinstance(name, str) else None
    if model is None:
        raise NotFoundError(f"model: {name}")
    return model


def find_callable(name: object) -> Model:
    """Like `find`, but a retired model is not found either."""
    model = find(name)
    if not model.callable:
        raise NotFoundError(f"model: {name}")
    return model
