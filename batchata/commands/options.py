"""The options that describe a run, and the description that comes of them. A field is called as in `RunSpec`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from cyclopts import Group, Parameter

from batchata.commands.filenames import FileName
from batchata.core.exits import UsageError
from batchata.errors import InputError
from batchata.io.listing import read_text
from batchata.runs.folder import RunFolder
from batchata.runs.spec import RunSpec, spec_of

_READ_FROM_FILE = (".txt", ".md")
_INPUTS = ("files", "files_from", "messages_file", "requests_file", "rows_file")
_PROMPTS = ("prompt", "prompt_file", "prompts_file")
_COMMON = Group("Most used", sort_key=0)
MONEY = Group("Money", sort_key=3)
HOW = Group("How it is carried out", sort_key=5)


@Parameter(name="*", group=Group("Input", sort_key=1))
@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What goes in, beside the files."""

    files_from: FileName | None = None
    """A text file that names one path or URL a line, instead of FILES."""

    messages_file: Annotated[FileName | None, Parameter(name=["--messages", "--messages-file"])] = None
    """JSON Lines, each line one conversation (a list of messages), instead of FILES."""

    requests_file: Annotated[FileName | None, Parameter(name=["--requests", "--requests-file"])] = None
    """JSON Lines of the API's own requests, {"custom_id": ..., "params": {...}}, which go out as they are."""

    rows_file: Annotated[FileName | None, Parameter(name=["--rows", "--rows-file"])] = None
    """A CSV or Parquet file, each row of which fills in --template."""

    template: str | None = None
    """The prompt for each row, with columns in braces: "Classify: {subject} {body}"."""

    id_column: str | None = None
    """The column that names the rows in the results."""

    delimiter: str | None = None
    """What parts the cells of a CSV file. Default: comma, semicolon, tab or bar, whichever it is."""

    upload: bool | None = None
    """Files go up through the Files API, each once, and are deleted afterwards: for large ones."""


@Parameter(name="*", group=Group("What is asked", sort_key=2))
@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be done with each item."""

    prompt: Annotated[FileName | None, Parameter(group=_COMMON)] = None
    """What is to be done with each file. A value that ends in .txt or .md, or begins with @, names a file with it."""

    prompt_file: FileName | None = None
    """A file or URL that holds the prompt, whatever it is called."""

    prompts_file: FileName | None = None
    """Several prompts, one a line; each file is sent with each of them."""

    model: Annotated[str | None, Parameter(group=_COMMON)] = None
    """The id of a Claude model; `batchata models` lists them."""

    response_model: Annotated[FileName | None, Parameter(group=_COMMON)] = None
    """What an answer becomes: models.py:Invoice, package.module:Invoice, or a JSON Schema in a .json file."""

    enable_citations: Annotated[bool | None, Parameter(name="--citations", group=_COMMON)] = None
    """Say for each field which page of which document it was taken from."""

    max_tokens: int | None = None
    """The longest answer, in tokens."""

    params: Annotated[list[str] | None, Parameter(name=["--param", "-p"])] = None
    """Another parameter of the Messages API as name=JSON, such as -p 'system="Be brief."'; as often as needed."""


@Parameter(name="*", group=MONEY)
@dataclass(frozen=True, kw_only=True)
class Money:
    """What it may cost."""

    max_cost: Annotated[float | None, Parameter(group=_COMMON)] = None
    """US dollars that the run never passes, all its starts together."""

    on_cost_limit: Literal["stop", "pause"] | None = None
    """At the limit: stop (the default here), or pause and ask in the Prefect UI."""

    answer_within: float | None = None
    """Seconds for an answer in the Prefect UI; without it there is no end."""

    sample: Annotated[float | None, Parameter(group=_COMMON)] = None
    """Send a random sample first, a share (0.01) or a number of items (50), show what all would cost, and ask."""

    approve_below: float | None = None
    """US dollars: go on after the sample without asking when the forecast's upper end is at most this."""


@Parameter(name="*", group=Group("Place", sort_key=4))
@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the run lives."""

    state_dir: Annotated[FileName | None, Parameter(name=["--out", "-o"], group=_COMMON)] = None
    """The folder of the run: ledger, description, results. Default: one below .batchata, named after the work."""

    results_dir: FileName | None = None
    """Another folder, or a URL, for the results."""

    name: str | None = None
    """What the run is called. Default: after its input."""

    config: Path | None = None
    """A .toml or .json file with any of these settings, by the names of the flow's parameters; options win over it."""


