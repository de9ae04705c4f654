"""A message batch whose id was never learnt: is it there?"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from batchata.core.items import item_key
from batchata.errors import NotEndedError
from batchata.io.batches import BatchStatus
from batchata.io.downloads import some_custom_id
from batchata.io.faults import reading

if TYPE_CHECKING:
    from anthropic import Anthropic

CLOCKS_APART = timedelta(hours=25)
"""How far this machine's clock may be off, or its time zone be wrong: older batches are not looked at."""

_PAGE = 100


@dataclass(slots=True)
class LostAndFound:
    """Looks for the batches of one run. Batches that turned out to be somebody else's are not read twice."""

    run_id: str
    _foreign: set[str] = field(default_factory=set)

    def find(
        self,
        client: Anthropic,
        items: Container[tuple[int, int]],
        *,
        total: int,
        since: datetime,
        known: Container[str],
    ) -> str | list[str]:
        """The id of the batch that was created for these items (by index and attempt) with `total` requests.

        Else the ids of batches that may be it: only their results tell, and they have not ended. The list of the
        API says nothing of a batch's items, so the first result line of each that fits is read
        (doc:api/messages/batches/list). Raises the errors of `poll`.
        """
        running = []
        for status in self._candidates(client, total, since, known):
            if not status.is_ended:
                running.append(status.batch_id)
            elif self._is_about(client, status, items):
                return status.batch_id
        return running

    def _candidates(
        self, client: Anthropic, total: int, since: datetime, known: Container[str]
    ) -> Iterator[BatchStatus]:
        for status in batches_since(client, since - CLOCKS_APART):
            new = status.batch_id not in known and status.batch_id not in self._foreign
            if new and status.counts.total == total:
                yield status

    def _is_about(self, client: Anthropic, status: BatchStatus, items: Container[tuple[int, int]]) -> bool:
        """Raises the errors of reading: what could not be read may still be the one."""
        try:
            key = item_key(some_custom_id(client, status))
        except NotEndedError:  # its results are gone, so it was not made just now
            key = None
        if key is not None and key.run_id == self.run_id:
            return (key.index, key.attempt) in items
        self._foreign.add(status.batch_id)
        return False


def batches_since(client: Anthropic, since: datetime) -> Iterator[BatchStatus]:
    """The message batches of the workspace, newest first, back to `since` (doc:api/messages/batches/list)."""
    after: dict[str, str] = {}
    while True:
        with reading("list batches"):
            params = {"limit": _PAGE, **after}
            raw: Any = client.get("/v1/messages/batches", cast_to=object, options={"params": params})
            page = [BatchStatus.from_api(each) for each in raw.get("data") or ()]
        for status in page:
            if status.created_at < since:
                return
            yield status
        last = page[-1].batch_id if page else None
        if not raw.get("has_more") or last is None or after.get("after_id") == last:
            return
        after = {"after_id": last}
