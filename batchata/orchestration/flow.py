"""The BatchManager flow: the same run, seen and steered in Prefect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from batchata.core.steps import Finish
from batchata.core.summary import Summary
from batchata.orchestration.fence import Fence
from batchata.orchestration.hands import PrefectHands
from batchata.running.loop import Body


def run_as_flow(
    body: Body,
    *,
    run_id: str,
    parallel: int,
    answer_within: float | None,
    shown: Mapping[str, Any],
    figures: Callable[[], Summary],
) -> Finish:
    """Carries out `body` in a flow run of its own, or in the one that it is called from.

    `shown` are the parameters that the flow run has in the UI, `figures` what its last state tells of.
    """
    runner: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=2 * parallel)
    hands = PrefectHands(run_id, Fence(), runner, answer_within)

    def with_hands() -> Finish:
        with runner, closing(hands):
            return body(hands)

    if FlowRunContext.get() is not None:
        return with_hands()
    finished: list[Finish | Exception] = []

    @flow(
        name="batch-manager",
        flow_run_name=f"{shown['model']} · {shown['items']} items · {run_id}",
        validate_parameters=False,
    )
    def batch_manager(  # the parameters are what the UI shows of the run
        model: str,  # noqa: ARG001
        items: int,  # noqa: ARG001
        max_cost: str | None,  # noqa: ARG001
        state_path: str,  # noqa: ARG001
        results_dir: str,  # noqa: ARG001
    ) -> State[Any]:
        try:
            finish = with_hands()
        except Exception as error:
            finished.append(error)
            raise
        finished.append(finish)
        return state_of(finish, figures(), cancelled=hands.was_cancelled)

    batch_manager(**shown, return_state=True)
    if isinstance(finished[0], Exception):
        raise finished[0]
    return finished[0]


def state_of(finish: Finish, figures: Summary, *, cancelled: bool) -> State[Any]:
    """What the UI shows at the end."""
    message = ". ".join(part for part in (_told(figures), finish.stopped) if part)
    if cancelled:
        return Cancelled(message=message)
    if finish.error is not None:
        return Failed(message=message)
    if finish.stopped:
        return Completed(name="InFlight" if finish.is_away else "Stopped", message=message)
    return Completed(name="CompletedWithFailures" if figures["failed_items"] else "Completed", message=message)


def final_state(figures: Summary, first: str = "") -> State[Any]:
    """What the UI shows at the end of a flow that carried out a run; `first` is said first."""
    message = ". ".join(part for part in (first, _told(figures), figures["stopped"]) if part)
    if figures["stopped"]:
        return Completed(name="InFlight" if figures["in_flight_items"] else "Stopped", message=message, data=figures)
    name = "CompletedWithFailures" if figures["failed_items"] else "Completed"
    return Completed(name=name, message=message, data=figures)


def _told(figures: Summary) -> str:
    limit = f" of ${figures['max_cost']:.2f}" if figures["max_cost"] is not None else ""
    failed = f", {figures['failed_items']:,} failed" if figures["failed_items"] else ""
    return (
        f"{figures['completed_items']:,} of {figures['total_items']:,} items succeeded{failed}; "
        f"${figures['total_cost']:.4f}{limit} spent"
    )
