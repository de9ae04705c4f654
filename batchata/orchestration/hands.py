"""The hands that work with Prefect: a task run for each create and each collect, a form at the limit."""

from __future__ import annotations

import logging
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from prefect.futures import PrefectFuture
from prefect.task_runners import ThreadPoolTaskRunner

from batchata.core.fingerprints import job_key
from batchata.core.money import usd
from batchata.core.steps import Approve, Ask, Collect, Report, Send, Work
from batchata.orchestration.approval import Ending, LimitQuestion, ask
from batchata.orchestration.fence import Fence
from batchata.orchestration.sample_question import REASONS, SampleQuestion
from batchata.orchestration.server import is_cancelling, own_flow_run_id
from batchata.orchestration.tasks import collect_job, submit_job
from batchata.running.gate import Approval
from batchata.running.local import LocalHands
from batchata.running.loop import Done

logger = logging.getLogger("batchata")


class PrefectHands:
    """To be used in the body of a flow. Looks, searches and forming are no task runs: they are many and small."""

    def __init__(
        self, run_id: str, fence: Fence, runner: ThreadPoolTaskRunner[Any], answer_within: float | None = None
    ) -> None:
        self._run_id = run_id
        self._fence = fence
        self._runner = runner
        self._local = LocalHands()
        self._answer_within = answer_within
        self.was_cancelled = False

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
        parameters = {"job": step.job, "key": key, "carry_out": lambda: carry_out(step)}
        future = self._runner.submit(task, parameters=parameters)
        future.add_done_callback(lambda finished: done(step, _report_of(finished)))

    def admits(self, job: int) -> bool:
        return self._fence.try_enter(job)

    def settled(self, job: int) -> None:
        self._fence.leave(job)

    def close(self) -> None:
        """Gives back what is held outside of the run."""
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

    def confirm(self, question: Approve, run_id: str) -> Approval:
        logger.warning(
            "the sample of %s items is done: flow run %s asks whether the other %s items are to be sent. Answer with "
            "Resume in the Prefect UI",
            f"{question.report.items:,}",
            own_flow_run_id(),
            f"{question.report.waiting:,}",
        )
        answer = ask(SampleQuestion(run_id, question.number, question.report), timeout=self._answer_within)
        self.was_cancelled = answer is Ending.CANCELLED
        if isinstance(answer, Ending):
            return Approval(passed=False, reason=REASONS[answer])
        return Approval(answer, "a person chose to continue")

    def tick(self) -> str | None:
        self._fence.renew()
        self.was_cancelled = self.was_cancelled or is_cancelling()
        return "the flow run was cancelled; run again to go on" if self.was_cancelled else None


def _report_of(future: PrefectFuture[Any]) -> Report | BaseException:
    """Whatever goes wrong is told to the loop, which would wait for ever otherwise."""
    try:
        found: Report | BaseException = future.result(raise_on_failure=False)
    except BaseException as error:  # noqa: BLE001 - it is raised again in the loop's own thread
        return error
    return found
