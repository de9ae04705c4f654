"""Brings home what other runs left in flight, so that no worker is held while batches take their hours."""

from pathlib import Path
from typing import Any

from httpx import HTTPError
from prefect import State, flow, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
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
    """Poll every open run, collect what has ended, and send what the budget then allows.

    It ends as Failed where a run cannot be gone on with, or nobody can be asked about one; of the same trouble once.
    """
    visits = list(due.collect_due(Path(home)))
    if visits:
        create_markdown_artifact(due.report(visits), key="collect-due", description=f"Open runs below {home}")
    unasked = [] if not ask_with else [visit for visit in visits if visit.asks and not _is_asked(visit, ask_with)]
    told = [due.sentence(visits), *(f"nobody is asked about {visit.folder.path}: run it again" for visit in unasked)]
    state = Failed if unasked or any(visit.is_news for visit in visits) else Completed
    return state(message=". ".join(told))


def _is_asked(visit: due.Visit, ask_with: str) -> bool:
    try:
        run_deployment(ask_with, parameters=visit.parameters(), timeout=0, as_subflow=False)
    except (ObjectNotFound, HTTPError) as error:
        get_run_logger().error("the deployment %s could not be started: %s", ask_with, error)
        return False
    return True
