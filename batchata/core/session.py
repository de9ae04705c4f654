"""What a run knows beside its ledger: when it looks where again, what runs now, whether it stops."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from batchata.core.pacing import Pace
from batchata.core.prefixes import Marks
from batchata.core.queues import Queues
from batchata.core.retries import ROUNDS
from batchata.core.sharing import Sharing
from batchata.errors import BatchataError

OnLimit = Literal["stop", "ask"]


@dataclass(frozen=True, slots=True)
class Policy:
    """How a run is to be carried out. `lost_after` seconds after its creation was tried, a batch that the API
    does not list was not created. Without `wait` it ends where it could only wait for batches; without `sends` it
    brings home what was sent and sends nothing. `gated`: of a run that has a sample nothing else is sent until that is
    approved. `quick`: many small batches, looked at often; without `grows` all have `items_per_job`.
    """

    items_per_job: int
    max_parallel_jobs: int
    rounds: int = ROUNDS
    on_limit: OnLimit = "stop"
    lost_after: float = 60.0
    only_retries: bool = False
    wait: bool = True
    sends: bool = True
    gated: bool = False
    quick: bool = False
    grows: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """No new batches. With `drain` those in flight are waited for and collected, with `cancel` stopped first."""

    reason: str
    error: BatchataError | None = None
    drain: bool = True
    cancel: bool = False


@dataclass(slots=True)
class Watch:
    """When a job is looked at next, and how often that went wrong in a row, since when.

    `runs` says that its batch is lost and that one which may be it has not ended.
    """

    due: float
    looks: int = 0
    misses: int = 0
    short: int = 0
    missing_since: float | None = None
    tried: float = 0.0
    runs: bool = False


@dataclass(slots=True)
class Session:
    """The part of a run's state that ends with the process. `left` is set by who does not want it to go on; `marks` are
    those of jobs that are formed, by item; `queues` what was counted of `sharing`. `forgone` are the USD that a run
    which waits is expected to save beyond what this one does.
    """

    policy: Policy
    started: float
    watches: dict[int, Watch] = field(default_factory=dict)
    busy: set[int] = field(default_factory=set)
    formed: set[int] = field(default_factory=set)
    searched: set[int] = field(default_factory=set)
    forming: bool = False
    blocked_at: Decimal | None = None
    blocked_alone: bool = False
    needed: Decimal | None = None
    refusals: int = 0
    refused_since: float | None = None
    pace: Pace = field(default_factory=Pace)
    sent: int = 0
    left: bool = False
    create_after: float = 0.0
    asked: int = 0
    stop: Stop | None = None
    claims: str | None = None
    sharing: Sharing | None = None
    queues: Queues | None = None
    forgone: Decimal = Decimal(0)
    marks: dict[int, dict[int, Marks]] = field(default_factory=dict)
    succeeded: int = 0
    causes: Counter[str | None] = field(default_factory=Counter)

    def watch(self, job: int) -> Watch:
        """The watch over a job; a new one is due at once."""
        return self.watches.setdefault(job, Watch(due=0.0))
