"""The hands that work with Prefect: a task run for each create and each collect, a form at the limit.

With a crew, other processes carry out the heavy part of each job; the rest stays here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import copy_context
from decimal import Decimal
from functools import partial
from typing import Any

from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner

from batchata.core.fingerprints import job_key
from batchata.core.money import rounded_usd, usd
from batchata.core.plurals import number_of
from batchata.core.steps import Approve, Ask, Collect, Report, Send, Work
from batchata.errors import InputError, LostWorkerError
from batchata.orchestration.approval import AnswerT, Ending, FormT, LimitQuestion, Question, ask
from batchata.orchestration.claims import take
from batchata.orchestration.crews import Crew, Told, measured_by, task_of
from batchata.orchestration.fence import Fence
from batchata.orchestration.reporting import Reporter
from batchata.orchestration.sample_question import REASONS, SampleQuestion
from batchata.orchestration.server import is_cancelling, own_flow_run_id
from batchata.running.errands import Elsewhere, Packer
from batchata.running.gate import Approval
from batchata.running.local import LocalHands
from batchata.running.loop import Done
from batchata.running.probing import probe
from batchata.running.spreading import Spread

logger = logging.getLogger("batchata")


class PrefectHands:
    """To be used in the body of a flow. Looks, searches and packing are no task runs: they are many and small.

    `runner` has the threads of this process, `crew` are other processes, None when there are none.
    """

    def __init__(
        self,
        run_id: str,
        fence: Fence,
        runner: TaskRunner[Any],
        answer_within: float | None = None,
        reporter: Reporter | None = None,
        *,
        crew: Crew | None = None,
    ) -> None:
        self._run_id = run_id
        self._fence = fence
        self._runner = runner
        self._local = LocalHands()
        self._answer_within = answer_within
        self._reporter = reporter
        self._crew = crew
        self._packer: Packer | None = None
        self._resources = ExitStack()
        self._context = copy_context()  # which server and flow run it is stands in here, and other threads have none
        self._is_resting = False
        self.was_cancelled = False
        self._is_closed = False

    def equip(self, packer: Packer) -> Elsewhere | None:
        crew = self._crew
        if crew is None:
            return None
        place = str(own_flow_run_id())
        note = self._resources.enter_context(probe(packer.run.folder, packer.run.run_id, packer.run.assignment))
        packer.claimed_at(place, take, note)
        self._packer = packer
        self._resources.callback(crew.close)
        crew.begin(packer)
        return Elsewhere(Spread(partial(measured_by, crew, packer), packer.here).measured, place)

    def claim(self, place: str, name: str) -> bool:
        return self._context.copy().run(take, place, name)

    def start(self, step: Work, carry_out: Callable[[Work], Report], done: Done) -> None:
        if not isinstance(step, Send | Collect):
            self._start_here(step, carry_out, done)
            return
        if isinstance(step, Send) and self._reporter is not None:
            self._reporter.sending()
        key = job_key(self._run_id, step.items)
        try:
            if self._is_given(step, key, partial(self._told, step, carry_out, done)):
                return
        except InputError as error:  # an item that cannot travel
            done(step, error)
            return
        task, parameters = task_of(step, key, partial(carry_out, step))
        future = self._runner.submit(task, parameters=parameters)
        future.add_done_callback(lambda finished: done(step, _report_of(finished)))

    def _start_here(self, step: Work, carry_out: Callable[[Work], Report], done: Done) -> None:
        context = self._context.copy()  # what is logged there belongs to the flow run
        self._local.start(step, lambda work: context.run(carry_out, work), done)

    def _is_given(self, step: Send | Collect, key: str, told: Told) -> bool:
        if self._crew is None or self._packer is None:
            return False
        return self._crew.give(step, self._packer.packed(step), key, told)

    def _told(self, step: Work, carry_out: Callable[[Work], Report], done: Done, report: Any) -> None:
        """A step whose worker was lost is done here; a create call only if the right to it is still free."""
        if isinstance(report, LostWorkerError) and self._is_closed:
            return  # the run has ended, and the next one finds out what came of it
        if isinstance(report, LostWorkerError):
            logger.warning("job %d: %s. The run does this step itself", step.job, report)
            self._start_here(step, carry_out, done)
            return
        done(step, report)

    def admits(self, job: int) -> bool:
        return self._fence.try_enter(job)

    def settled(self, job: int) -> None:
        self._fence.leave(job)

    def close(self) -> None:
        """Gives back what is held outside of the run."""
        self._is_closed = True
        self._resources.close()
        self._local.close()
        self._fence.close()

    def ask(self, question: Ask, run_id: str) -> Decimal | str:
        asked = LimitQuestion(
            run_id=run_id,
            spent=question.spent,
            limit=question.limit,
            pending=question.pending,
            next_bound=question.needed,
            number=question.number,
        )
        why = (
            f"the cost limit of {usd(question.limit)} is reached: {rounded_usd(question.spent)} is spent and "
            f"{number_of(question.pending, 'item waits', 'items wait')}"
        )
        answer = self._answer_to(asked, why, "a new limit or a stop")
        return answer.value if isinstance(answer, Ending) else answer

    def _answer_to(self, question: Question[FormT, AnswerT], why: str, wanted: str) -> AnswerT | Ending:
        answer = ask(question, timeout=self._answer_within, asking=partial(self._asking, why, wanted))
        self.was_cancelled = answer is Ending.CANCELLED
        if self._reporter is not None:
            self._reporter.answered()
        if self._is_resting and self._crew is not None and self._packer is not None and not isinstance(answer, Ending):
            self._crew.begin(self._packer)
        self._is_resting = False
        return answer

    def _asking(self, why: str, wanted: str, refusal: str) -> None:
        """Not after a suspended run was answered: the question was put, and told of, in another process."""
        if refusal:
            logger.warning("the answer was not accepted: %s", refusal)
        run = own_flow_run_id()
        logger.warning("%s. Flow run %s asks for %s: answer with Resume in the Prefect UI", why, run, wanted)
        if self._reporter is not None:
            self._reporter.asking(why)
        if self._crew is not None and not self._is_resting:
            self._crew.rest()
            self._is_resting = True

    def confirm(self, question: Approve, run_id: str) -> Approval:
        report = question.report
        why = f"the sample of {number_of(report.items, 'item')} is done"
        wanted = f"a word whether the other {number_of(report.waiting, 'item')} are to be sent"
        answer = self._answer_to(SampleQuestion(run_id, question.number, report), why, wanted)
        if isinstance(answer, Ending):
            return Approval(passed=False, reason=REASONS[answer])
        return Approval(answer, "a person chose to continue")

    def tick(self) -> str | None:
        self._fence.renew()
        if self._reporter is not None:
            self._reporter.tick()
        self.was_cancelled = self.was_cancelled or is_cancelling()
        return "the flow run was cancelled; run again to go on" if self.was_cancelled else None


def _report_of(future: PrefectFuture[Any]) -> Report | BaseException:
    """Whatever goes wrong is told to the loop, which would wait for ever otherwise."""
    try:
        found: Report | BaseException = future.result(raise_on_failure=False)
    except BaseException as error:  # noqa: BLE001 - it is raised again in the loop's own thread
        return error
    return found
