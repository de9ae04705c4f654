"""The description of a run: all that a process needs to begin it or to go on with it. It holds no secret."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Self

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from batchata.core.fingerprints import namespace_of
from batchata.core.naming import MOST_CHARACTERS, slug
from batchata.core.spelling import is_own
from batchata.errors import InputError
from batchata.io.paths import is_url
from batchata.job import DEFAULT_MODEL
from batchata.running.options import RUNS_FOLDER
from batchata.runs import parameters as p

_NOT_THE_WORK = frozenset({
    "max_cost", "on_cost_limit", "answer_within", "items_per_job", "max_parallel_jobs", "results_dir", "state_dir",
    "home", "name", "credentials", "cache", "on_cancel", "wait", "sample", "task_runner", "shards",
    "approve_below", "upload", "quick", "prompt_caching",
})  # fmt: skip
"""How a run is carried out; with others of these it is the same work."""

_LATER = frozenset({"requests_file", "rows_file", "template", "id_column", "delimiter", "prompts_file"})
"""What can be said since 0.6: work of which nothing of it is said keeps the name of its folder."""

_INPUTS = ("files", "files_from", "messages_file", "requests_file", "rows_file")
_PROMPTS = ("prompt", "prompt_file", "prompts_file")


class RunSpec(BaseModel):
    """The parameters of `run_batch`, checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: p.Files = []
    files_from: p.FilesFrom = None
    messages_file: p.MessagesFile = None
    requests_file: p.RequestsFile = None
    rows_file: p.RowsFile = None
    template: p.Template = None
    id_column: p.IdColumn = None
    delimiter: p.Delimiter = None
    prompt: p.Prompt = None
    prompt_file: p.PromptFile = None
    prompts_file: p.PromptsFile = None
    upload: p.Upload = False
    model: p.Model = DEFAULT_MODEL
    response_model: p.ResponseModel = None
    enable_citations: p.Citations = False
    max_tokens: p.MaxTokens = None
    params: p.Params = {}
    max_cost: p.MaxCost = None
    on_cost_limit: p.OnCostLimit = "pause"
    answer_within: p.AnswerWithin = None
    items_per_job: p.ItemsPerJob = None
    max_parallel_jobs: p.ParallelJobs = None
    quick: p.Quick = False
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

    @model_validator(mode="before")
    @classmethod
    def _as_a_form_means_it(cls, given: Any) -> Any:
        """A field of a form that was emptied is sent as an empty text, and a JSON Schema may be pasted as one."""
        if not isinstance(given, dict):
            return given
        optional = {name for name, field in cls.model_fields.items() if field.default is None}
        said = {name: each for name, each in given.items() if each != "" or name not in optional}
        if isinstance(files := said.get("files"), list):
            said["files"] = [each for each in files if each != ""]
        schema = said.get("response_model")
        if isinstance(schema, str) and schema.lstrip().startswith("{"):
            said["response_model"] = _parsed(schema)
        return said

    @model_validator(mode="after")
    def _says_what_to_do(self) -> Self:
        if self.prompt and not self.prompt.strip():
            raise ValueError("the prompt is blank")
        given = self._given(*_INPUTS)
        if len(given) != 1:
            told = _marked(given, "and") or "none of them"
            names = _marked(_INPUTS, "or")
            raise ValueError(f"give {names}, and one of them only; {told} was given")
        self._check_prompts(self._given(*_PROMPTS), is_files=given[0] in ("files", "files_from"))
        self._check_rows()
        if self.upload and given[0] not in ("files", "files_from"):
            raise ValueError(f"`upload` is about files, and `{given[0]}` was given")
        return self

    def _given(self, *names: str) -> list[str]:
        return [name for name in names if getattr(self, name)]

    def _check_prompts(self, given: Sequence[str], *, is_files: bool) -> None:
        if len(given) > 1:
            raise ValueError(f"give {_marked(_PROMPTS, 'or')}, not {_marked(given, 'and')}")
        if given and not is_files:
            raise ValueError(f"a conversation has its prompt in a message; see `{given[0]}`")
        if is_files and not given:
            raise ValueError(f"files need a prompt; see {_marked(_PROMPTS, 'and')}")

    def _check_rows(self) -> None:
        told = self._given("template", "id_column", "delimiter")
        if told and not self.rows_file:
            raise ValueError(f"{_marked(told, 'and')} goes with `rows_file`, which was not given")
        if self.rows_file and not self.template:
            raise ValueError("`rows_file` needs a `template`, such as Classify: {subject} {body}")

    @field_validator("params", mode="after")
    @classmethod
    def _are_of_the_api_only(cls, params: dict[str, Any]) -> dict[str, Any]:
        if own := [name for name in params if is_own(name)]:
            raise ValueError(
                f"{_marked(own, 'and')} cannot be set as a parameter of the Messages API; say it by itself"
            )
        return params

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
        conversations = self.messages_file or self.requests_file or self.rows_file
        return _title_of(conversations or self.files_from or self.files[0])

    @property
    def folder_name(self) -> str:
        """The same for the same work, however it is carried out, and whatever it is called."""
        unsaid = {name for name in _LATER if not getattr(self, name)}
        work = self.model_dump(mode="json", exclude=set(_NOT_THE_WORK | unsaid))
        work["files"] = [plainly(each) for each in self.files]
        return f"{slug(self._input_title)[:MOST_CHARACTERS]}-{namespace_of(work)}"


def _parsed(schema: str) -> Any:
    try:
        return orjson.loads(schema)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"`response_model` begins as a JSON Schema does, and is no JSON: {error}") from error


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
        where = ".".join([*(f"`{part}`" for part in each["loc"][:1]), *map(str, each["loc"][1:])])
        told.append(": ".join(part for part in (where, each["msg"].removeprefix("Value error, ")) if part))
    return told


def _marked(names: Sequence[str], last: str) -> str:
    """Parameters, as messages name them (see `core/wording.py`)."""
    marked = [f"`{name}`" for name in names]
    return f" {last} ".join(part for part in (", ".join(marked[:-1]), *marked[-1:]) if part)


def _title_of(source: str) -> str:
    """`invoices/*.pdf` -> invoices, `mail/2026.jsonl` -> 2026."""
    parts = [part for part in PurePosixPath(source).parts if part not in ("/", ".", "..")]
    plain = [part for part in parts if not re.search(r"[*?\[]", part)]
    if not plain:
        return "files"
    last = plain[-1]
    is_file = PurePosixPath(last).suffix and len(plain) == len(parts)
    if is_file and not last.endswith((".jsonl", ".txt", ".csv", ".tsv", ".parquet")) and len(plain) > 1:
        return plain[-2]
    return PurePosixPath(last).stem if is_file else last
