"""The task runner that a run was asked to use."""

from __future__ import annotations

from typing import Any

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from batchata.errors import InputError

_CLASSES = {"dask": ("prefect_dask", "DaskTaskRunner"), "ray": ("prefect_ray", "RayTaskRunner")}


def runner_of(given: Any, parallel: int) -> tuple[TaskRunner[Any], bool]:
    """A task runner that was not used yet, and whether it has processes of its own. Raises InputError."""
    if given is None or given == "threads":
        return ThreadPoolTaskRunner(max_workers=2 * parallel), False
    if isinstance(given, str):
        return _local_cluster(given), True
    if not isinstance(given, TaskRunner):
        raise InputError(f'task_runner is "threads", "dask", "ray" or a TaskRunner of Prefect, not {given!r}')
    return given.duplicate(), not isinstance(given, ThreadPoolTaskRunner)


def _local_cluster(name: str) -> TaskRunner[Any]:
    """Workers on this machine, as many as the library thinks right."""
    from importlib import import_module

    if name not in _CLASSES:
        raise InputError(f'task_runner is "threads", "dask", "ray" or a TaskRunner of Prefect, not {name!r}')
    module, kind = _CLASSES[name]
    try:
        found: TaskRunner[Any] = getattr(import_module(module), kind)()
    except ImportError as error:
        raise InputError(f'task_runner="{name}" needs a package more: pip install "batchata[{name}]"') from error
    return found
