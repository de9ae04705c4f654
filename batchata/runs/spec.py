"""The description of a run: all that a process needs to begin it or to go on with it. It holds no secret."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from batchata.core.fingerprints import namespace_of
from batchata.core.naming import MOST_CHARACTERS, slug
from batchata.errors import InputError
from batchata.io.paths import is_url
from batchata.job import DEFAULT_MODEL
from batchata.running.options import DEFAULT_ITEMS_PER_JOB, DEFAULT_PARALLEL_JOBS, RUNS_FOLDER
from batchata.runs import parameters as p

_NOT_THE_WORK = frozenset({
    "max_cost", "on_cost_limit", "answer_within", "items_per_job", "max_parallel_jobs", "results_dir", "state_dir",
    "home", "name", "credentials", "cache", "on_cancel", "wait", "sample", "task_runner", "shards",
    "approve_below", "prompt_caching",
})  # fmt: skip
"""How a run is carried out; with others of these it is the same work."""


class RunSpec(BaseModel):
    """The parameters of `run_batch`, checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: p.Files = []
    files_from: p.FilesFrom = None
    messages_file: p.MessagesFile = None
    prompt: p.Prompt = None
    prompt_file: p.PromptFile = None
    model: p.Model = DEFAULT_MODEL
    response_model: p.ResponseModel = None
    enable_citations: p.Citations = False
    max_tokens: p.MaxTokens = None
    params: p.Params = {}
    max_cost: p.MaxCost = None
    on_cost_limit: p.OnCostLimit = "pause"
    answer_within: p.AnswerWithin = None
    items_per_job: p.ItemsPerJob = DEFAULT_ITEMS_PER_JOB
    max_parallel_jobs: p.ParallelJobs = DEFAULT_PARALLEL_JOBS
    results_dir: p.ResultsDir = None
    state_dir: p.StateDir = None
    home: p.Home = str(RUNS_FOLDER)
    name: p.Name = None
    credentials: p.Credentials = None
    cache: p.Cache = True
    prompt_caching: p.PromptCaching = "auto"
    on_cancel: p.OnCancel = "leave"
    task_runner: p.TaskRunner = "threads"
    shards: p.Shards = 0
    wait: p.Wait = True
    sample: p.Sample = None
    approve_below: p.ApproveBelow = None

    @model_validator(mode="after")
    def _says_what_to_do(self) -> Self:
        given = [name for name in ("files", "files_from", "messages_file") if getattr(self, name)]
        if len(given) != 1:
            told = " and ".join(given) or "none of them"
            raise ValueError(f"give files, files_from or messages_file, and one of them only; {told} was given")
        if self.prompt and self.prompt_file:
            raise ValueError("give prompt or prompt_file, not both")
        if bool(self.prompt or self.prompt_file) == bool(self.messages_file):
            needs = "a conversation has its prompt in a message" if self.messages_file else "files need a prompt"
            raise ValueError(f"{needs}; see prompt and prompt_file")
        return self

    @field_validator("sample", mode="after")
    @classmethod
    def _is_a_share_or_a_number(cls, sample: float | None) -> float | None:
        if sample is not None and sample > 1 and not sample.is_integer():
            raise ValueError("a sample is a share below 1, or a whole number of items")
        return sample

    @property
    def sampled(self) -> float | None:
        """The sample as `BatchManager.run` takes it: JSON does not tell 50.0 items from 50."""
        return self.sample if self.sample is None or self.sample < 1 else int(self.sample)

    def carried_out_like(self, other: RunSpec) -> RunSpec:
        """The same work with the limits and places of another, except where the run itself lives."""
        how = _NOT_THE_WORK - {"state_dir", "home", "name"}
        return self.model_copy(update={name: getattr(other, name) for name in how})

    def for_a_visit(self) -> RunSpec:
        """The same for whoever looks in for a moment: asks nobody, needs no help."""
        return self.model_copy(update={"on_cost_limit": "stop", "task_runner": "threads", "shards": 0})

    @property
    def title(self) -> str:
        """What the run is called: a name, or the folder or file that its input comes from."""
        return self.name or self._input_title

    @property
    def _input_title(self) -> str:
        return _title_of(self.messages_file or self.files_from or self.files[0])

    @property
    def folder_name(self) -> str:
        """The same for the same work, however it is carried out, and whatever it is called."""
        work = self.model_dump(mode="json", exclude=set(_NOT_THE_WORK))
        work["files"] = [plainly(each) for each in self.files]
        return f"{slug(self._input_title)[:MOST_CHARACTERS]}-{namespace_of(work)}"


def plainly(place: str) -> str:
    """The same for `inbox`, `inbox/` and `./inbox`, which are one place."""
    return place.rstrip("/") if is_url(place) else posixpath.normpath(place)


def spec_of(parameters: Mapping[str, Any]) -> RunSpec:
    """Raises InputError that names each parameter that cannot be used."""
    try:
        return RunSpec.model_validate(parameters)
    except ValidationError as error:
        raise InputError(f"the run cannot be begun (nothing was sent): {'; '.join(_told(error))}") from error


def _told(error: ValidationError) -> list[str]:
    told = []
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        where = ".".join(str(part) for part in each["loc"])
        told.append(": ".join(part for part in (where, each["msg"].removeprefix("Value error, ")) if part))
    return told


def _title_of(source: str) -> str:
    """`invoices/*.pdf` -> invoices, `mail/2026.jsonl` -> 2026."""
    parts = [part for part in PurePosixPath(source).parts if part not in ("/", ".", "..")]
    plain = [part for part in parts if not re.search(r"[*?\[]", part)]
    if not plain:
        return "files"
    last = plain[-1]
    is_file = PurePosixPath(last).suffix and len(plain) == len(parts)
    if is_file and not last.endswith((".jsonl", ".txt")) and len(plain) > 1:
        return plain[-2]
    return PurePosixPath(last).stem if is_file else last
