"""Whether a parameter is one that somebody knows, or all but one."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from batchata.errors import InputError

_OWN_PARAMS = (
    "messages", "files", "prompt", "model", "response_model", "enable_citations", "max_tokens", "raw_results_dir",
    "client", "rates", "run_id", "attempt", "model_info", "items_per_job", "max_parallel_jobs", "max_cost",
    "state_path", "results_dir", "cache", "refresh_cache", "orchestrator", "on_cost_limit", "answer_within", "rounds",
    "cancel_on_exit", "lost_after", "task_runner", "shards", "shard_deployment",
    "prompts", "upload", "quick", "prompt_caching", "name", "save_results_dir",
)  # fmt: skip
_MEANT = {"citations": "enable_citations", "budget": "max_cost", "max_spend": "max_cost", "schema": "response_model"}
_API_PARAMS = (
    "system", "tools", "tool_choice", "thinking", "output_config", "metadata", "stop_sequences", "service_tier",
    "inference_geo", "temperature", "top_p", "top_k", "container", "context_management", "mcp_servers", "cache_control",
)  # fmt: skip


def check_spelling(params: Mapping[str, Any]) -> None:
    """A parameter nobody knows passes through, for the API may know it, unless it is all but one that we know."""
    for name in params:
        if name in _API_PARAMS:
            continue
        near = _MEANT.get(name) or next(
            iter(get_close_matches(name, (*_OWN_PARAMS, *_API_PARAMS), 1, cutoff=0.8)), None
        )
        if near:
            raise InputError(f"there is no parameter {name}; did you mean `{near}`?")


def is_own(name: str) -> bool:
    """Whether it names a parameter of ours, or one of the API's that has a place of its own here."""
    return name in _OWN_PARAMS


def is_parameter(name: str) -> bool:
    """Whether it names a parameter of the Messages API that is known here."""
    return name in _API_PARAMS or name in ("model", "max_tokens", "prompt")
