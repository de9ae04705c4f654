"""Cancels a run from outside, whoever is at work on it."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from pathlib import Path

from batchata.core.events import Decided
from batchata.errors import LedgerInUseError
from batchata.io.client import ClientOrMaker, using
from batchata.io.ledger import Ledger, ask_to_cancel, open_ledger, read_state
from batchata.running.loop import cancel_open

logger = logging.getLogger("batchata")

PATIENCE = 30.0
"""Seconds for whoever works on a ledger to hear that it is canceled; one that asks a person hears it afterwards."""

_BETWEEN_LOOKS = 0.3
_BETWEEN_REQUESTS = 5.0
"""Who works on the ledger may have taken the request and be asking the API, which takes longer than a look."""


def cancel_run(path: Path, client: ClientOrMaker) -> list[str]:
    """The ids of the batches in flight, which were told to stop by us or by who has the ledger. Raises LedgerError.

    Who has it may end without having heard, and the next one would go on; so it is asked until the ledger says so.
    """
    state = read_state(path)
    in_flight = [job.batch_id for job in state.open.values() if job.batch_id]
    if not state.open and next(state.pending(), None) is None:
        return []
    until, asked = time.monotonic() + PATIENCE, float("-inf")
    while True:
        try:
            with open_ledger(path) as ledger:
                heard = ledger.state.canceled and asked > 0
                return in_flight if heard else _cancel(ledger, client)
        except LedgerInUseError as error:
            if time.monotonic() - asked >= _BETWEEN_REQUESTS:
                ask_to_cancel(path)
                asked = time.monotonic()
            held = str(error)
        time.sleep(_BETWEEN_LOOKS)
        if read_state(path).canceled:
            return in_flight
        if time.monotonic() >= until:
            logger.warning("it was asked to cancel, and did not within %g s: %s", PATIENCE, held)
            return in_flight


def _cancel(ledger: Ledger, client: ClientOrMaker) -> list[str]:
    """With nothing in flight the API is not needed: credentials that are gone may be why somebody ends a run."""
    if any(job.batch_id for job in ledger.state.open.values()):
        with using(client) as api:
            return cancel_open(api, ledger)
    reason = "it was canceled with nothing in flight"
    ledger.record(Decided(at=datetime.now(UTC), what="cancel", reason=reason), sync=True)
    return []
