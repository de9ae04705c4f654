"""What a described run would cost."""

from __future__ import annotations

from collections.abc import Sequence

from batchata.core.estimates import Estimate
from batchata.running.estimating import COUNTED
from batchata.runs.carrying import manager_of
from batchata.runs.folder import folder_of
from batchata.runs.spec import RunSpec


def estimate_run(
    spec: RunSpec, also: Sequence[str] = (), *, count: int = COUNTED, output_tokens: int | None = None
) -> dict[str, Estimate]:
    """An estimate for the model of the run, and one for each of the others, by its name.

    Nothing is sent and no state is kept; a ledger of the same work that is there is gone by. Raises as
    `BatchManager.estimate`, and InputError for what cannot be begun.
    """
    manager = manager_of(spec, folder_of(spec))
    return manager.estimate(
        models=list(dict.fromkeys([manager.model, *also])), count=count, output_tokens=output_tokens
    )
