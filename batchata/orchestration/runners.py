"""The task runner and the crew that a run was asked to use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from batchata.errors import InputError
from batchata.orchestration.crews import Crew, RunnerCrew
from batchata.orchestration.sharding import ShardCrew
from batchata.running.options import Helpers

_CLASSES = {"dask": ("prefect_dask", "DaskTaskRunner"), "ray": ("prefect_ray", "RayTaskRunner")}


def runner_of(given: Any, parallel: int) -> TaskRunner[Any]:
    """A task runner that was not used yet. Raises InputError."""
    if given is None or given == "threads":
        return ThreadPoolTaskRunner(max_workers=2 * parallel)
    if isinstance(given, str):
        return _local_cluster(given)
    if not isinstance(given, TaskRunner):
        raise InputError(f'`task_runner` is "threads", "dask", "ray" or a TaskRunner of Prefect, not {given!r}')
    return given.duplicate()


@contextmanager
def started(runner: TaskRunner[Any]) -> Iterator[None]:
    """Raises InputError where its cluster does not answer."""
    with ExitStack() as stack:
        try:
            stack.enter_context(runner)
        except OSError as error:
            raise InputError(
                f"the task runner {type(runner).__name__} could not be started: {error}. Is its cluster running, and "
                "can it be reached from here? (nothing was sent)"
            ) from error
        yield


def crew_of(helpers: Helpers, runner: TaskRunner[Any]) -> Crew | None:
    """Those who do the heavy part of each job; None when it is done here."""
    if not helpers.are_elsewhere:
        return None
    return ShardCrew(helpers.shards, helpers.shard_deployment) if helpers.shards else RunnerCrew(runner)


def _local_cluster(name: str) -> TaskRunner[Any]:
    """Workers on this machine, as many as the library thinks right."""
    from importlib import import_module

    if name not in _CLASSES:
        raise InputError(f'`task_runner` is "threads", "dask", "ray" or a TaskRunner of Prefect, not {name!r}')
    module, kind = _CLASSES[name]
    try:
        found: TaskRunner[Any] = getattr(import_module(module), kind)()
    except ImportError as error:
        raise InputError(f'`task_runner="{name}"` needs a package more: pip install "batchata[{name}]"') from error
    return found
