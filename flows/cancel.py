"""Stops a run and its message batches."""

from typing import Any

from prefect import State, flow
from prefect.states import Completed

from batchata.orchestration.endings import concluded
from batchata.orchestration.naming import name_flow_run
from batchata.runs import carrying
from batchata.runs import parameters as p
from batchata.runs.folder import RunFolder


@flow(
    name="cancel", description="Stop a run, also one at work on another machine. What its batches had answered is kept."
)
@p.described
def cancel(state_dir: p.RunState) -> State[Any]:
    """Stop a run, also one at work on another machine. What its batches had answered is kept."""
    return concluded(lambda: _canceled(RunFolder.at(state_dir)))


def _canceled(folder: RunFolder) -> State[Any]:
    ids = carrying.cancel(folder, name_flow_run)
    return Completed(
        message=f"message batches that were told to stop: {', '.join(ids) or 'none was in flight'}", data=ids
    )
