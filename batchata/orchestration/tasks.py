"""The task runs of a run: one for each message batch that is created, one for each whose results are collected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE, CacheKeyFnPolicy
from prefect.states import Failed
from prefect.tasks import exponential_backoff

from batchata.core.steps import Report
from batchata.errors import BatchataError, IncompleteResultsError, ServiceError
from batchata.orchestration.fence import rate_limited_create

_READS = 3
_PASSING = (ServiceError, IncompleteResultsError)


def _stage_key(stage: str) -> Callable[..., str]:
    """A key of our own: the stage, its version, and what tells this job from every other."""
    return lambda _, parameters: f"batchata-{stage}-v1-{parameters['key']}"


def _may_pass(_task: Any, _run: Any, state: Any) -> bool:
    return isinstance(state.result(raise_on_failure=False), _PASSING)


@task(
    name="submit",
    task_run_name="submit-{job}",
    description="Creates one message batch. Never retried: whether it exists is found out first.",
    cache_policy=CacheKeyFnPolicy(cache_key_fn=_stage_key("submit")),
    persist_result=True,
    retries=0,
)
def submit_job(job: int, key: str, carry_out: Callable[[], Report]) -> Any:  # noqa: ARG001 - they name the run
    """The batch id."""
    rate_limited_create()
    return _outcome_of(carry_out, ())


@task(
    name="collect",
    task_run_name="collect-{job}",
    description="Brings the results of one ended message batch to disk and prices them.",
    cache_policy=CacheKeyFnPolicy(cache_key_fn=_stage_key("collect")),
    persist_result=True,
    retries=_READS,
    retry_delay_seconds=exponential_backoff(backoff_factor=1),
    retry_jitter_factor=0.5,
    retry_condition_fn=_may_pass,
)
def collect_job(job: int, key: str, carry_out: Callable[[], Report]) -> Any:  # noqa: ARG001 - they name the run
    """What the results come to."""
    return _outcome_of(carry_out, _PASSING)


@task(
    name="measure",
    task_run_name="measure-{job}",
    description="Reads items of the next message batch and finds out what they can cost.",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=0,
)
def measure_items(job: int, carry_out: Callable[[], Any]) -> Any:  # noqa: ARG001 - it names the run
    """What was measured."""
    return _outcome_of(carry_out, ())


check_worker = measure_items.with_options(
    name="check-worker",
    task_run_name="check-worker",
    description="Finds out whether the task runner's workers reach the files, the results and the API.",
)


def _outcome_of(carry_out: Callable[[], Report], raised: tuple[type[BatchataError], ...]) -> Any:
    """An error that says all there is to say fails the task run without a traceback in its log."""
    try:
        return carry_out()
    except raised:
        raise
    except BatchataError as error:
        return Failed(message=str(error), data=error)
