"""Reaching the cost limit pauses the flow and asks a person, who answers a form in the UI or through the API.

A run of a deployment is suspended: its process ends, and the answer starts the flow again from the top, where the same
question returns its answer at once. Any other run waits in its process.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from enum import Enum
from itertools import count
from typing import Any, Literal, assert_never, cast
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import StateAbortDetails
from prefect.context import TaskRunContext
from prefect.flow_runs import suspend_flow_run
from prefect.input import Keyset, RunInput, keyset_from_paused_state
from prefect.states import Paused, Running
from pydantic import Field, ValidationError

from batchata.errors import BatchataError
from batchata.orchestration.server import LOOK_SECONDS, Line, own_flow_run_id, state_type

GRACE_SECONDS = 600
"""How much later than ourselves the server gives a question up: it marks the run failed, should we be gone by then."""

CENT = Decimal("0.01")
_SYNC: Any = {"_sync": True}  # without it Prefect hands back coroutines where the caller is an async flow


class Approval(RunInput):
    """The form. Both fields stay required, or a bare Resume would go on with a limit that nobody chose."""

    decision: Literal["continue", "stop"] = Field(
        description="continue: go on with the new limit. stop: end the run; items that wait are kept for a later run."
    )
    new_limit_usd: float = Field(
        gt=0,
        allow_inf_nan=False,
        description="The new cost limit of the whole run in US dollars, what is spent already included. "
        "It is not read when you choose stop: type 1 then.",
    )


class Ending(Enum):
    """Why a question brought no new limit; the value is for the message of the flow's last state."""

    STOPPED = "a person chose to stop at the cost limit"
    UNANSWERED = "the cost limit is reached and nobody answered in time"
    CANCELLED = "the run was cancelled while it waited at the cost limit"


@dataclass(frozen=True, slots=True)
class LimitQuestion:
    """`number` counts the questions of a run that were answered before, plus one: a question is known by its number.

    `next_bound` is the most that the next item may cost, None when that is not known. All amounts are US dollars.
    """

    run_id: str
    spent: Decimal
    limit: Decimal
    pending: int
    next_bound: Decimal | None
    number: int

    @property
    def needed(self) -> Decimal:
        return self.spent + (self.next_bound or 0)

    @property
    def suggestion(self) -> Decimal:
        """The smallest whole amount of cents that is accepted."""
        more = max(self.limit, self.spent).quantize(CENT, ROUND_DOWN) + CENT
        return max(more, self.needed.quantize(CENT, ROUND_UP))

    def refusal(self, new_limit: Decimal) -> str:
        """Why the run could not go on under this limit; empty when it can."""
        if new_limit > max(self.limit, self.spent) and new_limit >= self.needed:
            return ""
        return f"a limit of ${new_limit:f} is not enough to go on. Type ${self.suggestion:f} or more."

    def describe(self, refusal: str = "") -> str:
        """What the form says above its fields, in Markdown."""
        bound = f" The next one may cost up to ${self.next_bound:f}." if self.next_bound is not None else ""
        refused = f"**Your last answer was not accepted:** {refusal}\n\n" if refusal else ""
        return (
            f"{refused}The cost limit of **${self.limit:f}** is reached: **${self.spent:f}** is spent and "
            f"**{self.pending:,}** items wait.{bound}\n\n"
            f"Choose **continue** and type the new limit of the whole run, ${self.suggestion:f} or more.\n\n"
            "Or choose **stop** and type 1 as the limit, which is not read then. Results so far are kept, and a later "
            "run with a higher limit goes on with the items that wait."
        )


