"""How many tokens the API counts for a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from batchata.io.faults import reading

if TYPE_CHECKING:
    from anthropic import Anthropic

_COUNTED = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control")


def count_tokens(client: Anthropic, params: Mapping[str, Any]) -> int:
    """The tokens of the prompt, as the API estimates them, free of charge (doc:build-with-claude/token-counting).

    Raises the errors of `poll`.
    """
    body = {name: params[name] for name in _COUNTED if name in params}
    with reading("count tokens"):
        raw: Any = client.post("/v1/messages/count_tokens", body=body, cast_to=object)
        return int(raw["input_tokens"])
