"""Brings home what other runs left in flight, so that no worker is held while batches take their hours."""

from pathlib import Path
from typing import Any

from prefect import State, flow
from prefect.artifacts import create_markdown_artifact
from prefect.deployments import run_deployment
from prefect.states import Completed, Failed

from batchata.runs import due
from batchata.runs import parameters as p


@flow(
    name="collect-due",
    description="Poll every open run, collect what has ended, and send what the budget then allows.",
    flow_run_name="open runs below {home}",
)
@p.described
def collect_due(home: p.Home = ".batchata", ask_with: p.AskWith = "run-batch/run-batch") -> State[Any]:
    """Poll every open run, collect what has ended, and send what the budget then allows."""
    visits = list(due.collect_due(Path(home)))
    for visit in visits:
        if visit.asks and ask_with is not None:
            run_deployment(ask_with, parameters=visit.parameters(), timeout=0, as_subflow=False)
    if visits:
        create_markdown_artifact(due.report(visits), key="collect-due", description=f"Open runs below {home}")
    state = Failed if any(visit.trouble for visit in visits) else Completed
    return state(message=due.sentence(visits))
