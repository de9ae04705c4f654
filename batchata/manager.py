"""`BatchManager`: any number of items through as many message batches as it takes, at a limited cost."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any, Generic, Literal, overload

from typing_extensions import TypeVar

from batchata.core.caching import Mode, checked_mode
from batchata.core.estimates import Estimate
from batchata.core.items import Item
from batchata.core.naming import checked_name, default_name
from batchata.core.outcomes import Succeeded
from batchata.core.rates import Rates
from batchata.core.records import Entry, Record
from batchata.core.reportfacts import facts_of
from batchata.core.schema import check_response_model
from batchata.core.spelling import check_spelling
from batchata.core.summary import Summary
from batchata.engine import Engine, MaySend
from batchata.errors import InputError
from batchata.exporting import WRITERS, Exportable, Exported, export
from batchata.io.client import ClientOrMaker
from batchata.io.intake import given_items
from batchata.io.paths import PathOrUrl
from batchata.io.results import ResultsFolder
from batchata.io.sources import Source
from batchata.job import DEFAULT_MODEL
from batchata.report.sources import Sources
from batchata.report.writing import report_writer
from batchata.running.assignment import Assignment
from batchata.running.estimating import COUNTED
from batchata.running.gate import Approver
from batchata.running.options import (
    LOST_AFTER,
    SHARD_DEPLOYMENT,
    OnCostLimit,
    Orchestrator,
    check_types,
    check_upload,
    checked_estimate,
    checked_gate,
    checked_helpers,
    checked_limit,
    checked_orchestrator,
    checked_policy,
    places,
    renamed_results_dir,
)
from batchata.running.reading import records
from batchata.running.run import run_id_of
from batchata.streaming import streamed
from batchata.tables.frames import Library, frame_of
from batchata.tables.gathering import Description

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

logger = logging.getLogger("batchata")

T = TypeVar("T", default=str)


class BatchManager(Generic[T]):
    """Puts conversations, or files with a prompt, through as many message batches as it takes.

    What is sent and what it cost is written to a ledger before and after each create call: when a run that was
    killed is started again it goes on where it was, and nothing is paid twice. The parameters are those of
    `batch()` and:

    prompts
        Instead of one `prompt`: every file goes with each of them, a list or a mapping of their names. `Record.label`
        is the name of the prompt, its number from 0 in a list. For prompts and parameters of single items give an
        `Item` in the place of a path or a conversation.
    items_per_job, max_parallel_jobs
        How many items form one message batch (default 1,000, at most 100,000), and how many batches may be in flight
        (default 10).
    quick
        First results early: up to 50 small batches side by side, of five items at first and a fifth more each time,
        looked at more often. What is given for `items_per_job` and `max_parallel_jobs` holds.
    max_cost
        USD that are never passed, by all runs over the ledger together. A job takes as many items as what is left
        covers at worst (see `bound`).
    state_path, results_dir
        The ledger, and the results in `processed/` and the API's own lines in `raw/`. Without `state_path` the run
        has a folder of its own below `.batchata/`; without `results_dir` the results are beside the ledger. The
        results, like the files, may be on a URL that fsspec knows (`s3://bucket/results`); the ledger may not.
    cache, refresh_cache
        Answers to identical requests of earlier runs are taken instead of being paid again: True (a folder of
        Prefect's result storage on this machine), False, another folder, or a Prefect storage block such as
        "s3-bucket/results". `refresh_cache` asks anew and keeps the new answers.
    orchestrator
        "prefect" (a flow run that is seen in the Prefect UI) or "local" (threads, no server). Default: "prefect"
        where a Prefect API is configured.
    on_cost_limit, answer_within
        "stop", or "pause": the Prefect flow run pauses and asks for a new limit, for so many seconds (default:
        until it is answered).
    rounds
        How often an item is sent again after a failure that may pass (default 2).
    prompt_caching
        "auto" places breakpoints of the API's prompt cache where items begin with the same words (system, examples, a
        document with many prompts) and that is expected to save money, and sends one small job ahead to write them
        where that is worth waiting for (never with `run(wait=False)`); "5m" and "1h" place them for that long, "off"
        places none. Where you placed some yourself (`cache_control`), none are added.
    cancel_on_exit
        Whether Ctrl-C and SIGTERM cancel the batches in flight. By default they go on, and the next run collects
        them.
    client
        An Anthropic client, or a function that makes one, such as `partial(client_of, "production")`. Default: made of
        the environment.
    name
        What the run is called in Prefect, where runs of one name form a history. Default: the folder of the first
        file, else the ledger's name without its ending.
    lost_after
        How many seconds after a create call whose answer was lost a batch that the API does not list counts as
        never created.
    task_runner
        Who does the heavy part of each job, of a run in Prefect: None or "threads" (this process), "dask" or "ray"
        (processes on this machine), or a `DaskTaskRunner(...)`, `RayTaskRunner(...)` of your own cluster. They must
        reach the Prefect server, the files and `results_dir`, and have credentials of their own: no key is sent to
        them.
    shards, shard_deployment
        The same on the machines of a work pool: so many flow runs of the deployment of `flows/work_shard.py` are
        started with the run and end with it.
    upload
        PDFs and texts go up through the Files API, each content once, and requests name them: one document with many
        prompts makes a small batch, and a file may have up to 500 MB. They are deleted when no batch needs them. The
        answers are known by what was asked, whether or not it was uploaded.
    """

    def __init__(
        self,
        messages: Sequence[Sequence[Mapping[str, Any]] | Item] | None = None,
        files: Sequence[Source | Item] | None = None,
        prompt: str | None = None,
        model: str = DEFAULT_MODEL,
        *,
        prompts: Sequence[str] | Mapping[str, str] | None = None,
        response_model: type[T] | None = None,
        enable_citations: bool = False,
        items_per_job: int | None = None,
        max_parallel_jobs: int | None = None,
        max_cost: Any = None,
        state_path: str | PathLike[str] | None = None,
        results_dir: PathOrUrl | None = None,
        max_tokens: int | None = None,
        client: ClientOrMaker = None,
        rates: Rates | None = None,
        cache: object = True,
        refresh_cache: bool = False,
        orchestrator: Orchestrator | None = None,
        on_cost_limit: OnCostLimit = "stop",
        answer_within: float | None = None,
        rounds: int | None = None,
        prompt_caching: Mode = "auto",
        cancel_on_exit: bool = False,
        name: str | None = None,
        lost_after: float = LOST_AFTER,
        task_runner: Any = None,
        shards: int = 0,
        shard_deployment: str = SHARD_DEPLOYMENT,
        upload: bool = False,
        save_results_dir: PathOrUrl | None = None,
        quick: bool = False,
        **params: Any,
    ) -> None:
        items = given_items(messages, files, prompt, prompts)
        check_spelling(params)
        check_types(model=model, prompt=prompt, rates=rates, max_tokens=max_tokens, lost_after=lost_after)
        if response_model is not None:
            check_response_model(response_model)
        if messages is not None and prompt is not None:
            raise InputError("prompt goes with files; in a conversation, say it in a message")
        headers = params.pop("extra_headers", None)
        assignment = Assignment(
            items,
            files is not None,
            model,
            prompt,
            response_model,
            enable_citations,
            max_tokens,
            rates,
            params,
            headers,
            upload=upload,
            prompt_caching=checked_mode(prompt_caching),
        )
        helpers = checked_helpers(client, task_runner, shards, shard_deployment)
        check_upload(upload, helpers, is_files=files is not None)
        policy = checked_policy(
            items_per_job=items_per_job,
            max_parallel_jobs=max_parallel_jobs,
            rounds=rounds,
            on_cost_limit=on_cost_limit,
            lost_after=lost_after,
            quick=quick,
        )
        self.state_path, self.results_dir = places(state_path, renamed_results_dir(results_dir, save_results_dir))
        stem = None if state_path is None else self.state_path.stem
        self.name = checked_name(name) or default_name(assignment.first_file, stem)
        self._engine = Engine(
            assignment=assignment,
            policy=policy,
            name=self.name,
            state_path=self.state_path,
            results_dir=self.results_dir,
            max_cost=checked_limit(max_cost),
            client=client,
            cache=cache,
            refresh_cache=refresh_cache,
            orchestrator=checked_orchestrator(orchestrator),
            answer_within=answer_within,
            cancel_on_exit=cancel_on_exit,
            helpers=helpers,
        )

    def __repr__(self) -> str:
        return f"BatchManager({len(self)} items, {self._engine.assignment.model}, state_path={str(self.state_path)!r})"

    @property
    def model(self) -> str:
        """The id of the Claude model that is asked."""
        return self._engine.assignment.model

    def __len__(self) -> int:
        return len(self._engine.assignment.items)

    def run(
        self,
        print_progress: bool = False,  # noqa: FBT001, FBT002 - documented
        *,
        wait: bool = True,
        sample: float | None = None,
        approve: Approver | None = None,
        approve_below: Any = None,
    ) -> Summary:
        """Sends what waits, collects what was sent, and returns the figures.

        A ledger that is there is gone on with. `print_progress` shows a live display on stderr. With `wait=False` it
        sends what may be sent, collects what has ended, and returns instead of waiting for batches. Raises InputError,
        ModelError and CredentialsError before anything is sent, LedgerMismatchError and LedgerInUseError for a
        `state_path` of other work or of somebody at work, and AccountError, ServiceError or RequestRefusedError
        when it cannot go on; whatever it raises, it can be run again.

        With `sample`, a share of the items (0.01) or a number of them (50), a random sample is sent first and nothing
        else. When it has ended, the rest is sent if the upper end of the forecast for all is at most `approve_below`
        USD, or `approve(report)` returns True for the `SampleReport`, or, where Prefect runs it and there is no
        `approve`, a person says so in the form. Otherwise it stops there; `run()` sends the rest, and a `sample` again
        asks again. The sampled results count. What was approved once is not asked again.
        """
        gate = checked_gate(sample, approve, approve_below)
        return self._engine.run(print_progress=print_progress, wait=wait, gate=gate)

    @overload
    def estimate(self, *, count: int = COUNTED, output_tokens: int | None = None) -> Estimate: ...

    @overload
    def estimate(
        self, *, models: Sequence[str], count: int = COUNTED, output_tokens: int | None = None
    ) -> dict[str, Estimate]: ...

    def estimate(
        self, *, models: Sequence[str] | None = None, count: int = COUNTED, output_tokens: int | None = None
    ) -> Estimate | dict[str, Estimate]:
        """What the run will cost, before anything is sent or paid: `print()` it.

        The API counts the tokens of up to `count` items, free of charge; of more, those of a random sample, and the
        rest is told from what can be seen of each item. Up to 1,000 files and 100,000 conversations are looked at. How
        long answers are is measured on the items of this run that ended, else on answers of earlier runs with the same
        settings, else told by a rule of thumb, with a wide interval; `output_tokens`, the length of an answer with all
        thinking, takes the place of that. What the ledger tells is spent already; no ledger is made.

        With `models`, one for each of them by its name; of another model than the manager's, all items are estimated.
        Raises InputError, ModelError and LedgerMismatchError as `run` does, and UnknownPriceError.
        """
        checked_estimate(models, count, output_tokens)
        own = self._engine.assignment.model
        found = self._engine.estimates([own] if models is None else models, count, output_tokens)
        return found[own] if models is None else found

    def stream(
        self,
        print_progress: bool = False,  # noqa: FBT001, FBT002 - as `run`
        *,
        wait: bool = True,
        sample: float | None = None,
        approve: Approver | None = None,
        approve_below: Any = None,
    ) -> Iterator[Record[T]]:
        """Runs as `run` does, and yields the record of each item as soon as its batch is settled, while others go on.

        Each item comes once, also those that ended in an earlier run; one that is sent again when it has ended. The
        run works in a thread of its own from the first record on, and waits for nobody: records are read from disk
        when they are asked for. Raises as `run` does, after what there is; `stats` has the figures. Who leaves the
        loop early ends the run as Ctrl-C does: batches in flight go on, and the next run collects them. `approve` is
        called in the run's thread. Raises InputError where this manager is streamed already.
        """
        gate = checked_gate(sample, approve, approve_below)
        run = partial(self._engine.run, print_progress=print_progress, wait=wait, gate=gate)
        return streamed(self._engine, run)

    def retry_failed(self, print_progress: bool = False, *, wait: bool = True) -> Summary:  # noqa: FBT001, FBT002 - as `run`
        """Sends the items again that ended without a result, and only those. Waits and raises as `run` does."""
        return self._engine.run(print_progress=print_progress, wait=wait, only_failed=True)

    def collect(self, print_progress: bool = False, *, wait: bool = True) -> Summary:  # noqa: FBT001, FBT002 - as `run`
        """Brings home what was sent and sends nothing, whatever became of the files. Waits and raises as `run`."""
        return self._engine.run(print_progress=print_progress, wait=wait, sends=False)

    def run_if(
        self,
        may_send: MaySend,
        *,
        print_progress: bool = False,
        wait: bool = True,
        quietly: bool = False,
        **sampling: Any,
    ) -> Summary:
        """As `run`; where `may_send` says no, as `collect`. It is asked when nobody else can change the run.

        `quietly`: Prefect is told of the run only when something happened to it.
        """
        gate = checked_gate(**{"sample": None, "approve": None, "approve_below": None, **sampling})
        self._engine.quietly = quietly
        return self._engine.run(print_progress=print_progress, wait=wait, sends=may_send, gate=gate)

    @property
    def stats(self) -> Summary:
        """The figures as the ledger has them now, at any time and from any thread."""
        return self._engine.summary(self._engine.state())

    def results(self) -> list[Entry[T]]:
        """The results of the items that succeeded so far, in the order of the input."""
        return [
            {"result": each.detail.result, "citations": each.citations}
            for each in self.outcomes()
            if isinstance(each.detail, Succeeded)
        ]

    def outcomes(self) -> Iterator[Record[T]]:
        """One record for each item that has ended, whatever became of it, in the order of the input."""
        state = self._engine.state()
        folder = ResultsFolder(self.results_dir, run_id_of(state))
        return records(state, folder, self._engine.assignment.response_model)

    def export(self, to: PathOrUrl, *, format: str | None = None, outcomes: Collection[str] = ()) -> Exported:  # noqa: A002 - documented
        """Writes one row for each item that has ended to a file or URL, as a whole or not at all.

        The format is that of the ending, `.jsonl`, `.csv`, `.parquet` or `.html` (a report that shows each item beside
        the pages it was taken from), or `format`. `outcomes` are those to write, such as ("succeeded",). A file that
        is there is replaced. Raises InputError, OutputError and ResultsError.
        """
        run = self._exportable()
        sources = Sources(sent_at=run.state.sent_at, are_files=self._engine.assignment.is_files)
        report = report_writer(facts_of(run.state, self.name, len(self)), sources)
        return export(run, to, kind=format, outcomes=outcomes, writers={**WRITERS, "html": report})

    @overload
    def to_dataframe(self, library: Literal["pandas"] = "pandas", *, flat: bool = False) -> pd.DataFrame: ...
    @overload
    def to_dataframe(self, library: Literal["polars"], *, flat: bool = False) -> pl.DataFrame: ...
    @overload
    def to_dataframe(self, library: Literal["arrow"], *, flat: bool = False) -> pa.Table: ...
    def to_dataframe(self, library: Library = "pandas", *, flat: bool = False) -> Any:
        """The same rows and columns as an exported Parquet file has. See `batchata.to_dataframe`."""
        return frame_of(self.outcomes(), self._exportable().description, library=library, flat=flat)

    def _exportable(self) -> Exportable:
        state, about = self._engine.state(), self._engine.assignment
        return Exportable(
            state,
            ResultsFolder(self.results_dir, run_id_of(state)),
            items=len(self),
            description=Description(about.response_model, about.citations),
            keeps=(self.state_path,),
        )

    def failures(self) -> list[Record[T]]:
        """The records of the items that ended without a result, each with its reason."""
        return [record for record in self.outcomes() if not record.succeeded]

    def cancel(self) -> list[str]:
        """Asks the API to stop the batches in flight and returns their ids; what they did by then is collected.

        A run that works in another thread or process ends; otherwise the next `run()` collects.
        """
        return self._engine.cancel()

    def get_results_from_disk(self) -> list[Entry[T]]:
        """The former name of `results()`."""
        warnings.warn("get_results_from_disk() is now results()", DeprecationWarning, stacklevel=2)
        return self.results()
