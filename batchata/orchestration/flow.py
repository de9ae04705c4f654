"""The BatchManager flow: the same run, seen and steered in Prefect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import TerminationSignal
from prefect.states import Cancelled, Completed, Failed

from batchata.core.naming import run_title
from batchata.core.plurals import number_of
from batchata.core.steps import Finish
from batchata.core.summary import Summary, result_words, spent_words
from batchata.core.wording import words_of
from batchata.orchestration.fence import Fence
from batchata.orchestration.hands import PrefectHands
from batchata.orchestration.reporting import Reporter, Told, surface_of
from batchata.orchestration.runlog import logged_in_the_flow_run
from batchata.orchestration.runners import crew_of, runner_of, started
from batchata.running.loop import Body
from batchata.running.options import Helpers

INTERRUPTS = (KeyboardInterrupt, SystemExit, TerminationSignal)
"""By which a run in a flow is told to end; the last one is how Prefect's runner hands on a cancel."""


def run_as_flow(
    body: Body,
    *,
    told: Told,
    parallel: int,
    answer_within: float | None,
    shown: Mapping[str, Any],
    figures: Callable[[], Summary],
    helpers: Helpers,
) -> Finish:
    """Carries out `body` in a flow run of its own, or in the one that it is called from.

    `shown` are the parameters that the flow run has in the UI, `figures` what its last state tells of. Raises
    LedgerError when the flow run was started before, with a ledger that is not here, InputError for helpers that
    cannot be used.
    """
    runner = runner_of(helpers.task_runner, parallel)
    crew = crew_of(helpers, runner)
    cancelled = False

    def with_hands(*, is_new: bool) -> Finish:
        nonlocal cancelled
        words = words_of(surface_of(told.facts))
        with logged_in_the_flow_run(words), started(runner), closing(Reporter(told)) as reporter:
            hands = PrefectHands(told.facts.run_id, Fence(), runner, answer_within, reporter, crew=crew)
            with closing(hands):
                finish = reporter.carry(partial(body, hands), is_new=is_new)
            cancelled = hands.was_cancelled
            return finish

    if FlowRunContext.get() is not None:
        return with_hands(is_new=False)
    finished: list[Finish | Exception] = []
    title = run_title(told.facts.name, datetime.now(UTC).date(), shown["items"])

    def ended() -> State[Any]:
        try:
            finish = with_hands(is_new=True)
        except Exception as error:
            finished.append(error)
            raise
        finished.append(finish)
        return state_of(finish, figures(), cancelled=cancelled)

    _bodies[shown["state_path"]] = ended
    try:
        # As a text the title would be a template, and a folder may be called {x}.
        batch_manager.with_options(flow_run_name=lambda: title)(**shown, return_state=True)
    finally:
        del _bodies[shown["state_path"]]
    if isinstance(finished[0], Exception):
        raise finished[0]
    return finished[0]


_bodies: dict[str, Callable[[], State[Any]]] = {}
"""What flow runs of this process carry out. The flow itself goes to other processes with each task, and this cannot."""


def _carry_out(  # the parameters are what the UI shows of the run
    name: str,  # noqa: ARG001
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
    again = figures.get("retry_count")
    first = "" if again is None else f"{number_of(again, 'failed item was', 'failed items were')} sent again. "
    return f"{first}{result_words(figures)}; {spent_words(figures)}"
