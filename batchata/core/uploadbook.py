"""Which documents lie with the Files API, and which jobs need them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from batchata.core.events import Deleted, Uploaded


@dataclass(slots=True)
class UploadBook:
    """What the ledger tells of uploads: for each file id what it holds, since when, the jobs that name it, and the
    beginnings that it is part of.
    """

    digests: dict[str, str] = field(default_factory=dict)
    since: dict[str, datetime] = field(default_factory=dict)
    jobs: dict[str, set[int]] = field(default_factory=dict)
    prefixes: dict[str, set[str]] = field(default_factory=dict)

    def apply(self, event: Uploaded | Deleted) -> None:
        """Takes one event in."""
        if isinstance(event, Deleted):
            self._remove(event)
            return
        for each in event.files:
            self.digests[each.file_id] = each.digest
            self.since.setdefault(each.file_id, event.at)
            self.jobs.setdefault(each.file_id, set()).add(event.job)
            self.prefixes.setdefault(each.file_id, set()).update(each.prefixes)

    def _remove(self, event: Deleted) -> None:
        for file_id in event.files:
            for known in (self.digests, self.since, self.jobs, self.prefixes):
                known.pop(file_id, None)
