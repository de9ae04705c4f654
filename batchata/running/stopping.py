"""Cancels a run from outside, whoever is at work on it."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from batchata.errors import LedgerInUseError
from batchata.io.client import ClientOrMaker, using
from batchata.io.ledger import ask_to_cancel, open_ledger, read_state
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
            with open_ledger(path) as ledger, using(client) as api:
                heard = ledger.state.canceled and asked > 0
                return in_flight if heard else cancel_open(api, ledger)
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
