"""The hands that need no Prefect and no server: threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from queue import SimpleQueue

from batchata.core.steps import Approve, Ask, Report, Work
from batchata.errors import InputError
from batchata.running.errands import Packer
from batchata.running.gate import Approval
from batchata.running.loop import Done
from batchata.running.worker import unclaimed

_Call = tuple[Work, Callable[[Work], Report], Done]


class LocalHands:
    """Carries steps out in threads that do not keep the process alive: an interrupted run can end at once."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads = 0

    def start(self, step: Work, carry_out: Callable[[Work], Report], done: Done) -> None:
        self._calls.put((step, carry_out, done))
        if not self._idle.acquire(blocking=False):
            self._threads += 1
            threading.Thread(target=self._work, daemon=True, name=f"batchata-{self._threads}").start()

    def close(self) -> None:
        """Lets the threads end when they have done what they do."""
        for _ in range(self._threads):
            self._calls.put(None)
        self._threads = 0

    def _work(self) -> None:
        while call := self._calls.get():
            step, carry_out, done = call
            done(step, _carried_out(step, carry_out))
            self._idle.release()

    def equip(self, packer: Packer) -> None:
        """All is done in this process."""

    def claim(self, place: str, name: str) -> bool:
        return unclaimed(place, name)

    def admits(self, job: int) -> bool:  # noqa: ARG002 - there is no fence outside of this run
        return True

    def settled(self, job: int) -> None:
        """Nothing was taken for the job."""

    def ask(self, question: Ask, run_id: str) -> Decimal | str:
        raise InputError(f"nobody can be asked about the limit of run {run_id} ({question.limit}) without Prefect")

    def confirm(self, question: Approve, run_id: str) -> Approval:  # noqa: ARG002 - there is nobody to ask
        return Approval(passed=False, reason="nobody was asked to approve the rest", is_decision=False)

    def tick(self) -> str | None:
        return None


def _carried_out(step: Work, carry_out: Callable[[Work], Report]) -> Report | BaseException:
    try:
        return carry_out(step)
    except BaseException as error:  # noqa: BLE001 - it is raised again in the loop's own thread
        return error
