"""Who carries errands out for the hands of a run: the workers of a task runner, or shards."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from typing import Any, Protocol

from prefect.exceptions import CrashedRun, MissingResult
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner
from prefect.tasks import Task

from batchata.core.measured import Measure, Measured
from batchata.core.steps import Collect, Send
from batchata.errors import LostWorkerError
from batchata.orchestration.tasks import check_worker, collect_job, measure_items, submit_job
from batchata.running.errands import Errand, Packer, Parcel

Told = Callable[[Any], None]
"""Is called once, from any thread, with what came of an errand: a report, or the exception. A LostWorkerError says that
nobody can tell."""


class Crew(Protocol):
    """Carries errands out in other processes."""

    def begin(self, packer: Packer) -> None:
        """Before the first errand, also after a rest. Raises InputError when they could not be carried out."""

    def give(self, step: Errand, parcel: Parcel, key: str, told: Told) -> bool:
        """Has it carried out, and returns at once; False when nobody is there to do it."""

    def rest(self) -> None:
        """There will be nothing to do for a while: nobody is held."""

    def close(self) -> None:
        """There will be nothing to do any more."""


class RunnerCrew:
    """The workers of a Prefect task runner, which is started."""

    def __init__(self, runner: TaskRunner[Any]) -> None:
        self._runner = runner
        self._context = copy_context()

    def begin(self, packer: Packer) -> None:
        self._context = copy_context()  # forming has a thread of its own, which knows of no flow run
        answer: Future[Any] = Future()
        self._submit(check_worker, {"job": 0, "carry_out": packer.packed(None)}, answer.set_result)
        if isinstance(found := answer.result(), BaseException):
            raise found

    def give(self, step: Errand, parcel: Parcel, key: str, told: Told) -> bool:
        task, parameters = task_of(step, key, parcel)
        self._submit(task, parameters, told)
        return True

    def _submit(self, task: Task[..., Any], parameters: dict[str, Any], told: Told) -> None:
        try:
            future = self._context.copy().run(partial(self._runner.submit, task, parameters=parameters))
        except Exception as error:  # noqa: BLE001 - each library has its own for a cluster that is gone
            told(LostWorkerError(error))
            return
        future.add_done_callback(lambda finished: told(_outcome_of(finished)))

    def rest(self) -> None:
        """A cluster is the user's own."""

    def close(self) -> None:
        """The task runner is closed by who started it."""


def task_of(step: Errand, key: str, carry_out: Callable[[], Any]) -> tuple[Task[..., Any], dict[str, Any]]:
    """The task that an errand is, and its parameters."""
    match step:
        case Measure():
            return measure_items, {"job": step.job, "carry_out": carry_out}
        case Send():
            return submit_job, {"job": step.job, "key": key, "carry_out": carry_out}
        case Collect():
            return collect_job, {"job": step.job, "key": key, "carry_out": carry_out}


def _outcome_of(future: PrefectFuture[Any]) -> Any:
    """When the task runner failed, and not the task, the worker was lost."""
    try:
        found = future.result(raise_on_failure=False)
    except BaseException as error:  # noqa: BLE001 - each library has its own for a worker that is gone
        return LostWorkerError(error)
    return LostWorkerError(found) if isinstance(found, CrashedRun | MissingResult) else found


def measured_by(crew: Crew, packer: Packer, step: Measure) -> Callable[[], list[Measured]]:
    """Has items measured by the crew, or here where it cannot; to be called for what came of it."""
    answer: Future[Any] = Future()
    if not crew.give(step, packer.packed(step), "", answer.set_result):
        return lambda: list(packer.here.measured(step))

    def result() -> list[Measured]:
        found = answer.result()
        if isinstance(found, BaseException):
            raise found
        return found  # type: ignore[no-any-return]

    return result
