"""A message names a parameter as code, `max_cost`; who shows it somewhere else than in Python spells it as it is there.

In Python a message stays as it was written, so that one may be part of another, be kept and be spelled later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from shlex import quote
from types import MappingProxyType
from typing import Literal

Surface = Literal["python", "form", "shell"]
"""Where somebody can do something about a run: in a program, in the form of a deployment, in a shell."""

_QUOTES = "'\""
_NAMED = re.compile(r"`([a-z_]+)(?:=([^`]*)|\([^`]*\))?`")

_SAME_OPTION = (
    "files_from", "template", "id_column", "delimiter", "upload", "prompt", "prompt_file", "prompts_file", "model",
    "response_model", "max_tokens", "max_cost", "on_cost_limit", "answer_within", "sample", "approve_below",
    "results_dir", "name", "quick", "items_per_job", "max_parallel_jobs", "cache", "prompt_caching", "on_cancel",
    "credentials", "task_runner", "shards", "orchestrator", "output_tokens", "format",
)  # fmt: skip

COMMAND_LINE: Mapping[str, str] = MappingProxyType({
    **{name: f"--{name.replace('_', '-')}" for name in _SAME_OPTION},
    "files": "FILES",
    "messages": "--messages",
    "messages_file": "--messages",
    "requests_file": "--requests",
    "rows_file": "--rows",
    "prompts": "--prompts-file",
    "enable_citations": "--citations",
    "params": "--param",
    "state_path": "--out",
    "state_dir": "--out",
    "approve": "--yes",
    "cancel_on_exit": "--on-cancel cancel",
    "cache=True": "--cache yes",
    "client": "the name of a Prefect block in --credentials",
    "expand_files": "the folder itself in FILES",
    "rates": "rates=Rates(input=..., output=...) of BatchManager, in Python",
    "run(sample=..., approve=...)": "without it `batchata run`",
    "run()": "run",
    "run(sample=None)": "`batchata run` with --yes",
    "run(wait=True)": "`batchata run`",
    "retry_failed": "`batchata retry`",
    "cancel": "`batchata cancel`",
})  # fmt: skip
"""What is typed in a shell, by the parameter's name in Python or in the form of a deployment, or by all of the code."""

FORM: Mapping[str, str] = MappingProxyType({
    "state_path": "`state_dir`",
    "messages": "`messages_file`",
    "prompts": "`prompts_file`",
    "cancel_on_exit": "`on_cancel`",
    "client": "the name of a Prefect block in `credentials`",
    "expand_files": "the folder itself in `files`",
    "run(sample=..., approve=...)": "with it `run-batch`",
    "run()": "start the same deployment",
    "run(sample=None)": "`run-batch` without a `sample`",
    "run(wait=True)": "the deployment `collect-due`",
    "retry_failed": "the deployment `retry-failed`",
    "cancel": "the deployment `cancel`",
})  # fmt: skip
"""The same for the parameters of a deployment, where they are called otherwise."""


def words_of(surface: Surface) -> Mapping[str, str]:
    """What parameters are called there; nothing for Python, whose words messages are written in."""
    return _WORDS.get(surface, {})


_WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType({"form": FORM, "shell": COMMAND_LINE})


def spelled(message: str, names: Mapping[str, str]) -> str:
    """A message as one reads it where parameters have these names; what is not among them stays as it is."""
    return _NAMED.sub(lambda found: _spelled(found, names), message)


def _spelled(found: re.Match[str], names: Mapping[str, str]) -> str:
    code, name, value = found[0][1:-1], found[1], found[2]
    if code in names:
        return names[code]
    if name not in names:
        return found[0]
    there = names[name]
    if not value or not there.startswith(("--", "`")) or " " in there:
        return there
    if there.startswith("`"):
        return f"{there[:-1]}={value}`"
    return there if value == "True" else f"{there} {quote(value.strip(_QUOTES))}"
