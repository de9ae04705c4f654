"""A described run is begun, gone on with, collected, retried, canceled."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from batchata.core.naming import MOST_CHARACTERS, run_title
from batchata.core.state import RunState
from batchata.core.summary import Summary
from batchata.engine import MaySend
from batchata.errors import CredentialsError, InputError, LedgerInUseError, LedgerMismatchError
from batchata.io.client import ClientOrMaker
from batchata.manager import BatchManager
from batchata.running.gate import Approver
from batchata.running.options import Orchestrator
from batchata.running.stopping import cancel_run
from batchata.runs.folder import RunFolder, folder_of
from batchata.runs.inputs import conversations_of, files_of, model_of, prompt_of, prompts_of, requests_of
from batchata.runs.models import response_model_of
from batchata.runs.spec import RunSpec
from batchata.runs.wording import as_in_the_form, told_as_in_the_form

logger = logging.getLogger("batchata")

Began = Callable[[str], None]

PATIENCE = 60.0
"""Seconds that a run waits for its ledger."""

_BETWEEN_TRIES = 1.0


@dataclass(slots=True)
class Met:
    """How a run that others began was met, once nobody else could change it any more."""

    halted: bool = False
    waits: bool = False

    def may_send(self, state: RunState) -> bool:
        """For `carry_out`: whoever goes on with it unasked leaves to a person what waits for one."""
        self.halted, self.waits = bool(state.halted), state.waits_for_person
        return not (self.halted or self.waits)


@as_in_the_form()
def manager_of(spec: RunSpec, folder: RunFolder, orchestrator: Orchestrator | None = None) -> BatchManager[Any]:
    """The manager of a described run. Raises InputError, LedgerError."""
    requests = requests_of(spec)
    return BatchManager(
        messages=conversations_of(spec, requests),
        files=files_of(spec, folder.state().names),
        prompt=prompt_of(spec),
        prompts=prompts_of(spec),
        model=model_of(spec, requests),
        response_model=response_model_of(spec.response_model),
        enable_citations=spec.enable_citations,
        max_tokens=spec.max_tokens,
        max_cost=spec.max_cost,
        items_per_job=spec.items_per_job,
        max_parallel_jobs=spec.max_parallel_jobs,
        quick=spec.quick,
        state_path=folder.ledger,
        results_dir=spec.results_dir or folder.results,
        client=client_for(spec),
        name=spec.title[:MOST_CHARACTERS],
        cache=spec.cache,
        orchestrator=orchestrator,
        prompt_caching=spec.prompt_caching,
        on_cost_limit=spec.on_cost_limit,
        answer_within=spec.answer_within,
        cancel_on_exit=spec.on_cancel == "cancel",
        task_runner=spec.task_runner,
        shards=spec.shards,
        upload=spec.upload,
        **spec.params,
    )


def client_for(spec: RunSpec) -> ClientOrMaker:
    """The client that the description asks for: of its credentials block, else of the environment."""
    if spec.credentials is None:
        return None
    from batchata.orchestration.credentials import client_of

    return partial(client_of, spec.credentials)


@as_in_the_form()
def carry_out(
    spec: RunSpec,
    began: Began = lambda _: None,
    *,
    approve: Approver | None = None,
    print_progress: bool = False,
    orchestrator: Orchestrator | None = None,
    may_send: MaySend = lambda _: True,
) -> Summary:
    """Begins the run, or goes on with it. `began` is told what it is called, `approve` asked after a sample, `may_send`
    when nobody else has the run any more; where it says no, what was sent is collected.

    Raises as `BatchManager.run`, and InputError for what cannot be begun.
    """
    folder = folder_of(spec)
    manager = manager_of(spec, folder, orchestrator)
    began(run_title(manager.name, datetime.now(UTC).date(), len(manager)))
    before = folder.spec() if folder.exists() else None
    folder.describe(spec)  # first, so that a run that is killed can be gone on with by others
    try:
        asked = approve if spec.sampled else None
        run = partial(manager.run_if, may_send, print_progress=print_progress, wait=spec.wait)
        summary = _when_free(partial(run, sample=spec.sampled, approve=asked, approve_below=spec.approve_below))
    except (InputError, CredentialsError, LedgerMismatchError, LedgerInUseError) as error:
        if before is not None:
            folder.describe(before)
        elif isinstance(error, InputError | CredentialsError) and folder.state().next_job == 1:
            folder.forget()  # whoever goes on with runs unasked has nothing to do with one that could not begin
        raise
    summary = told_as_in_the_form(summary)
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


@as_in_the_form()
def retry(
    folder: RunFolder,
    began: Began = lambda _: None,
    *,
    wait: bool = True,
    asks: bool = True,
    print_progress: bool = False,
    orchestrator: Orchestrator | None = None,
) -> Summary:
    """Sends the failed items of a run again. Without `asks` nobody is asked at the limit, whatever is described.
    `began` is told what this is called.

    Raises as `BatchManager.retry_failed`.
    """
    spec = folder.spec()
    began(f"retry {spec.title}")
    manager = manager_of(spec if asks else spec.model_copy(update={"on_cost_limit": "stop"}), folder, orchestrator)
    summary = told_as_in_the_form(_when_free(partial(manager.retry_failed, print_progress, wait=wait)))
    folder.note(summary)
    return summary


def cancel(folder: RunFolder, began: Began = lambda _: None) -> list[str]:
    """Stops a run, wherever it is at work, and asks the API to stop its batches; returns their ids. `began` is told
    what this is called.

    Its files, its prompt and its response model are not needed for that, wherever we are.
    """
    spec = folder.described().spec
    began(f"cancel {spec.title}")
    return cancel_run(folder.ledger, client_for(spec))
