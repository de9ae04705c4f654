"""A question pauses the flow and asks a person, who answers a form in the UI or through the API.

A run of a deployment is suspended: its process ends, and the answer starts the flow again from the top, where the same
question returns its answer at once. Any other run waits in its process.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from enum import Enum
from functools import partial
from http import HTTPStatus
from itertools import count
from typing import ClassVar, Literal, Protocol, TypeVar
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import StateAbortDetails
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import PrefectHTTPStatusError
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput, keyset_from_paused_state
from prefect.states import Paused, Running, Suspended
from pydantic import Field, ValidationError

from batchata.core.money import rounded_usd, spent_of, usd
from batchata.core.plurals import number_of
from batchata.errors import BatchataError
from batchata.orchestration.server import LOOK_SECONDS, Line, own_flow_run_id, state_type

GRACE_SECONDS = 600  # so much later than we do the server gives a question up; the run is failed then, if we are gone
CENT = Decimal("0.01")


FormT = TypeVar("FormT", bound=RunInput)
AnswerT = TypeVar("AnswerT")
AnswerT_co = TypeVar("AnswerT_co", covariant=True)


class Approval(RunInput):
    # No field has a default, or a bare Resume would go on with a limit that nobody chose.
    decision: Literal["continue", "stop"] = Field(
        description="continue: go on with the new limit. stop: end the run; items that wait are kept for a later run."
    )
    new_limit_usd: float = Field(
        gt=0,
        allow_inf_nan=False,
        title="New limit in US dollars",
        description="For the whole run, what is spent already included. Any number will do with stop.",
    )


class Ending(Enum):
    """Why there is no new limit; the value is for the message of the flow's last state."""

    STOPPED = "a person chose to stop at the cost limit"
    UNANSWERED = "the cost limit is reached and nobody answered in time"
    CANCELLED = "the run was cancelled while it waited at the cost limit"


class Question(Protocol[FormT, AnswerT_co]):
    """What a person is asked. `key` is the same whenever the same thing is asked of the same run."""

    @property
    def key(self) -> str: ...

    @property
    def form(self) -> type[FormT]: ...

    def describe(self, refusal: str = "") -> str:
        """What the form says above its fields, in Markdown."""

    def judge(self, answer: FormT) -> AnswerT_co | Ending | str:
        """What the answer means; a str says why it is refused."""


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
    form: ClassVar[type[Approval]] = Approval

    @property
    def key(self) -> str:
        return f"limit-{self.run_id}-{self.number}"

    @property
    def suggestion(self) -> Decimal:
        """The smallest whole amount of cents that is accepted."""
        more = max(self.limit, self.spent).quantize(CENT, ROUND_DOWN) + CENT
        return max(more, (self.spent + (self.next_bound or 0)).quantize(CENT, ROUND_UP))

    def refusal(self, new_limit: Decimal) -> str:
        """Why the run could not go on under this limit; empty when it can."""
        if new_limit > max(self.limit, self.spent) and new_limit >= self.spent + (self.next_bound or 0):
            return ""
        return f"a limit of {usd(new_limit)} is not enough to go on. Type {usd(self.suggestion)} or more."

    def describe(self, refusal: str = "") -> str:
        """What the form says above its fields, in Markdown."""
        refused = f"**Your last answer was not accepted:** {refusal}\n\n" if refusal else ""
        waits = number_of(self.pending, "item waits", "items wait")
        return (
            f"{refused}**{spent_of(self.spent, self.limit)}** is spent, the cost limit is reached, and **{waits}**."
            f"{self._needs}\n\n"
            f"**continue** goes on with a new limit of {usd(self.suggestion)} or more{self._for_all}. "
            "**stop** ends the run; a later one goes on with what waits."
        )

    @property
    def _needs(self) -> str:
        return "" if self.next_bound is None else f" The next one may cost up to {rounded_usd(self.next_bound)}."

    @property
    def _for_all(self) -> str:
        """A limit by which one is not asked again."""
        if self.next_bound is None or self.pending < 2:
            return ""
        enough = max((self.spent + self.next_bound * self.pending).quantize(CENT, ROUND_UP), self.suggestion)
        return f" ({usd(enough)} covers all {self.pending:,}, if none may cost more than the next one)"

    def judge(self, answer: Approval) -> Decimal | Ending | str:
        """The new limit."""
        if answer.decision == "stop":
            return Ending.STOPPED
        new_limit = Decimal(str(answer.new_limit_usd))
        return self.refusal(new_limit) or new_limit


