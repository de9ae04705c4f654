"""`BatchManager`: any number of items through as many message batches as it takes, at a limited cost."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from os import PathLike
from typing import Any, Generic

from typing_extensions import TypeVar

from batchata import __version__
from batchata.core.naming import checked_name, default_name
from batchata.core.outcomes import Succeeded
from batchata.core.rates import Rates
from batchata.core.records import Entry, Record
from batchata.core.reports import Facts
from batchata.core.requests import check_spelling
from batchata.core.schema import check_response_model
from batchata.core.session import Policy, Session, Stop
from batchata.core.state import RunState
from batchata.core.steps import Finish
from batchata.core.summary import Summary, summary_of
from batchata.errors import InputError
from batchata.io.client import ClientOrMaker, api_address, using
from batchata.io.intake import given_items
from batchata.io.ledger import Ledger, open_ledger, read_state
from batchata.io.paths import PathOrUrl
from batchata.io.results import ResultsFolder, check_directory
from batchata.io.sources import Source
from batchata.job import DEFAULT_MODEL
from batchata.orchestration.server import is_configured
from batchata.running.assignment import Assignment
from batchata.running.gate import Approver, Gate
from batchata.running.local import LocalHands
from batchata.running.loop import Body, Hands, cancel_open, snapshot
from batchata.running.opening import begin
from batchata.running.options import (
    DEFAULT_ITEMS_PER_JOB,
    DEFAULT_PARALLEL_JOBS,
    LOST_AFTER,
    NEEDS_SERVER,
    SHARD_DEPLOYMENT,
    OnCostLimit,
    Orchestrator,
    check_types,
    checked_gate,
    checked_helpers,
    checked_limit,
    checked_orchestrator,
    checked_policy,
    keep_out_of_git,
    places,
    renamed_results_dir,
)
from batchata.running.reading import failures, records
from batchata.running.run import Run, run_id_of
from batchata.running.signals import named_when_interrupted, terminable
from batchata.running.stopping import cancel_run

logger = logging.getLogger("batchata")

T = TypeVar("T", default=str)


class BatchManager(Generic[T]):
    """Puts conversations, or files with a prompt, through as many message batches as it takes.

    What is sent and what it cost is written to a ledger before and after each create call: when a run that was
    killed is started again it goes on where it was, and nothing is paid twice. The parameters are those of
    `batch()` and:

    items_per_job, max_parallel_jobs
        How many items form one message batch (at most 100,000), and how many batches may be in flight.
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
    """

    def __init__(
        self,
        messages: Sequence[Sequence[Mapping[str, Any]]] | None = None,
        files: Sequence[Source] | None = None,
        prompt: str | None = None,
        model: str = DEFAULT_MODEL,
        *,
        response_model: type[T] | None = None,
        enable_citations: bool = False,
        items_per_job: int = DEFAULT_ITEMS_PER_JOB,
        max_parallel_jobs: int = DEFAULT_PARALLEL_JOBS,
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
        cancel_on_exit: bool = False,
        name: str | None = None,
        lost_after: float = LOST_AFTER,
        task_runner: Any = None,
        shards: int = 0,
        shard_deployment: str = SHARD_DEPLOYMENT,
        save_results_dir: PathOrUrl | None = None,
        **params: Any,
    ) -> None:
        items = given_items(messages, files, prompt)
        check_spelling(params)
        check_types(model=model, prompt=prompt, rates=rates, max_tokens=max_tokens, lost_after=lost_after)
        if response_model is not None:
            check_response_model(response_model)
        if messages is not None and prompt is not None:
            raise InputError("prompt goes with files; in a conversation, say it in a message")
        headers = params.pop("extra_headers", None)
        self._assignment = Assignment(
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
        )
        self._policy = checked_policy(
            items_per_job=items_per_job,
            max_parallel_jobs=max_parallel_jobs,
            rounds=rounds,
            on_cost_limit=on_cost_limit,
            lost_after=lost_after,
        )
        self.state_path, self.results_dir = places(state_path, renamed_results_dir(results_dir, save_results_dir))
        stem = None if state_path is None else self.state_path.stem
        self.name = checked_name(name) or default_name(self._assignment.first_file, stem)
        self._max_cost = checked_limit(max_cost)
        self._client = client
        self._cache, self._refresh_cache = cache, refresh_cache
        self._orchestrator = checked_orchestrator(orchestrator)
        self._answer_within = answer_within
        self._cancel_on_exit = cancel_on_exit
        self._helpers = checked_helpers(client, task_runner, shards, shard_deployment)
        self._live: Ledger | None = None
        self._session: Session | None = None
        self._replayed: tuple[int, RunState] | None = None
        self._stopped = ""

    def __repr__(self) -> str:
        return f"BatchManager({len(self)} items, {self._assignment.model}, state_path={str(self.state_path)!r})"

    def __len__(self) -> int:
        return len(self._assignment.items)

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
        return self._run(print_progress=print_progress, wait=wait, gate=gate)

    def retry_failed(self, print_progress: bool = False, *, wait: bool = True) -> Summary:  # noqa: FBT001, FBT002 - as `run`
        """Sends the items again that ended without a result, and only those. Waits and raises as `run` does."""
        return self._run(print_progress=print_progress, wait=wait, only_failed=True)

    def collect(self, print_progress: bool = False, *, wait: bool = True) -> Summary:  # noqa: FBT001, FBT002 - as `run`
        """Brings home what was sent and sends nothing, whatever became of the files. Waits and raises as `run`."""
        return self._run(print_progress=print_progress, wait=wait, sends=False)

    @property
    def stats(self) -> Summary:
        """The figures as the ledger has them now, at any time and from any thread."""
        return self._summary(self._state())

    def results(self) -> list[Entry[T]]:
        """The results of the items that succeeded so far, in the order of the input."""
        return [
            {"result": each.detail.result, "citations": each.citations}
            for each in self.outcomes()
            if isinstance(each.detail, Succeeded)
        ]

    def outcomes(self) -> Iterator[Record[T]]:
        """One record for each item that has ended, whatever became of it, in the order of the input."""
        state = self._state()
        folder = ResultsFolder(self.results_dir, run_id_of(state))
        return records(state, folder, self._assignment.response_model)

    def failures(self) -> list[Record[T]]:
        """The records of the items that ended without a result, each with its reason."""
        return [record for record in self.outcomes() if not record.succeeded]

    def cancel(self) -> list[str]:
        """Asks the API to stop the batches in flight and returns their ids; what they did by then is collected.

        A run that works in another thread or process ends; otherwise the next `run()` collects.
        """
        if self._live is not None and self._session is not None:
            self._session.stop = Stop("it was canceled; run again to go on", cancel=True)
            with using(self._client) as client:
                return cancel_open(client, self._live)
        return cancel_run(self.state_path, self._client)

    def get_results_from_disk(self) -> list[Entry[T]]:
        """The former name of `results()`."""
        warnings.warn("get_results_from_disk() is now results()", DeprecationWarning, stacklevel=2)
        return self.results()

    def _run(
        self,
        *,
        print_progress: bool,
        wait: bool,
        only_failed: bool = False,
        sends: bool = True,
        gate: Gate | None = None,
    ) -> Summary:
        orchestrator = self._orchestrator or ("prefect" if is_configured() else "local")
        if self._helpers.are_elsewhere and not (orchestrator == "prefect" and is_configured()):
            raise InputError(NEEDS_SERVER)
        if self._policy.on_limit == "ask" and orchestrator == "local":
            raise InputError(
                'on_cost_limit="pause" asks through Prefect, and no Prefect API is configured. Set PREFECT_API_URL, '
                'or give orchestrator="prefect"'
            )
        self._assignment = replace(self._assignment, api=api_address(self._client))
        check_directory(self.results_dir, "results_dir")
        keep_out_of_git(self.state_path)
        with open_ledger(self.state_path) as ledger:
            begin(ledger, self._assignment, __version__, sends=sends)
            self._live = ledger
            try:
                gated = gate is not None
                policy = replace(self._policy, only_retries=only_failed, wait=wait, sends=sends, gated=gated)
                finish = self._carried_out(ledger, orchestrator, policy, gate, print_progress=print_progress)
            finally:
                self._live = self._session = None
            self._stopped = finish.stopped
            summary = self._summary(ledger.state)
        if finish.error is not None:
            raise finish.error.with_traceback(None) from None  # the way through the threads tells nothing
        if finish.stopped:
            logger.log(logging.INFO if finish.is_away else logging.WARNING, "%s", finish.stopped)
        return {**summary, "retry_count": finish.retried} if only_failed else summary

    def _carried_out(
        self, ledger: Ledger, orchestrator: Orchestrator, policy: Policy, gate: Gate | None, *, print_progress: bool
    ) -> Finish:
        from batchata.progress import watching

        folder = ResultsFolder(self.results_dir, run_id_of(ledger.state))
        run = Run(
            self._assignment, policy, folder, self._max_cost, self._client, self._cache,
            refresh_cache=self._refresh_cache, cancel_on_exit=self._cancel_on_exit, gate=gate,
        )  # fmt: skip
        has_work = run.prepare(ledger)
        self._session = Session(policy, started=time.time())
        where = f"ledger {self.state_path}, results {self.results_dir}"
        with watching(enabled=print_progress, title=where) as watch:
            if not has_work:
                watch(snapshot(ledger.state, self._session, time.time()))
                return Finish()
            body = partial(run.carry_out, ledger, self._session, watch)
            if orchestrator == "prefect":
                return self._in_a_flow(ledger, body)
            leaving = named_when_interrupted(ledger, canceled=self._cancel_on_exit)
            with terminable(), leaving, closing(LocalHands()) as hands:
                return body(hands)

    def _in_a_flow(self, ledger: Ledger, body: Body) -> Finish:
        from batchata.orchestration.flow import INTERRUPTS, run_as_flow
        from batchata.orchestration.reporting import Told

        def interruptible(hands: Hands) -> Finish:
            with named_when_interrupted(ledger, canceled=self._cancel_on_exit, by=INTERRUPTS):
                return body(hands)

        folder = ResultsFolder(self.results_dir, run_id_of(ledger.state))
        told = Told(self._facts(ledger.state), lambda: ledger.state, partial(failures, ledger.state, folder))
        shown = {
            "name": self.name,
            "model": self._assignment.model,
            "items": len(self),
            "max_cost": None if self._max_cost is None else str(self._max_cost),
            "state_path": str(self.state_path),
            "results_dir": str(self.results_dir),
        }
        return run_as_flow(
            interruptible,
            told=told,
            parallel=self._policy.max_parallel_jobs,
            answer_within=self._answer_within,
            shown=shown,
            figures=lambda: self._summary(ledger.state),
            helpers=self._helpers,
        )

    def _facts(self, state: RunState) -> Facts:
        return Facts(
            name=self.name,
            run_id=run_id_of(state),
            model=self._assignment.model,
            state_path=str(self.state_path),
            results_dir=str(self.results_dir),
            cancels=self._cancel_on_exit,
        )

    def _summary(self, state: RunState) -> Summary:
        return summary_of(
            state,
            total=len(self),
            state_path=str(self.state_path),
            results_dir=str(self.results_dir),
            stopped=self._stopped,
        )

    def _state(self) -> RunState:
        """The ledger's state: the live one, or replayed when the file has grown since."""
        if self._live is not None:
            return self._live.state
        size = self.state_path.stat().st_size if self.state_path.exists() else 0
        if self._replayed is None or self._replayed[0] != size:
            self._replayed = (size, read_state(self.state_path))
        return self._replayed[1]
