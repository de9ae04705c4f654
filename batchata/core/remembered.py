"""What a flow run remembers of the ledgers that it worked on, for whoever starts it again or cleans up after it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b

from pydantic import BaseModel, ConfigDict

PREFIX = "batchata-ledger-"
OPENED = "batchata-opened-"
"""Of a ledger that may tell of no job yet: whoever cancels the flow run means this run."""


class Remembered(BaseModel):
    """A ledger that tells of at least one job. `work` is a fingerprint of what it is about, `start` of the start of
    the flow run that remembered it; `cancels` says whether a run that is told to end cancels its batches.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    ledger: str
    host: str
    run_id: str
    work: str
    start: str
    cancels: bool

    @property
    def key(self) -> str:
        """The name under which it is kept."""
        return f"{PREFIX}{_hash([self.ledger, self.run_id])}"


def work_of(settings: Mapping[str, str], names: Sequence[str]) -> str:
    """The same for the same items with the same settings."""
    return _hash([*(part for pair in sorted(settings.items()) for part in pair), *names])


def _hash(parts: Iterable[str]) -> str:
    digest = blake2b(digest_size=12)
    for part in parts:
        digest.update(part.encode(errors="replace") + b"\0")
    return digest.hexdigest()


def refusal(known: Iterable[Remembered], here: Remembered) -> str:
    """Why a flow run that was started again must not go on with the ledger it has `here`; empty when it may.

    Its jobs are in the ledger it began with, and nothing but that ledger keeps them from being sent and paid again.
    """
    earlier = [each for each in known if each.start != here.start]
    if any(each.run_id == here.run_id for each in earlier):
        return ""
    for each in earlier:
        if each.ledger == here.ledger:
            return (
                f"this flow run began on host {each.host} with the ledger {each.ledger} of run {each.run_id}, which "
                f"is not here (host {here.host}); nothing was sent. Start it where that file is, keep `state_path` in "
                "a folder that all workers mount, or start a new flow run to begin anew"
            )
        if each.work == here.work:
            return (
                f"this flow run began this work on host {each.host} with the ledger {each.ledger}, and has another "
                f"one now: {here.ledger} (host {here.host}); nothing was sent. Give `state_path={each.ledger!r}` to go "
                "on, in a folder that all workers mount, or start a new flow run to begin anew"
            )
    return ""
