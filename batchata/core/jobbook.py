"""What is remembered of jobs that are settled: the newest ones one by one, the others as sums."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

KEPT = 200
"""So many settled jobs are kept one by one, however many a run has."""


class SettledJob(NamedTuple):
    """`items` were in the job; of them `failed` ended without a result, `again` and `returned` wait once more.

    `cost` is in USD without the `unpriced` items. `batch_id` is None when no message batch was needed; then `cached`
    items were answered before. `created` is when the batch was about to be created.
    """

    number: int
    batch_id: str | None
    items: int
    failed: int
    again: int
    returned: int
    cached: int
    unpriced: int
    bound: Decimal | None
    cost: Decimal
    created: datetime | None


@dataclass(slots=True)
class OlderJobs:
    """Sums over the settled jobs that are not kept one by one."""

    jobs: int = 0
    items: int = 0
    failed: int = 0
    unpriced: int = 0
    cost: Decimal = Decimal(0)

    def add(self, job: SettledJob) -> None:
        self.jobs += 1
        self.items += job.items
        self.failed += job.failed
        self.unpriced += job.unpriced
        self.cost += job.cost


@dataclass(slots=True)
class JobBook:
    """The settled jobs of a run, in the order in which they were settled."""

    latest: deque[SettledJob] = field(default_factory=deque)
    older: OlderJobs = field(default_factory=OlderJobs)

    def add(self, job: SettledJob) -> None:
        """Takes a job in; memory stays what it is beyond `KEPT` jobs."""
        self.latest.append(job)
        if len(self.latest) > KEPT:
            self.older.add(self.latest.popleft())