def ask(
    question: Question[FormT, AnswerT], *, timeout: float | None = None, asking: Callable[[str], None] = lambda _: None
) -> AnswerT | Ending:
    """The answer, or why there is none. From the body of a flow, when it has stopped submitting; blocks.

    An answer that is refused is asked again. `timeout` (seconds) holds for each time it is asked. In a run of a
    deployment Prefect's `Pause` passes through the caller, and a timeout ends as Failed ("never resumed"). `asking` is
    called before a person is asked, with why the last answer was refused: not for what was answered before.
    """
    run, refusal = _own_run(), ""
    for attempt in count(1):
        text = question.describe(refusal)
        # A retry of the flow run asks anew: its old questions may be stored without an answer, under their keys.
        key = f"{question.key}-{attempt}-{run.run_count}"
        answer = _put(question.form, text, key, timeout, run=run, asking=partial(asking, refusal))
        if isinstance(answer, Ending):
            return answer
        judged = "the run was resumed without an answer." if answer is None else question.judge(answer)
        if not isinstance(judged, str):
            return judged
        refusal = judged
    raise AssertionError


def _put(
    form: type[FormT], text: str, key: str, timeout: float | None, *, run: FlowRun, asking: Callable[[], None]
) -> FormT | Ending | None:
    if not _can_suspend(run):
        asking()
        return _pause(run.id, form, text, key, timeout)
    if key in (run.empirical_policy.pause_keys or ()):  # it was suspended for this, and resumed
        with get_client(sync_client=True) as client:
            keys = keyset_from_paused_state(Suspended(pause_key=key))
            return _stored_answer(client, form, run.id, keys["response"])
    asking()
    return _suspend(form, text, key, timeout)


def _own_run() -> FlowRun:
    run_id = own_flow_run_id()
    if run_id is None:
        raise BatchataError("a person can only be asked inside a Prefect flow run")
    with get_client(sync_client=True) as client:
        return client.read_flow_run(run_id)


def _can_suspend(run: FlowRun) -> bool:
    """Prefect suspends no run without a deployment, no subflow, and from sync code nothing but the body of a flow."""
    flow = getattr(FlowRunContext.get(), "flow", None)
    is_body = TaskRunContext.get() is None and run.parent_task_run_id is None
    return run.deployment_id is not None and is_body and flow is not None and not flow.isasync


def _suspend(form: type[FormT], text: str, key: str, timeout: float | None) -> FormT | None:
    described = form.with_initial_data(description=text)
    try:
        return suspend_flow_run(wait_for_input=described, key=key, timeout=None if timeout is None else round(timeout))
    except ValidationError:  # somebody set the state by hand: resumed, without an answer
        return None


def _pause(run_id: UUID, form: type[FormT], text: str, key: str, timeout: float | None) -> FormT | Ending | None:
    """Prefect's `pause_flow_run`, but it notices a cancel, outlives a server that is away, and works in async flows."""
    paused: State[None] = Paused(timeout_seconds=None if timeout is None else round(timeout) + GRACE_SECONDS)
    paused.state_details.pause_key = key
    keys = keyset_from_paused_state(paused)
    paused.state_details.run_input_keyset = {str(name): value for name, value in keys.items()}
    with get_client(sync_client=True) as client:
        # The form comes before the state, for the run can be answered as soon as it is seen as paused.
        client.create_flow_run_input(run_id, keys["schema"], json.dumps(form.model_json_schema()))
        client.create_flow_run_input(run_id, keys["description"], json.dumps(text))
        _set_state(client, run_id, paused)
        ending = _wait_for_answer(run_id, timeout)
        if ending is Ending.CANCELLED:
            return ending
        if ending is Ending.UNANSWERED:
            _set_state(client, run_id, Running())
        return _stored_answer(client, form, run_id, keys["response"]) or ending  # one in the last moment counts


def _set_state(client: SyncPrefectClient, run_id: UUID, state: State[None]) -> None:
    result = client.set_flow_run_state(run_id, state)
    if isinstance(result.details, StateAbortDetails):
        raise BatchataError(f"the flow run could not be set to {state.name} to ask a person: {result.details.reason}")


def _wait_for_answer(run_id: UUID, timeout: float | None) -> Ending | None:
    """None when somebody resumed the run."""
    until = time.monotonic() + (float("inf") if timeout is None else timeout)
    with closing(Line()) as line:
        for looks in count():
            match state_type(line, run_id):
                case StateType.RUNNING:
                    return None
                case state if state not in (None, StateType.PAUSED):
                    return Ending.CANCELLED
            if (left := until - time.monotonic()) <= 0:
                break
            time.sleep(min(left, 0.5 + looks / 4, LOOK_SECONDS))  # who waits for the question answers soon
    return Ending.UNANSWERED


def _stored_answer(client: SyncPrefectClient, form: type[FormT], run_id: UUID, key: str) -> FormT | None:
    try:
        return form.model_validate_json(client.read_flow_run_input(run_id, key))
    except PrefectHTTPStatusError as error:
        if error.response.status_code != HTTPStatus.NOT_FOUND:
            raise
        return None
