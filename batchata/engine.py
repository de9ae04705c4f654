"""One run: opened, carried out by the hands that are there, and summed up."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path

from batchata import __version__
from batchata.core.estimates import Estimate
from batchata.core.reports import Facts
from batchata.core.session import Policy, Session, Stop
from batchata.core.state import RunState
from batchata.core.steps import Finish
from batchata.core.summary import Summary, summary_of
from batchata.errors import InputError
from batchata.io.client import ClientOrMaker, api_address, using
from batchata.io.ledger import Ledger, open_ledger, read_state
from batchata.io.paths import Place
from batchata.io.results import ResultsFolder, check_directory
from batchata.orchestration.server import is_configured
from batchata.running.assignment import Assignment
from batchata.running.estimating import Question, estimates
from batchata.running.gate import Gate
from batchata.running.local import LocalHands
from batchata.running.loop import Body, Hands, cancel_open, snapshot
from batchata.running.opening import begin
from batchata.running.options import DESCRIPTION, NEEDS_SERVER, Helpers, Orchestrator, keep_out_of_git
from batchata.running.reading import failures
from batchata.running.run import Run, run_id_of
from batchata.running.signals import named_when_interrupted, terminable
from batchata.running.stopping import cancel_run

logger = logging.getLogger("batchata")

MaySend = Callable[[RunState], bool]
"""Whether a run may be gone on with, judged by a state that nobody else can change any more."""


@dataclass
class Engine:
    """What a manager was told, and the run that is under way, if one is."""

    assignment: Assignment
    policy: Policy
    name: str
    state_path: Path
    results_dir: Place
    max_cost: Decimal | None
    client: ClientOrMaker
    cache: object
    helpers: Helpers
    orchestrator: Orchestrator | None = None
    refresh_cache: bool = False
    answer_within: float | None = None
    cancel_on_exit: bool = False
    stopped: str = ""
    left: bool = False
    is_streamed: bool = False
    quietly: bool = False
    _live: Ledger | None = field(default=None, repr=False)
    _session: Session | None = field(default=None, repr=False)
    _replayed: tuple[int, RunState] | None = field(default=None, repr=False)

    def run(
        self,
        *,
        print_progress: bool,
        wait: bool,
        only_failed: bool = False,
        sends: bool | MaySend = True,
        gate: Gate | None = None,
        opened: Callable[[Ledger], None] = lambda _: None,
    ) -> Summary:
        """`opened` is called with the ledger before anything is done."""
        orchestrator = self.orchestrator or ("prefect" if is_configured() else "local")
        if self.helpers.are_elsewhere and not (orchestrator == "prefect" and is_configured()):
            raise InputError(NEEDS_SERVER)
        if self.policy.on_limit == "ask" and orchestrator == "local":
            raise InputError(
                '`on_cost_limit="pause"` asks through Prefect, and no Prefect API is configured. Set PREFECT_API_URL, '
                'or give `orchestrator="prefect"`'
            )
        self.assignment = replace(self.assignment, api=api_address(self.client))
        check_directory(self.results_dir, "results_dir")
        keep_out_of_git(self.state_path)
        with open_ledger(self.state_path) as ledger:
            sends = sends(ledger.state) if callable(sends) else sends
            begin(ledger, self.assignment, __version__, sends=sends)
            self._live = ledger
            try:
                opened(ledger)
                gated = gate is not None
                policy = replace(self.policy, only_retries=only_failed, wait=wait, sends=sends, gated=gated)
                finish = self._carried_out(ledger, orchestrator, policy, gate, print_progress=print_progress)
            finally:
                self._live = self._session = None
            self.stopped = finish.stopped
            summary = self.summary(ledger.state)
        if finish.error is not None:
            raise finish.error.with_traceback(None) from None  # the way through the threads tells nothing
        return {**summary, "retry_count": finish.retried} if only_failed else summary

    def _carried_out(
        self, ledger: Ledger, orchestrator: Orchestrator, policy: Policy, gate: Gate | None, *, print_progress: bool
    ) -> Finish:
        from batchata.progress import watching

        folder = ResultsFolder(self.results_dir, run_id_of(ledger.state))
        run = Run(
            self.assignment, policy, folder, self.max_cost, self.client, self.cache,
            refresh_cache=self.refresh_cache, cancel_on_exit=self.cancel_on_exit, gate=gate,
        )  # fmt: skip
        has_work = run.prepare(ledger)
        self._session = Session(policy, started=time.time())
        self._session.left = self.left
        where = f"ledger {self.state_path}, results {self.results_dir}"
        with watching(enabled=print_progress, title=where) as watch:
            if not has_work:
                watch(snapshot(ledger.state, self._session, time.time()))
                return Finish()
            body = partial(_logged, partial(run.carry_out, ledger, self._session, watch))
            if orchestrator == "prefect":
                return self._in_a_flow(ledger, body)
            leaving = named_when_interrupted(ledger, canceled=self.cancel_on_exit)
            with terminable(), leaving, closing(LocalHands()) as hands:
                return body(hands)

    def _in_a_flow(self, ledger: Ledger, body: Body) -> Finish:
        from batchata.orchestration.flow import INTERRUPTS, run_as_flow
        from batchata.orchestration.reporting import Told

        def interruptible(hands: Hands) -> Finish:
            with named_when_interrupted(ledger, canceled=self.cancel_on_exit, by=INTERRUPTS):
                return body(hands)

        folder = ResultsFolder(self.results_dir, run_id_of(ledger.state))
        told = Told(
            self._facts(ledger.state), lambda: ledger.state, partial(failures, ledger.state, folder), self.quietly
        )
        shown = {
            "name": self.name,
            "model": self.assignment.model,
            "items": len(self.assignment.items),
            "max_cost": None if self.max_cost is None else str(self.max_cost),
            "state_path": str(self.state_path),
            "results_dir": str(self.results_dir),
        }
        return run_as_flow(
            interruptible,
            told=told,
            parallel=self.policy.max_parallel_jobs,
            answer_within=self.answer_within,
            shown=shown,
            figures=lambda: self.summary(ledger.state),
            helpers=self.helpers,
        )

    def _facts(self, state: RunState) -> Facts:
        return Facts(
            name=self.name,
            run_id=run_id_of(state),
            model=self.assignment.model,
            state_path=str(self.state_path),
            results_dir=str(self.results_dir),
            cancels=self.cancel_on_exit,
            folder=str(self.state_path.parent) if self.state_path.with_name(DESCRIPTION).exists() else "",
        )

    def estimates(self, models: Sequence[str], count: int, output_tokens: int | None) -> dict[str, Estimate]:
        """What the run would cost with each of the models; nothing is sent and no ledger is made."""
        self.assignment = replace(self.assignment, api=api_address(self.client))
        state = self.state()
        question = Question(
            self.assignment, state, self.state_path, ResultsFolder(self.results_dir, run_id_of(state)), self.policy,
            self.max_cost, self.cache, self.refresh_cache, count, output_tokens,
        )  # fmt: skip
        with using(self.client) as client:
            return estimates(question, client, models)

    def summary(self, state: RunState) -> Summary:
        return summary_of(
            state,
            total=len(self.assignment.items),
            state_path=str(self.state_path),
            results_dir=str(self.results_dir),
            stopped=self.stopped,
        )

    def state(self) -> RunState:
        """The ledger's state: the live one, or replayed when the file has grown since."""
        if self._live is not None:
            return self._live.state
        size = self.state_path.stat().st_size if self.state_path.exists() else 0
        if self._replayed is None or self._replayed[0] != size:
            self._replayed = (size, read_state(self.state_path))
        return self._replayed[1]

    def leave(self) -> None:
        """Has the run that is under way in another thread end as Ctrl-C ends one."""
        self.left = True
        if self._session is not None:
            self._session.left = True

    def cancel(self) -> list[str]:
        """Asks the API to stop the batches in flight and returns their ids."""
        if self._live is not None and self._session is not None:
            self._session.stop = Stop("it was canceled; run again to go on", cancel=True)
            with using(self.client) as client:
                return cancel_open(client, self._live)
        return cancel_run(self.state_path, self.client)


def _logged(body: Body, hands: Hands) -> Finish:
    """Why it stopped belongs into the log of the flow run, which is over when the hands are."""
    finish = body(hands)
    if finish.stopped and finish.error is None:
        logger.log(logging.INFO if finish.is_away else logging.WARNING, "%s", finish.stopped)
    return finish
