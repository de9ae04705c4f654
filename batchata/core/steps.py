"""What is to be done next, and what came of it: the words between the brain of a run and its hands."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from batchata.core.events import Sent, Settled, UploadedFile
from batchata.core.outcomes import Kind
from batchata.core.prefixes import Marks
from batchata.core.samplereport import SampleReport
from batchata.errors import BatchataError


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that waits: which attempt it would be, what it asks for instead of the run's `max_tokens`, and where it
    is marked for the prompt cache.
    """

    index: int
    attempt: int
    max_tokens: int | None
    marks: Marks | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """Form job number `job` from these items, in this order, with a bound of at most `left`.

    `alone` says that nothing is in flight, so that waiting would free no money. A job that goes `ahead` takes one item
    for each beginning that it is to write to the prompt cache.
    """

    job: int
    candidates: Sequence[Candidate]
    items_per_job: int
    left: Decimal | None
    alone: bool
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Create the message batch of a job that is formed; `marks` are those of its items by index."""

    job: int
    items: Sequence[Sent]
    marks: Mapping[int, Marks] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Search:
    """Find out whether the message batch of a job was created whose id is not known.

    `items` are its items by index and attempt; batches of the ids in `known` are other ones. Where it had to be
    claimed, `claims` says where: nobody may begin to send it from now on.
    """

    job: int
    items: frozenset[tuple[int, int]]
    total: int
    since: datetime
    known: Container[str]
    claims: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """Ask where a message batch stands."""

    job: int
    batch_id: str


@dataclass(frozen=True, slots=True)
class Collect:
    """Bring the results of an ended batch to disk. `settle_short` takes what there is for all there is."""

    job: int
    batch_id: str
    items: Sequence[Sent]
    bound: Decimal | None
    histories: Mapping[int, Sequence[Kind]]
    settle_short: bool


Work = Form | Send | Search | Look | Collect
"""Steps that take time and are carried out beside each other."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing can be done before this time (seconds since the epoch), unless something that runs is done."""

    until: float


@dataclass(frozen=True, slots=True)
class Ask:
    """The limit is reached and nothing is in flight: ask for a new one. `needed` is the bound of the next item."""

    number: int
    spent: Decimal
    limit: Decimal
    pending: int
    needed: Decimal | None


@dataclass(frozen=True, slots=True)
class Approve:
    """The sample has ended and nothing is in flight: ask whether the rest is to be sent. The report has no results."""

    number: int
    report: SampleReport


@dataclass(frozen=True, slots=True)
class Finish:
    """The run ends. `error` is raised then; `stopped` says why items are left, empty when none are.

    `retried` counts the failed items that were sent again because it was asked for. `is_away` says that it was
    not to wait for the batches in flight.
    """

    stopped: str = ""
    error: BatchataError | None = None
    retried: int = 0
    is_away: bool = False


Step = Work | Wait | Ask | Approve | Finish


@dataclass(frozen=True, slots=True)
class Formed:
    """`items` are job number `job`, none when nothing fits; `settled` are those that need no batch.

    `needed` is the least that the budget would have to cover for the next item, where it did not. `uploads` are the
    files that its requests name.
    """

    job: int
    items: Sequence[Sent]
    bound: Decimal | None
    settled: Settled | None
    causes: Sequence[str | None]
    needed: Decimal | None
    uploads: Sequence[UploadedFile] = ()


@dataclass(frozen=True, slots=True)
class Created:
    """The message batch exists."""

    batch_id: str


@dataclass(frozen=True, slots=True)
class NotFound:
    """No batch of the job is there. `running` are batches that may be it and have not ended.

    `never` says that nobody had begun to send it, and nobody will.
    """

    running: Sequence[str]
    never: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """Where a message batch stands."""

    ended: bool


@dataclass(frozen=True, slots=True)
class Collected:
    """A job is settled; `causes` are its failures (None for what may pass), `trouble` is the account's.

    `deleted` are the uploads that were there for it only.
    """

    settled: Settled
    causes: Sequence[str | None]
    trouble: str | None = None
    deleted: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The step failed in a way that is known."""

    error: BatchataError


Report = Formed | Created | NotFound | Looked | Collected | Failed
