"""A described run is begun, gone on with, collected, retried, canceled."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from batchata.core.naming import MOST_CHARACTERS, run_title
from batchata.core.summary import Summary
from batchata.errors import InputError, LedgerInUseError, LedgerMismatchError
from batchata.io.client import ClientOrMaker
from batchata.manager import BatchManager
from batchata.running.stopping import cancel_run
from batchata.runs.folder import RunFolder, folder_of
from batchata.runs.inputs import conversations_of, files_of, prompt_of
from batchata.runs.models import response_model_of
from batchata.runs.spec import RunSpec

logger = logging.getLogger("batchata")

Began = Callable[[str], None]

PATIENCE = 60.0
"""Seconds that a run waits for its ledger."""

_BETWEEN_TRIES = 1.0


def manager_of(spec: RunSpec, folder: RunFolder) -> BatchManager[Any]:
    """The manager of a described run. Raises InputError, LedgerError."""
    return BatchManager(
        messages=conversations_of(spec),
        files=files_of(spec, folder.state().names),
        prompt=prompt_of(spec),
        model=spec.model,
        response_model=response_model_of(spec.response_model),
        enable_citations=spec.enable_citations,
        max_tokens=spec.max_tokens,
        max_cost=spec.max_cost,
        items_per_job=spec.items_per_job,
        max_parallel_jobs=spec.max_parallel_jobs,
        state_path=folder.ledger,
        results_dir=spec.results_dir or folder.results,
        client=_client_of(spec),
        name=spec.title[:MOST_CHARACTERS],
        cache=spec.cache,
        prompt_caching=spec.prompt_caching,
        on_cost_limit=spec.on_cost_limit,
        answer_within=spec.answer_within,
        cancel_on_exit=spec.on_cancel == "cancel",
        task_runner=spec.task_runner,
        shards=spec.shards,
        **spec.params,
    )


def _client_of(spec: RunSpec) -> ClientOrMaker:
    if spec.credentials is None:
        return None
    from batchata.orchestration.credentials import client_of

    return partial(client_of, spec.credentials)


def carry_out(spec: RunSpec, began: Began = lambda _: None) -> Summary:
    """Begins the run, or goes on with it. `began` is told what it is called.

    Raises as `BatchManager.run`, and InputError for what cannot be begun.
    """
    folder = folder_of(spec)
    manager = manager_of(spec, folder)
    began(run_title(manager.name, datetime.now(UTC).date(), len(manager)))
    before = folder.spec() if folder.exists() else None
    folder.describe(spec)  # first, so that a run that is killed can be gone on with by others
    try:
        run = partial(manager.run, wait=spec.wait, sample=spec.sampled, approve_below=spec.approve_below)
        summary = _when_free(run)
    except (InputError, LedgerMismatchError, LedgerInUseError) as error:
        if before is not None:
            folder.describe(before)
        elif isinstance(error, InputError) and folder.state().next_job == 1:
            folder.forget()  # whoever goes on with runs unasked has nothing to do with one that could not begin
        raise
    folder.note(summary)
    return summary


def _when_free(run: Callable[[], Summary]) -> Summary:
    """Whoever looks in from time to time (`collect_due`) holds the ledger for seconds. Raises LedgerInUseError."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return run()
        except LedgerInUseError:
            if time.monotonic() >= until:
                raise
            time.sleep(_BETWEEN_TRIES)


def retry(folder: RunFolder, *, wait: bool = True) -> Summary:
    """Sends the failed items of a run again. Raises as `BatchManager.retry_failed`."""
    manager = manager_of(folder.spec(), folder)
    summary = _when_free(partial(manager.retry_failed, wait=wait))
    folder.note(summary)
    return summary


def cancel(folder: RunFolder) -> list[str]:
    """Stops a run, wherever it is at work, and asks the API to stop its batches; returns their ids.

    Its files, its prompt and its response model are not needed for that, wherever we are.
    """
    return cancel_run(folder.ledger, _client_of(folder.described().spec))
