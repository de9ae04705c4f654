"""The hands that need no Prefect and no server: a thread for each step."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal

from batchata.core.steps import Ask, Report, Work
from batchata.errors import InputError
from batchata.running.loop import Done


class LocalHands:
    """Carries steps out in threads that do not keep the process alive: an interrupted run can end at once."""

    def start(self, step: Work, carry_out: Callable[[Work], Report], done: Done) -> None:
        threading.Thread(target=_carry, args=(step, carry_out, done), daemon=True, name=f"batchata-{step.job}").start()

    def admits(self, job: int) -> bool:  # noqa: ARG002 - there is no fence outside of this run
        return True

    def settled(self, job: int) -> None:
        """Nothing was taken for the job."""

    def ask(self, question: Ask, run_id: str) -> Decimal | str:
        raise InputError(f"nobody can be asked about the limit of run {run_id} ({question.limit}) without Prefect")

    def tick(self) -> str | None:
        return None


def _carry(step: Work, carry_out: Callable[[Work], Report], done: Done) -> None:
    try:
        report: Report | BaseException = carry_out(step)
    except BaseException as error:  # noqa: BLE001 - it is raised again in the loop's own thread
        report = error
    done(step, report)