def ask(question: LimitQuestion, *, timeout: float | None = None) -> Decimal | Ending:
    """The new limit, or why there is none. From the body of a flow, when it has stopped submitting; blocks.

    An answer that is too low is refused and asked again. `timeout` (seconds) holds for each time it is asked. In a run
    of a deployment Prefect's `Pause` passes through the caller; there, a timeout ends in the state Failed ("never
    resumed"), set by the server.
    """
    run = _own_run()
    refusal = ""
    for attempt in count(1):
        form = Approval.with_initial_data(description=question.describe(refusal))
        # A retry of the flow run asks anew: its old questions may be stored without an answer, under their keys.
        key = f"limit-{question.run_id}-{question.number}-{attempt}-{run.run_count}"
        answer = _suspend(form, key, timeout) if _can_suspend(run) else _pause(run.id, form, key, timeout)
        judged = _judge(question, answer)
        if not isinstance(judged, str):
            return judged
        refusal = judged
    raise AssertionError


def _judge(question: LimitQuestion, answer: Approval | Ending | None) -> Decimal | Ending | str:
    """A str says why the answer is refused."""
    if isinstance(answer, Ending):
        return answer
    if answer is None:
        return "the run was resumed without an answer."
    match answer.decision:
        case "stop":
            return Ending.STOPPED
        case "continue":
            new_limit = Decimal(str(answer.new_limit_usd))
            return question.refusal(new_limit) or new_limit
        case _:
            assert_never(answer.decision)


def _own_run() -> FlowRun:
    run_id = own_flow_run_id()
    if run_id is None:
        raise BatchataError("a question about the cost limit can only be asked inside a Prefect flow run")
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run_id)


def _can_suspend(run: FlowRun) -> bool:
    """Prefect suspends no run without a deployment, no subflow, and nothing from inside a task run."""
    return run.deployment_id is not None and run.parent_task_run_id is None and TaskRunContext.get() is None


def _suspend(form: type[Approval], key: str, timeout: float | None) -> Approval | None:
    try:
        seconds = None if timeout is None else round(timeout)
        return cast("Approval", suspend_flow_run(wait_for_input=form, key=key, timeout=seconds, **_SYNC))
    except ValidationError:  # somebody set the state by hand: resumed, without an answer
        return None


def _pause(run_id: UUID, form: type[Approval], key: str, timeout: float | None) -> Approval | Ending | None:
    """Prefect's `pause_flow_run`, but it notices that the run is cancelled, and outlives a server that is away."""
    expires = None if timeout is None else round(timeout) + GRACE_SECONDS
    paused: State[None] = Paused(timeout_seconds=expires, reschedule=False, pause_key=key)
    keys = keyset_from_paused_state(paused)
    paused.state_details.run_input_keyset = {str(name): value for name, value in keys.items()}
    form.save(keys, **_SYNC)  # before the run is seen as paused: it can be answered from then on
    with get_client(sync_client=True) as client:
        _set_state(client, run_id, paused)
        ending = _wait_for_answer(run_id, timeout)
        if ending is Ending.UNANSWERED:
            _set_state(client, run_id, Running())
    answer = None if ending is Ending.CANCELLED else _stored_answer(form, keys)
    return answer or ending  # an answer in the last moment counts


def _set_state(client: SyncPrefectClient, run_id: UUID, state: State[None]) -> None:
    result = client.set_flow_run_state(run_id, state)
    if isinstance(result.details, StateAbortDetails):
        raise BatchataError(f"the flow run could not be set to {state.name} at the cost limit: {result.details.reason}")


def _wait_for_answer(run_id: UUID, timeout: float | None) -> Ending | None:
    """None when somebody resumed the run."""
    until = time.monotonic() + (float("inf") if timeout is None else timeout)
    with closing(Line()) as line:
        for looks in count():
            match state_type(line, run_id):
                case None | StateType.PAUSED:
                    pass
                case StateType.RUNNING:
                    return None
                case _:
                    return Ending.CANCELLED
            if time.monotonic() >= until:
                break
            seconds = min(0.5 + looks / 4, LOOK_SECONDS)  # somebody who waits for the question answers soon
            time.sleep(max(0, min(seconds, until - time.monotonic())))
    return Ending.UNANSWERED


def _stored_answer(form: type[Approval], keys: Keyset) -> Approval | None:
    try:
        return cast("Approval", form.load(keys, **_SYNC))
    except ValidationError:  # nothing is stored
        return None
