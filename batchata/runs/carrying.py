"""A described run is begun, gone on with, collected, retried, canceled."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from batchata.core.summary import Summary
from batchata.errors import LedgerMismatchError
from batchata.manager import BatchManager
from batchata.running.options import OnCostLimit, Orchestrator
from batchata.runs.folder import RunFolder, folder_of
from batchata.runs.inputs import conversations_of, files_of, prompt_of
from batchata.runs.models import response_model_of
from batchata.runs.spec import RunSpec

if TYPE_CHECKING:
    from anthropic import Anthropic

logger = logging.getLogger("batchata")


@contextmanager
def manager_of(
    spec: RunSpec,
    folder: RunFolder,
    *,
    on_cost_limit: OnCostLimit | None = None,
    orchestrator: Orchestrator | None = None,
) -> Iterator[BatchManager[Any]]:
    """The manager of a described run. Raises InputError, LedgerError and CredentialsError before anything is sent.

    `on_cost_limit` replaces what the description says, for whoever cannot wait for an answer.
    """
    with _client(spec) as client:
        yield BatchManager(
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
            client=client,
            cache=spec.cache,
            orchestrator=orchestrator,
            on_cost_limit=on_cost_limit or spec.on_cost_limit,
            answer_within=spec.answer_within,
            cancel_on_exit=spec.on_cancel == "cancel",
            **spec.params,
        )


@contextmanager
def _client(spec: RunSpec) -> Iterator[Anthropic | None]:
    if spec.credentials is None:
        yield None
        return
    from batchata.orchestration.credentials import client_of

    with client_of(spec.credentials) as client:
        yield client


def carry_out(spec: RunSpec, *, orchestrator: Orchestrator | None = None) -> Summary:
    """Begins the run, or goes on with it. Raises as `BatchManager.run`, and InputError for what cannot be begun."""
    folder = folder_of(spec)
    with manager_of(spec, folder, orchestrator=orchestrator) as manager:
        before = folder.spec() if folder.exists() else None
        folder.describe(spec)  # first, so that a run that is killed can be gone on with by others
        try:
            summary = manager.run(wait=spec.wait, sample=spec.sampled, approve_below=spec.approve_below)
        except LedgerMismatchError:
            if before is not None:
                folder.describe(before)
            raise
    folder.note(summary)
    return summary


def retry(folder: RunFolder, *, wait: bool = True) -> Summary:
    """Sends the failed items of a run again. Raises as `BatchManager.retry_failed`."""
    with manager_of(folder.spec(), folder) as manager:
        summary = manager.retry_failed(wait=wait)
    folder.note(summary)
    return summary


def cancel(folder: RunFolder) -> list[str]:
    """Stops a run, wherever it is at work, and asks the API to stop its batches; returns their ids."""
    with manager_of(folder.spec(), folder) as manager:
        return manager.cancel()
