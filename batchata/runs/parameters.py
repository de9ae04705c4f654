"""What a described run can be told: types with the sentences that the Prefect UI shows beside each field."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

from pydantic import Field, PositiveFloat, PositiveInt
from pydantic.fields import FieldInfo

from batchata.core.caching import Mode

F = TypeVar("F", bound=Callable[..., Any])


def described(function: F) -> F:
    """Adds what is said of its parameters here to the docstring, the only place where Prefect reads it for the form."""
    told = [f"    {name}: {sentence}" for name, hint in _hints(function).items() if (sentence := _sentence(hint))]
    function.__doc__ = "\n".join([inspect.getdoc(function) or "", "", "Args:", *told])
    return function


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    hints = get_type_hints(function, include_extras=True)
    return {name: hint for name, hint in hints.items() if name != "return"}


def _sentence(hint: Any) -> str | None:
    fields = [each for each in getattr(hint, "__metadata__", ()) if isinstance(each, FieldInfo)]
    return fields[0].description if fields else None


Files = Annotated[
    list[str],
    Field(
        description="Paths, globs, folders or fsspec URLs (s3://bucket/invoices/); each file is sent with the prompt."
    ),
]
FilesFrom = Annotated[
    str | None,
    Field(
        description="A text file that names one path or URL a line, where there are too many to list; an odd name as a "
        "JSON string."
    ),
]
MessagesFile = Annotated[
    str | None,
    Field(description="Instead of files: a JSON Lines file, each line one conversation (a list of messages)."),
]
RequestsFile = Annotated[
    str | None,
    Field(
        description="Instead of files: a JSON Lines file of requests as the API takes them, "
        '{"custom_id": ..., "params": {...}} a line; they go out as they are.'
    ),
]
RowsFile = Annotated[
    str | None,
    Field(description="Instead of files: a CSV or Parquet file, each row of which fills in the template."),
]
Template = Annotated[
    str | None,
    Field(description="The prompt for each row of rows_file, with columns in braces: Classify: {subject} {body}"),
]
IdColumn = Annotated[str | None, Field(description="The column of rows_file that names its rows in the results.")]
Delimiter = Annotated[
    str | None, Field(description="What parts the cells of a CSV file. Default: comma, semicolon, tab or bar.")
]
PromptsFile = Annotated[
    str | None,
    Field(
        description="A text file with several prompts, one a line; each file is sent with each of them. In a .jsonl a "
        'JSON string a line, or {"id": ..., "prompt": ...}.'
    ),
]
Upload = Annotated[
    bool,
    Field(
        description="Files go up through the Files API, each once, and are deleted afterwards: for one large file with "
        "many prompts, or files of more than 20 MB."
    ),
]
Prompt = Annotated[str | None, Field(description="What is to be done with each file.")]
PromptFile = Annotated[str | None, Field(description="A text file with the prompt, instead of the prompt.")]
Model = Annotated[str, Field(description="The id of a Claude model.", min_length=1)]
ResponseModel = Annotated[
    str | dict[str, Any] | None,
    Field(
        description="What an answer is turned into: a Pydantic model as package.module:Model or models.py:Model, or a "
        "JSON Schema of an object, also as text. Without it answers are text."
    ),
]
Citations = Annotated[bool, Field(description="Say for each field which page of which document it was taken from.")]
MaxTokens = Annotated[PositiveInt | None, Field(description="The longest answer, in tokens.")]
Params = Annotated[
    dict[str, Any], Field(description="Other parameters of the Messages API, such as system or thinking.")
]
MaxCost = Annotated[PositiveFloat | None, Field(description="US dollars that the run never passes.")]
PickupCost = Annotated[PositiveFloat | None, Field(description="US dollars that one pickup never passes.")]
OnCostLimit = Annotated[
    Literal["pause", "stop"],
    Field(description="At the limit: pause and ask for a new one in the UI, or stop and leave the rest."),
]
AnswerWithin = Annotated[
    PositiveFloat | None, Field(description="Seconds for an answer to the pause form; without it there is no end.")
]
ItemsPerJob = Annotated[
    Annotated[int, Field(ge=1, le=100_000)] | None, Field(description="Items in one message batch. Default: 1,000.")
]
ParallelJobs = Annotated[
    Annotated[int, Field(ge=1, le=10_000)] | None,
    Field(description="Message batches in flight at a time. Default: 10."),
]
Quick = Annotated[
    bool,
    Field(description="First results early: up to 50 small batches side by side, five items in the first, then more."),
]
ResultsDir = Annotated[
    str | None, Field(description="Folder or fsspec URL for the results. Default: beside the state of the run.")
]
StateDir = Annotated[
    str | None,
    Field(
        description="Folder for the ledger, on a disk that every worker of the pool sees. Default: a folder below home "
        "that is named after the work, so that the same work is gone on with and never paid twice."
    ),
]
Home = Annotated[str, Field(description="Where runs keep their state unless they say otherwise.", min_length=1)]
Name = Annotated[str | None, Field(description="What the run is called in the UI. Default: after its input.")]
Credentials = Annotated[
    str | None,
    Field(description="The name of an AnthropicCredentials block. Default: the environment of the worker."),
]
Cache = Annotated[
    bool | str,
    Field(
        description="Take answers to identical requests of earlier runs: yes, no, or the storage block to keep them in."
    ),
]
PromptCaching = Annotated[
    Mode,
    Field(
        description="Let items that begin with the same words share them in the prompt cache: where it saves money "
        "(auto), for five minutes, for an hour, or not at all (off)."
    ),
]
OnCancel = Annotated[
    Literal["leave", "cancel"],
    Field(description="When the run is cancelled: leave its batches (the next run collects them) or cancel them too."),
]
Wait = Annotated[
    bool,
    Field(
        description="Wait for the batches. If not, the run ends when all that may be is sent, and collect-due goes on."
    ),
]
Sample = Annotated[
    PositiveFloat | None,
    Field(
        description="Send a random sample first and ask whether to send the rest: a share below 1 (0.01), or a number "
        "of items (50)."
    ),
]
ApproveBelow = Annotated[
    PositiveFloat | None,
    Field(
        description="US dollars: go on after the sample without asking when the forecast's upper end is at most this."
    ),
]
TaskRunner = Annotated[
    Literal["threads", "dask", "ray"],
    Field(description="Who does the heavy part of each job: threads of this process, or a local cluster of processes."),
]
Shards = Annotated[
    int,
    Field(
        description="So many flow runs of work-shard help, on the machines of the work pool. They must see the files "
        "and the results: URLs, or folders that are mounted everywhere.",
        ge=0,
        le=1_000,
    ),
]
RunState = Annotated[
    str,
    Field(
        description="The state folder of a run, as its summary names it (it holds run.json and ledger.jsonl).",
        min_length=1,
    ),
]
AskWith = Annotated[
    str | None,
    Field(
        description="The deployment that asks a person when a run comes to its limit, or its sample has ended; without "
        "one, nobody is asked."
    ),
]
Inbox = Annotated[
    str, Field(description="A folder, a glob or an fsspec URL prefix that is watched for new files.", min_length=1)
]
