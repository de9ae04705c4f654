"""Carries out single steps against the API and the disk. It decides nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, assert_never

from batchata.core.encoding import EncodedBatch
from batchata.core.pacing import Quota
from batchata.core.plurals import number_of
from batchata.core.steps import Collect, Created, Form, Look, Looked, NotFound, Report, Search, Send, Work
from batchata.errors import AmbiguousSubmitError, ForgottenRunError
from batchata.io.batches import BatchStatus, poll, submit
from batchata.io.lost import LostAndFound
from batchata.running.forming import Former
from batchata.running.sending import made_again
from batchata.running.settling import Settler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anthropic import Anthropic

logger = logging.getLogger("batchata")

Claim = Callable[[str, str], bool]
"""Takes the right to send a job, which nobody else has then, by the place where it is kept and its name.

False when somebody took it before, or nobody can tell. Raises ServiceError when the place does not answer.
"""

_TAKEN = "somebody else began to send it, and has not told what came of it"


def unclaimed(_place: str, _name: str) -> bool:
    """Where there is no place to take rights from, it is not known whether they are free."""
    return False


@dataclass(slots=True)
class Worker:
    """The steps of one run. May be used by many threads, each with a step of its own.

    Where others send too, `claims` is the place whose right (see `Claim`) has to be taken before each create call.
    `quota` gives what the API said last of its limit.
    """

    client: Anthropic
    former: Former
    settler: Settler
    lost: LostAndFound
    headers: Mapping[str, str] | None = None
    claim: Claim = unclaimed
    claims: str | None = None
    quota: Callable[[], Quota | None] = lambda: None
    statuses: dict[str, BatchStatus] = field(default_factory=dict)
    _bodies: dict[int, EncodedBatch] = field(default_factory=dict)

    def carry_out(self, step: Work) -> Report:
        """Raises the errors of ours by which a step can fail."""
        match step:
            case Form():
                formed, body = self.former.form(step)
                if body is not None:
                    self._bodies[formed.job] = body
                return formed
            case Send():
                return self._send(step)
            case Search():
                return self._search(step)
            case Look():
                status = poll(self.client, step.batch_id)
                self.statuses[step.batch_id] = status
                return Looked(status.is_ended)
            case Collect():
                collected = self.settler.collect(step, self.statuses.get(step.batch_id))
                self.statuses.pop(step.batch_id, None)
                uploads = self.former.run.uploads
                return replace(collected, deleted=uploads.release(step.job)) if uploads else collected
            case _:
                assert_never(step)

    def _send(self, step: Send) -> Created:
        body = self._bodies.pop(step.job, None) or made_again(self.former.run, step)
        if self.claims is not None and not self.claim(self.claims, self._claim_of(step.job)):
            raise AmbiguousSubmitError(_TAKEN, custom_id=body.first_custom_id, total=body.total, why=_TAKEN)
        batch_id = submit(self.client, body, extra_headers=self.headers)
        logger.info("job %d sent: %s as %s", step.job, number_of(body.total, "item"), batch_id)
        return Created(batch_id)

    def _claim_of(self, job: int) -> str:
        return f"claim-{self.lost.run_id}-{job}"

    def _is_free(self, place: str, job: int) -> bool:
        """Where the place is gone, nobody knows whether the right was taken, and nobody takes it any more."""
        try:
            return self.claim(place, self._claim_of(job))
        except ForgottenRunError:
            return False

    def _search(self, step: Search) -> Created | NotFound:
        if step.claims is not None and self._is_free(step.claims, step.job):
            return NotFound([], never=True)
        found = self.lost.find(self.client, step.items, total=step.total, since=step.since, known=step.known)
        if isinstance(found, str):
            logger.info("job %d: the batch that was lost is %s", step.job, found)
            return Created(found)
        return NotFound(found)
