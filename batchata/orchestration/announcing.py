"""Events about a run, for automations and the event feed of Prefect."""

from __future__ import annotations

from typing import Any, Literal

from prefect.events import emit_event

from batchata.core.reports import Facts
from batchata.orchestration.server import own_flow_run_id

What = Literal["run.started", "limit.reached", "items.failed", "run.finished", "attention.wanted"]


def announce(what: What, facts: Facts, payload: dict[str, Any]) -> None:
    """Emits `batchata.{what}` about `batchata.run.{run_id}`. Costs next to nothing: a thread of Prefect's sends it."""
    flow_run = own_flow_run_id()
    related = [{"prefect.resource.id": f"prefect.flow-run.{flow_run}", "prefect.resource.role": "flow-run"}]
    emit_event(
        event=f"batchata.{what}",
        resource={"prefect.resource.id": f"batchata.run.{facts.run_id}", "prefect.resource.name": facts.name},
        related=related if flow_run is not None else [],
        payload=payload,
    )