@Parameter(name="*", group=HOW)
@dataclass(frozen=True, kw_only=True)
class How:
    """How the run is carried out."""

    wait: Annotated[bool | None, Parameter(negative="--no-wait", group=_COMMON)] = None
    """Wait for the batches (the default), or send what may be sent and return."""

    quick: bool | None = None
    """First results early: many small batches side by side."""

    items_per_job: int | None = None
    """Items in one message batch."""

    max_parallel_jobs: int | None = None
    """Message batches in flight at a time."""

    cache: str | None = None
    """Answers to identical requests of earlier runs: yes (the default), no, or a Prefect storage block."""

    prompt_caching: Literal["auto", "off", "5m", "1h"] | None = None
    """Let items share what they begin with in the prompt cache: where it saves money (auto), for how long, or never."""

    on_cancel: Literal["leave", "cancel"] | None = None
    """On Ctrl-C: leave the batches, which the next run collects (the default), or cancel them too."""

    credentials: str | None = None
    """The name of an AnthropicCredentials block. Default: the environment, or .env."""

    task_runner: Literal["threads", "dask", "ray"] | None = None
    """Who does the heavy part of each job, of a run in Prefect."""

    shards: int | None = None
    """So many flow runs of work-shard help, of a run in Prefect."""


Options = Inputs | Work | Money | Places | How


def spec_from(files: Sequence[str], *groups: Options) -> RunSpec:
    """The description of a run: of the options, or, without any input, of the run in --out with the options over it.

    Raises UsageError for what does not go together, InputError for a run that cannot be gone on with from here.
    """
    told = _told(files, groups)
    if not any(told.get(name) for name in _INPUTS):
        told = _gone_on(told)
    try:
        return spec_of({"on_cost_limit": "stop"} | told)
    except InputError as error:
        raise UsageError(str(error)) from error


def _told(files: Sequence[str], groups: Sequence[Options]) -> dict[str, Any]:
    """What was said, by the names of `RunSpec`."""
    given: dict[str, Any] = {"files": list(files) or None}
    for group in groups:
        given |= asdict(group)
    config = given.pop("config", None)
    said = {name: value for name, value in given.items() if value is not None}
    if "prompt" in said and "prompt_file" not in said:
        said |= prompt_option(said.pop("prompt"))
    if "params" in said:
        said["params"] = dict(map(param_option, said["params"]))
    if "cache" in said:
        said["cache"] = {"yes": True, "no": False}.get(said["cache"], said["cache"])
    if str(said.get("response_model", "")).endswith(".json"):
        said["response_model"] = _parsed(Path(said["response_model"]))
    return (_beside(said, _parsed(config)) if config else {}) | said


def _beside(said: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without the input or prompt of which another kind was said."""
    others = {name for kinds in (_INPUTS, _PROMPTS) if said.keys() & set(kinds) for name in kinds}
    return {name: value for name, value in settings.items() if name not in others}


def prompt_option(value: str) -> Mapping[str, str]:
    """The prompt itself, or the file that holds it. Raises UsageError for the name of a file that is not there."""
    if value.startswith("@"):
        return {"prompt_file": value[1:]}
    if not value.endswith(_READ_FROM_FILE) or len(value.split()) > 1:
        return {"prompt": value}
    if Path(value).is_file():
        return {"prompt_file": value}
    raise UsageError(
        f"--prompt {value} looks like the name of a file, and there is no such file here ({Path.cwd()}). If it is the "
        "prompt itself, put it into a file"
    )


def param_option(text: str) -> tuple[str, Any]:
    """`name=JSON`; what is no JSON is text. Raises UsageError."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"--param {text}: write name=JSON, such as -p temperature=0.2 or -p 'system=\"Be brief.\"'")
    try:
        return name, orjson.loads(value)
    except orjson.JSONDecodeError:
        return name, value


def _parsed(path: Path) -> dict[str, Any]:
    text = read_text(str(path))
    try:
        found = tomllib.loads(text) if path.suffix == ".toml" else orjson.loads(text)
    except ValueError as error:
        raise UsageError(f"{path} cannot be read as {path.suffix[1:] or 'JSON'}: {error}") from error
    if not isinstance(found, dict):
        raise UsageError(f"{path} holds no object of settings")
    return found


def _gone_on(told: dict[str, Any]) -> dict[str, Any]:
    """The description that is in the folder, with what was said over it."""
    place = told.get("state_dir")
    folder = None if place is None else RunFolder.at(place)
    if folder is None or not folder.exists():
        nowhere = "" if folder is None else f" (there is no run in {folder.path} to go on with)"
        raise UsageError(f"give files, or --messages, --requests or --rows, or --out with a run to go on with{nowhere}")
    described = folder.spec().model_dump(mode="json", exclude_defaults=True)
    described.pop("on_cost_limit", None)
    return _beside(told, described) | told | {"state_dir": str(folder.path)}
