"""The loop of a run: asks the brain what is next, has it carried out, writes down what came of it."""

from __future__ import annotations

import logging
import queue
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, Protocol

from batchata.core.events import Decided, Event, Intent, Submitted
from batchata.core.jobwords import job_sentence
from batchata.core.money import usd
from batchata.core.plan import decide, gated_sample
from batchata.core.plurals import number_of
from batchata.core.reacting import react, withdrawn
from batchata.core.samplereport import unapproved
from batchata.core.session import Session, Stop
from batchata.core.snapshots import Snapshot
from batchata.core.state import RunState, Standing
from batchata.core.steps import (
    Approve,
    Ask,
    Collected,
    Created,
    Failed,
    Finish,
    Form,
    Formed,
    Report,
    Send,
    Wait,
    Work,
)
from batchata.errors import (
    AmbiguousSubmitError,
    BatchataError,
    LedgerError,
    RateLimitedError,
    ServiceError,
    StorageError,
)
from batchata.io.batches import cancel
from batchata.io.ledger import Ledger
from batchata.running.errands import Elsewhere, Packer
from batchata.running.gate import Approval, Gatekeeper
from batchata.running.worker import Worker

if TYPE_CHECKING:
    from anthropic import Anthropic

logger = logging.getLogger("batchata")

Body = Callable[["Hands"], Finish]
"""A run that lacks nothing but the hands."""

TICK = 1.0
_LAST_WAIT = 10.0
"""Seconds that calls which are under way get when the run is interrupted: a create should bring its id home."""

_LOGGED_MISSES = (1, 5)
_BETWEEN_LOOKS = 0.2

Done = Callable[[Work, Report | BaseException], None]


class Hands(Protocol):
    """Who carries the steps out. They hold no rule: the brain decides, the worker does."""

    def start(self, step: Work, carry_out: Callable[[Work], Report], done: Done) -> None:
        """Begins a step and returns at once; `done` is called from any thread with what came of it."""

    def equip(self, packer: Packer) -> Elsewhere | None:
        """Called before the first step, with what work needs that is done elsewhere; None when none is.

        Raises InputError when it cannot be done there.
        """

    def claim(self, place: str, name: str) -> bool:
        """Takes a right to send, see `Claim`."""

    def admits(self, job: int) -> bool:
        """Whether a fence outside of this run lets one more message batch through."""

    def settled(self, job: int) -> None:
        """The job holds no batch any more."""

    def ask(self, question: Ask, run_id: str) -> Decimal | str:
        """A person's new limit, or why there is none."""

    def confirm(self, question: Approve, run_id: str) -> Approval:
        """A person's word whether the rest is to be sent after the sample."""

    def tick(self) -> str | None:
        """Called about once a second; why the run is to end now, if it is."""


