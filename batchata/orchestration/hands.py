"""The hands that work with Prefect: a task run for each create and each collect, a form at the limit.

With a task runner that has processes of its own, those carry out the heavy part of each job; the rest stays here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import copy_context
from decimal import Decimal
from functools import partial
from typing import Any

from prefect.exceptions import CrashedRun, MissingResult
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner
from prefect.tasks import Task

from batchata.core.fingerprints import job_key
from batchata.core.measured import Measure, Measured
from batchata.core.money import usd
from batchata.core.steps import Ask, Collect, Report, Send, Work
from batchata.errors import LostWorkerError
from batchata.orchestration.approval import Ending, LimitQuestion, ask
from batchata.orchestration.claims import take
from batchata.orchestration.fence import Fence
from batchata.orchestration.server import is_cancelling, own_flow_run_id
from batchata.orchestration.tasks import check_worker, collect_job, measure_items, submit_job
from batchata.running.errands import Elsewhere, Packer
from batchata.running.local import LocalHands
from batchata.running.loop import Done
from batchata.running.probing import probe
from batchata.running.spreading import Spread

logger = logging.getLogger("batchata")


class PrefectHands:
    """To be used in the body of a flow. Looks, searches and packing are no task runs: they are many and small.

    `is_remote` says that `runner` has processes of its own.
    """

    def __init__(
        self,
        run_id: str,
        fence: Fence,
        runner: TaskRunner[Any],
        answer_within: float | None = None,
        *,
        is_remote: bool = False,
    ) -> None:
        self._run_id = run_id
        self._fence = fence
        self._runner = runner
        self._local = LocalHands()
        self._answer_within = answer_within
        self._is_remote = is_remote
        self._packer: Packer | None = None
        self._resources = ExitStack()
        self._context = copy_context()  # forming has a thread of its own, which knows of no flow run
        self.was_cancelled = False

    def equip(self, packer: Packer) -> Elsewhere | None:
        if not self._is_remote:
            return None
        place = str(own_flow_run_id())
        note = self._resources.enter_context(probe(packer.run.folder, packer.run.assignment))
        packer.claimed_at(place, take, note)
        self._packer, self._context = packer, copy_context()
        self._begin(check_worker, 0, None)()
        return Elsewhere(Spread(self._spread, packer.here()).measured, place)

    def claim(self, place: str, name: str) -> bool:
        return take(place, name)

    def start(self, step: Work, carry_out: Callable[[Work], Report], done: Done) -> None:
        match step:
            case Send():
                task = submit_job
            case Collect():
                task = collect_job
            case _:
                self._local.start(step, carry_out, done)
                return
        key = job_key(self._run_id, step.items)
        errand = self._packer.packed(step) if self._packer else partial(carry_out, step)
        future = self._runner.submit(task, parameters={"job": step.job, "key": key, "carry_out": errand})
        future.add_done_callback(lambda finished: self._done(finished, step, carry_out, done))

    def _done(self, future: PrefectFuture[Any], step: Work, carry_out: Callable[[Work], Report], done: Done) -> None:
        """A step whose worker was lost is done here; a create call only if the right to it is still free."""
        report = _report_of(future, is_remote=self._is_remote)
        if isinstance(report, LostWorkerError):
            logger.warning("job %d: %s. The run does this step itself", step.job, report)
            self._local.start(step, carry_out, done)
            return
        done(step, report)

    def _spread(self, step: Measure) -> Callable[[], list[Measured]]:
        return self._begin(measure_items, step.job, step)

    def _begin(self, task: Task[..., Any], job: int, step: Measure | None) -> Callable[[], list[Measured]]:
        """Has a task done by the task runner; to be called for what came of it."""
        if self._packer is None:
            raise TypeError("there is nobody elsewhere")
        parameters = {"job": job, "carry_out": self._packer.packed(step)}
        future = self._context.copy().run(partial(self._runner.submit, task, parameters=parameters))

        def result() -> list[Measured]:
            found: Any = _report_of(future, is_remote=True)
            if isinstance(found, BaseException):
                raise found
            return found  # type: ignore[no-any-return]

        return result

    def admits(self, job: int) -> bool:
        return self._fence.try_enter(job)

    def settled(self, job: int) -> None:
        self._fence.leave(job)

    def close(self) -> None:
        """Gives back what is held outside of the run."""
        self._local.close()
        self._fence.close()
        self._resources.close()

    def ask(self, question: Ask, run_id: str) -> Decimal | str:
        asked = LimitQuestion(
            run_id=run_id,
            spent=question.spent,
            limit=question.limit,
            pending=question.pending,
            next_bound=question.needed,
            number=question.number,
        )
        logger.warning(
            "the cost limit of %s is reached, %s items wait: flow run %s asks for a new limit or a stop. Answer with "
            "Resume in the Prefect UI",
            usd(question.limit),
            f"{question.pending:,}",
            own_flow_run_id(),
        )
        answer = ask(asked, timeout=self._answer_within)
        self.was_cancelled = answer is Ending.CANCELLED
        return answer.value if isinstance(answer, Ending) else answer

    def tick(self) -> str | None:
        self._fence.renew()
        self.was_cancelled = self.was_cancelled or is_cancelling()
        return "the flow run was cancelled; run again to go on" if self.was_cancelled else None


def _report_of(future: PrefectFuture[Any], *, is_remote: bool) -> Report | BaseException:
    """Whatever goes wrong is told to the loop, which would wait for ever otherwise.

    It is a LostWorkerError when nobody can tell what came of it: the task runner failed, not the task.
    """
    try:
        found: Report | BaseException = future.result(raise_on_failure=False)
    except BaseException as error:  # noqa: BLE001 - it is raised again in the loop's own thread
        return LostWorkerError(error) if is_remote else error
    return LostWorkerError(found) if is_remote and isinstance(found, CrashedRun | MissingResult) else found
