"""Sends the failed items of a run again."""

from typing import Any

from prefect import State, flow

from batchata.orchestration.endings import concluded
from batchata.orchestration.flow import final_state
from batchata.orchestration.hooks import settle_cancelled
from batchata.orchestration.naming import name_flow_run
from batchata.runs import carrying
from batchata.runs import parameters as p
from batchata.runs.folder import RunFolder


@flow(
    name="retry-failed",
    description="Send the items of a run again that ended without a result, and only those.",
    on_cancellation=[settle_cancelled],
)
@p.described
def retry_failed(state_dir: p.RunState, wait: p.Wait = True) -> State[Any]:
    """Send the items of a run again that ended without a result, and only those."""
    return concluded(lambda: final_state(carrying.retry(RunFolder.at(state_dir), name_flow_run, wait=wait)))
