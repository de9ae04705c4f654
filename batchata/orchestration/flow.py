"""The BatchManager flow: the same run, seen and steered in Prefect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Cancelled, Completed, Failed

from batchata.core.steps import Finish
from batchata.core.summary import Summary
from batchata.orchestration.fence import Fence
from batchata.orchestration.hands import PrefectHands
from batchata.orchestration.runners import crew_of, runner_of
from batchata.running.loop import Body
from batchata.running.options import Helpers


def run_as_flow(
    body: Body,
    *,
    run_id: str,
    parallel: int,
    answer_within: float | None,
    shown: Mapping[str, Any],
    figures: Callable[[], Summary],
    helpers: Helpers,
) -> Finish:
    """Carries out `body` in a flow run of its own, or in the one that it is called from.

    `shown` are the parameters that the flow run has in the UI, `figures` what its last state tells of. Raises
    InputError for helpers that cannot be used.
    """
    runner = runner_of(helpers.task_runner, parallel)
    crew = crew_of(helpers, runner)
    hands = PrefectHands(run_id, Fence(), runner, answer_within, crew=crew)

    def with_hands() -> Finish:
        with runner, closing(hands):
            return body(hands)

    if FlowRunContext.get() is not None:
        return with_hands()
    finished: list[Finish | Exception] = []

    def ended() -> State[Any]:
        try:
            finish = with_hands()
        except Exception as error:
            finished.append(error)
            raise
        finished.append(finish)
        return state_of(finish, figures(), cancelled=hands.was_cancelled)

    name = f"{shown['model']} · {shown['items']} items · {run_id}"
    _bodies[shown["state_path"]] = ended
    try:
        batch_manager.with_options(flow_run_name=name)(**shown, return_state=True)
    finally:
        del _bodies[shown["state_path"]]
    if isinstance(finished[0], Exception):
        raise finished[0]
    return finished[0]


_bodies: dict[str, Callable[[], State[Any]]] = {}
"""What flow runs of this process carry out. The flow itself goes to other processes with each task, and this cannot."""


def _carry_out(  # the parameters are what the UI shows of the run
    model: str,  # noqa: ARG001
    items: int,  # noqa: ARG001
    max_cost: str | None,  # noqa: ARG001
    state_path: str,
    results_dir: str,  # noqa: ARG001
) -> State[Any]:
    return _bodies[state_path]()


batch_manager = flow(name="batch-manager", validate_parameters=False)(_carry_out)


def state_of(finish: Finish, figures: Summary, *, cancelled: bool) -> State[Any]:
    """What the UI shows at the end."""
    message = ". ".join(part for part in (_told(figures), finish.stopped) if part)
    if cancelled:
        return Cancelled(message=message)
    if finish.error is not None:
        return Failed(message=message)
    if finish.stopped:
        return Completed(name="Stopped", message=message)
    return Completed(name="CompletedWithFailures" if figures["failed_items"] else "Completed", message=message)


def _told(figures: Summary) -> str:
    limit = f" of ${figures['max_cost']:.2f}" if figures["max_cost"] is not None else ""
    failed = f", {figures['failed_items']:,} failed" if figures["failed_items"] else ""
    return (
        f"{figures['completed_items']:,} of {figures['total_items']:,} items succeeded{failed}; "
        f"${figures['total_cost']:.4f}{limit} spent"
    )