@dataclass(slots=True)
class Loop:
    """One run until it finishes. `watch` is called with where it stands."""

    ledger: Ledger
    session: Session
    worker: Worker
    hands: Hands
    watch: Callable[[Snapshot], None]
    cancel_on_exit: bool = False
    gatekeeper: Gatekeeper | None = None
    _shown: float = 0.0
    _is_told_to_end: bool = False
    _has_told_of_pace: bool = False
    _unwritten: deque[Event] = field(default_factory=deque)
    _reports: queue.SimpleQueue[tuple[Work, Report | BaseException]] = field(default_factory=queue.SimpleQueue)

    def run(self) -> Finish:
        """Returns how it ended. Whatever interrupts it, what was sent is in the ledger first."""
        try:
            return self._until_finished()
        except LedgerError:
            raise  # nothing more can be written down
        except BaseException:
            self._leave()
            raise
        finally:
            self._show(last=True)

    def _until_finished(self) -> Finish:
        while True:
            if self.session.left:
                raise KeyboardInterrupt
            now = time.time()
            self.session.pace.quota = self.worker.quota()
            for event in withdrawn(self.state, self.session, now):
                self.ledger.record(event)
            for step in decide(self.state, self.session, now):
                match step:
                    case Finish():
                        if self._is_told_to_end and self.cancel_on_exit:
                            cancel_open(self.worker.client, self.ledger)
                        self._finished(step)
                        return step
                    case Ask():
                        self._ask(step)
                    case Approve():
                        self._approve(step)
                    case Wait():
                        self._wait(min(max(step.until - time.time(), 0.0), TICK))
                    case _:
                        self._start(step, now)
            self._take_in()

    @property
    def state(self) -> RunState:
        return self.ledger.state

    def _finished(self, step: Finish) -> None:
        """Whoever goes on with runs unasked leaves one alone that ended on purpose, and not for a while."""
        if step.stopped and not step.is_away and not isinstance(step.error, ServiceError | StorageError):
            self.ledger.record(Decided(at=datetime.now(UTC), what="halted", reason=step.stopped), sync=True)

    def _start(self, step: Work, now: float) -> None:
        if isinstance(step, Send) and not self.hands.admits(step.job):
            self.session.watch(step.job).due = now + TICK
            return
        if isinstance(step, Form):
            self.session.forming = True
        else:
            self.session.pace.called(len(self.session.busy), now)
            self.session.busy.add(step.job)
        self.hands.start(step, self.worker.carry_out, self._report)

    def _report(self, step: Work, report: Report | BaseException) -> None:
        self._reports.put((step, report))

    def _wait(self, seconds: float) -> None:
        """Until something is done, or the time is up."""
        self._show()
        if reason := self.hands.tick():
            self.session.stop = Stop(reason, drain=False)
            self._is_told_to_end = True
        if self.ledger.is_asked_to_cancel():
            self.session.stop = Stop("it was canceled; run again to go on", cancel=True)
            cancel_open(self.worker.client, self.ledger)
        try:
            self._take(*self._reports.get(timeout=max(seconds, 0.001)))
        except queue.Empty:
            return

    def _take_in(self) -> None:
        while True:
            try:
                self._take(*self._reports.get_nowait())
            except queue.Empty:
                return

    def _take(self, step: Work, report: Report | BaseException) -> None:
        if isinstance(report, BatchataError):
            report = Failed(report)
        if isinstance(report, BaseException):
            self.session.busy.discard(step.job)
            self.session.forming = self.session.forming and not isinstance(step, Form)
            raise report
        events = react(self.state, self.session, step, report, now=time.time(), chance=random.random())
        self._unwritten.extend(events)
        self._write()
        if isinstance(report, Formed | Collected) and report.settled is not None:
            left = self.state.total - self.state.tally.kinds.total()
            logger.info("%s", job_sentence(report.settled, report.causes, left))
        if isinstance(report, Failed):
            self._log(step, report.error)
        if step.job not in self.state.open:
            self.hands.settled(step.job)
        elif isinstance(report, Created) and self.session.stop is not None and self.session.stop.cancel:
            cancel_open(self.worker.client, self.ledger)

    def _write(self) -> None:
        """An event that an interrupt kept from the ledger is still there for the next time."""
        while self._unwritten:
            event, recorded = self._unwritten[0], self.ledger.recorded
            try:
                self.ledger.record(event, sync=isinstance(event, Intent | Submitted))
            finally:
                if self.ledger.recorded > recorded:
                    self._unwritten.popleft()

    def _log(self, step: Work, error: BatchataError) -> None:
        if isinstance(error, AmbiguousSubmitError):
            logger.warning("job %d: %s. Its batch is looked for", step.job, error.why)
            return
        if isinstance(error, RateLimitedError):
            self._tell_of_pace(error)
            return
        misses = self.session.watches[step.job].misses if step.job in self.session.watches else 1
        if misses in _LOGGED_MISSES or misses % 10 == 0:
            again = f" (failure {misses} in a row)" if misses > 1 else ""
            logger.warning("job %d: %s%s", step.job, error, again)

    def _tell_of_pace(self, error: RateLimitedError) -> None:
        """Once: a busy API says it many times."""
        if not self._has_told_of_pace:
            self._has_told_of_pace = True
            logger.warning("%s. The run goes on at the pace that the API allows; nothing is dropped", error)

    def _ask(self, question: Ask) -> None:
        self._show(last=True)
        answer = self.hands.ask(question, self.run_id)
        at = datetime.now(UTC)
        if isinstance(answer, str):
            self.session.stop = Stop(
                f"{answer} ({usd(question.limit)}; {number_of(question.pending, 'item is', 'items are')} left)"
            )
            self.ledger.record(Decided(at=at, what="stop", reason=answer), sync=True)
            self.ledger.record(Decided(at=at, what="limit_reached", limit=question.limit))
            return
        self.session.blocked_at = None
        raised = f"the limit is raised from {usd(question.limit)} to {usd(answer)}"
        self.ledger.record(Decided(at=at, what="limit", limit=answer, reason=raised), sync=True)
        logger.info("answered: continue, %s", raised)

    def _approve(self, question: Approve) -> None:
        if self.gatekeeper is None:
            raise TypeError("a gated run has a gatekeeper")
        self.ledger.record(Decided(at=datetime.now(UTC), what="asked"), sync=True)
        self._show(last=True, asks=True)
        found = self.gatekeeper.ask(question, self.state, lambda asked: self.hands.confirm(asked, self.run_id))
        if not found.passed:
            self.session.stop = Stop(unapproved(question.report, found.reason))
        if found.is_decision:
            what: Literal["approved", "stop"] = "approved" if found.passed else "stop"
            self.ledger.record(Decided(at=datetime.now(UTC), what=what, reason=found.reason), sync=True)
        if found.passed:
            logger.info("%s: the other %s may be sent", found.reason, number_of(question.report.waiting, "item"))

    @property
    def run_id(self) -> str:
        return self.worker.lost.run_id

    def _leave(self) -> None:
        """No new steps; a create that is under way gets a moment to bring its id home."""
        self.session.stop = Stop("it was interrupted", drain=False)
        self._write()
        deadline = time.monotonic() + _LAST_WAIT
        while self._creating() and time.monotonic() < deadline:
            self._salvage(deadline - time.monotonic())
        for event in withdrawn(self.state, self.session, time.time()):
            self.ledger.record(event)
        if self.cancel_on_exit:
            cancel_open(self.worker.client, self.ledger)

    def _creating(self) -> bool:
        """Whether a create call is under way: its job is intended, and not one that is only searched for."""
        return bool(self.session.busy & self.session.formed)

    def _salvage(self, seconds: float) -> None:
        try:
            step, report = self._reports.get(timeout=max(seconds, 0.001))
        except queue.Empty:
            return
        if not isinstance(report, BaseException):
            self._take(step, report)
        else:
            self.session.busy.discard(step.job)

    def _show(self, *, last: bool = False, asks: bool = False) -> None:
        if last or time.monotonic() - self._shown >= _BETWEEN_LOOKS:
            self._shown = time.monotonic()
            try:
                self.watch(replace(snapshot(self.state, self.session, time.time()), asks=asks))
            except (OSError, ValueError) as error:  # a terminal that is gone
                logger.info("progress is not shown any more: %s", error)
                self.watch = lambda _: None


def cancel_open(client: Anthropic, ledger: Ledger) -> list[str]:
    """Asks the API to stop every batch that is in flight; returns their ids. Failures are warnings."""
    canceled = []
    for job in list(ledger.state.open.values()):
        if job.batch_id is None:
            continue
        try:
            cancel(client, job.batch_id)
            canceled.append(job.batch_id)
        except BatchataError as error:
            logger.warning("%s could not be canceled: %s", job.batch_id, error)
    reason = f"it was canceled with {len(canceled)} batches in flight: {', '.join(canceled)}"
    ledger.record(Decided(at=datetime.now(UTC), what="cancel", reason=reason), sync=True)
    return canceled


def snapshot(state: RunState, session: Session, now: float) -> Snapshot:
    """Where the run stands."""
    succeeded = state.tally.kinds["succeeded"]
    budget = state.budget
    sample = gated_sample(state, session)
    looks = [session.watches[job].due for job in state.open if job in session.watches]
    return Snapshot(
        total=state.total,
        succeeded=succeeded,
        failed=state.tally.kinds.total() - succeeded,
        in_flight=state.count(Standing.HELD),
        pending=state.count(Standing.PENDING, Standing.AGAIN),
        cached=state.tally.cached,
        batches=len(state.open),
        spent=None if state.tally.unpriced and not budget.spent else budget.spent,
        reserved=None if budget.limit is None else budget.reserved,
        limit=budget.limit,
        elapsed=now - session.started,
        next_look=max(min(looks) - now, 0.0) if looks else None,
        sampled=len(sample.costs) if sample else 0,
    )
