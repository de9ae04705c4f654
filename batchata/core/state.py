"""Where every item and every job of a run stands: the ledger's events, one after the other."""

from __future__ import annotations

import re
from array import array
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import Enum, IntEnum, auto
from itertools import islice
from typing import assert_never

from batchata.core.budget import Budget
from batchata.core.events import (
    Decided,
    Deleted,
    Ended,
    Event,
    Intent,
    ItemsAdded,
    Opened,
    RunStarted,
    Sent,
    Settled,
    Submitted,
    Unsent,
    Uploaded,
)
from batchata.core.jobbook import JobBook, SettledJob
from batchata.core.outcomes import KINDS, Kind
from batchata.core.sampling import Sample
from batchata.core.uploadbook import UploadBook
from batchata.core.warmth import Warmth


class Standing(IntEnum):
    """Where an item stands."""

    PENDING = 0
    HELD = 1
    DONE = 2
    AGAIN = 3


class Phase(Enum):
    """Where a job stands that is not settled."""

    INTENDED = auto()
    SUBMITTED = auto()
    ENDED = auto()


@dataclass(slots=True)
class OpenJob:
    """A job that is not settled. `at` is when it was last about to be created."""

    number: int
    items: list[Sent]
    bound: Decimal | None
    at: datetime
    phase: Phase = Phase.INTENDED
    batch_id: str | None = None
    claims: str | None = None


@dataclass(slots=True)
class Tally:
    """Sums over all that is settled; `unlimited` are the unpriced items of jobs that had no bound either.

    `discount` is what the batch discount saved in USD, `prompt_saved` what the prompt cache did, None when a ledger
    of an earlier version does not tell.
    """

    kinds: Counter[Kind] = field(default_factory=Counter)
    jobs: int = 0
    cached: int = 0
    saved: Decimal = Decimal(0)
    unpriced: int = 0
    unlimited: int = 0
    retried: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    discount: Decimal | None = Decimal(0)
    prompt_read: int = 0
    prompt_written: int = 0
    prompt_saved: Decimal | None = Decimal(0)


_NO_KIND = 255
_A_FAILURE = re.compile(rb"[^\x00\xff]")  # any kind but the first, which is "succeeded"


class RunState:
    """The replayed ledger of a run. Applying an event costs what the event is long, not what the run is long."""

    def __init__(self) -> None:
        self.run: RunStarted | None = None
        self.opened: Opened | None = None
        self.names: list[str] = []
        self.open: dict[int, OpenJob] = {}
        self.batches: dict[str, int] = {}
        self.budget = Budget()
        self.tally = Tally()
        self.jobs = JobBook()
        self.uploads = UploadBook()
        self.history: dict[int, tuple[Kind, ...]] = {}
        self.next_job = 1
        self.limit_reached = False
        self.halted = self.left = ""
        self.path: str | None = None
        self.canceled = False
        self.answers = 0
        self.sample: Sample | None = None
        self.warmth = Warmth()
        self.fingerprints: list[str | None] = []
        self.sent_at: array[float] = array("d")
        self._standing = bytearray()
        self._kinds = bytearray()
        self._attempts: array[int] = array("L")
        self._job_of: array[int] = array("L")
        self._again: OrderedDict[int, None] = OrderedDict()
        self._max_tokens: dict[int, int] = {}

    @property
    def total(self) -> int:
        return len(self.names)

    def kind_of(self, index: int) -> Kind | None:
        """How the item ended, None while it has not."""
        done = self._standing[index] == Standing.DONE
        return KINDS[self._kinds[index]] if done else None

    def job_of(self, index: int) -> int:
        """The job whose results hold the item's outcome; 0 when there is none."""
        return self._job_of[index]

    def jobs_of_outcomes(self) -> Counter[int]:
        """How many items' outcomes the results of each job hold."""
        return Counter(job for job in self._job_of if job)

    def attempts(self, index: int) -> int:
        """How often the item was about to be sent."""
        return self._attempts[index]

    def max_tokens_of(self, index: int) -> int | None:
        """What the item asks for instead of the run's own `max_tokens`."""
        return self._max_tokens.get(index)

    def indexes(self, standing: Standing) -> list[int]:
        """The items that stand there, in the order of the input."""
        return [index for index, each in enumerate(self._standing) if each == standing]

    def failed(self, most: int) -> list[int]:
        """The first `most` items that ended without a result, in the order of the input; found in no time."""
        return [found.start() for found in islice(_A_FAILURE.finditer(self._kinds), most)]

    @property
    def standings(self) -> bytes:
        """Where each item stands, one byte each."""
        return bytes(self._standing)

    def count(self, *standings: Standing) -> int:
        return sum(self._standing.count(each) for each in standings)

    def pending(self, *, only_again: bool = False) -> Iterator[int]:
        """The items that wait to be sent: in the order of the input, then those that are sent again."""
        index = -1 if only_again else self._standing.find(Standing.PENDING)
        while index >= 0:
            yield index
            index = self._standing.find(Standing.PENDING, index + 1)
        yield from self._again

    @property
    def awaits_approval(self) -> bool:
        """Whether a sample has ended and others wait for somebody to approve them."""
        sample = self.sample
        if sample is None or sample.approved or self.open or next(self.pending(), None) is None:
            return False
        return next(self.pending_of(sample.costs), None) is None

    @property
    def waits_for_person(self) -> bool:
        """Whether it ended on purpose, or somebody was asked and has not answered: at its limit, after its sample."""
        asked = self.sample is not None and self.sample.asked and self.awaits_approval
        return not self.open and (bool(self.halted) or self.limit_reached or asked)

    def pending_of(self, items: Mapping[int, object]) -> Iterator[int]:
        """Those of these items that wait, in the same order; costs what these are long."""
        yield from (index for index in items if self._standing[index] == Standing.PENDING)
        yield from (index for index in self._again if index in items)

    def apply(self, event: Event) -> None:
        """Takes one event in."""
        match event:
            case RunStarted():
                self.run = event
            case ItemsAdded():
                self._add(event.names)
            case Opened():
                self._open(event)
            case Intent() | Submitted() | Unsent() | Ended() | Settled():
                self._move(event)
            case Decided():
                self._decide(event)
            case Uploaded() | Deleted():
                if isinstance(event, Deleted):  # what is uploaded again has another id, which no cache knows
                    self.warmth.cool(*(self.uploads.prefixes.get(each, ()) for each in event.files))
                self.uploads.apply(event)
            case _:
                assert_never(event)

    def _move(self, event: Intent | Submitted | Unsent | Ended | Settled) -> None:
        match event:
            case Intent():
                self._intend(event)
            case Submitted():
                self._submit(event)
            case Unsent():
                self._unsend(self.open.pop(event.job))
            case Ended():
                self.open[event.job].phase = Phase.ENDED
            case Settled():
                self._settle(event)
            case _:
                assert_never(event)

    def _add(self, names: list[str]) -> None:
        self.names.extend(names)
        self._standing.extend(bytes(len(names)))
        self._kinds.extend(bytes([_NO_KIND]) * len(names))
        self._attempts.extend([0] * len(names))
        self._job_of.extend([0] * len(names))
        self.fingerprints.extend([None] * len(names))
        self.sent_at.extend([0.0] * len(names))

    def _open(self, event: Opened) -> None:
        """A limit that was given anew counts; the one given before does not undo what was approved since."""
        if self.opened is None or self.opened.max_cost != event.max_cost:
            self.budget = self.budget.limited_to(event.max_cost)
        self.opened = event
        if event.sends:
            self.limit_reached, self.halted = False, self.left
            self.path = event.path or self.path

    def _intend(self, event: Intent) -> None:
        self.open[event.job] = OpenJob(event.job, event.items, event.bound, event.at, claims=event.claims)
        self.warmth.intend(event)
        self.next_job = max(self.next_job, event.job + 1)
        self.budget = self.budget.reserve(event.bound or Decimal(0))
        for item, attempt, _, fingerprint in event.items:
            self._standing[item] = Standing.HELD
            self._again.pop(item, None)
            self._attempts[item] = attempt
            self.fingerprints[item] = fingerprint
            self.sent_at[item] = event.at.timestamp()

    def _submit(self, event: Submitted) -> None:
        job = self.open[event.job]
        job.phase, job.batch_id = Phase.SUBMITTED, event.batch_id
        self.canceled = False
        self.batches[event.batch_id] = event.job

    def _unsend(self, job: OpenJob) -> None:
        self.warmth.unsend(job.number)
        self.budget = self.budget.release(job.bound or Decimal(0))
        self._return([each.item for each in job.items])

    def _return(self, indexes: list[int]) -> None:
        """Those that were to be sent again still are."""
        for index in reversed(indexes):
            if index in self.history:
                self._standing[index] = Standing.AGAIN
                self._again[index] = None
                self._again.move_to_end(index, last=False)
            else:
                self._standing[index] = Standing.PENDING

    def _settle(self, event: Settled) -> None:
        job = self.open.pop(event.job, None)
        self.warmth.settle(event)
        self.next_job = max(self.next_job, event.job + 1)
        self.budget = self.budget.settle((job and job.bound) or Decimal(0), event.cost, event.held)
        for index, kind, cost in event.endings:
            self._standing[index] = Standing.DONE
            self._again.pop(index, None)
            self._kinds[index] = KINDS.index(kind)
            self._job_of[index] = event.job
            self.tally.kinds[kind] += 1
            self.tally.unpriced += cost is None
        for each in event.again:
            self._send_again(each.item, each.kind, each.max_tokens)
            self.tally.unpriced += each.cost is None
        self._return(event.pending)
        if self.sample is not None:
            self.sample.measure(event)
        if job is not None and job.bound is None:
            self.tally.unlimited += sum(cost is None for _, _, cost in event.endings)
            self.tally.unlimited += sum(each.cost is None for each in event.again)
        self._sum(event)
        self.jobs.add(_settled_job(event, job))

    def _sum(self, event: Settled) -> None:
        tally = self.tally
        tally.jobs += event.batch_id is not None
        tally.cached += event.cached
        tally.saved += event.saved
        tally.discount = _sum_of_known(tally.discount, event.discount, event)
        tally.prompt_read += event.prompt_read
        tally.prompt_written += event.prompt_written
        tally.prompt_saved = _sum_of_known(tally.prompt_saved, event.prompt_saved, event)
        tally.input_tokens += event.input_tokens
        tally.output_tokens += event.output_tokens

    def _send_again(self, index: int, kind: Kind, max_tokens: int | None) -> None:
        self._standing[index] = Standing.AGAIN
        self._kinds[index] = _NO_KIND
        self._job_of[index] = 0
        self.history[index] = (*self.history.get(index, ()), kind)
        self._again[index] = None
        if max_tokens is not None:
            self._max_tokens[index] = max_tokens

    def _decide(self, event: Decided) -> None:
        match event.what:
            case "limit":
                self.answers += 1
                self.budget = self.budget.limited_to(event.limit)
                self.limit_reached = False
            case "limit_reached":
                self.limit_reached = True
            case "retry":
                self._retry(event.items, event.max_tokens)
            case "stop":
                self.answers += 1
            case "sample":
                self.sample = Sample(dict.fromkeys(sorted(event.items), Decimal(0)), drawn_from=self.total)
            case "asked" | "approved":
                self._gate(is_approved=event.what == "approved")
            case "halted" | "left" | "cancel":
                self.halted = event.reason
                self.left = event.reason if event.what == "left" else self.left
                self.canceled = self.canceled or event.what == "cancel"

    def _gate(self, *, is_approved: bool) -> None:
        self.answers += is_approved
        if self.sample is not None:
            self.sample.asked, self.sample.approved = True, is_approved or self.sample.approved

    def _retry(self, indexes: list[int], max_tokens: Mapping[int, int]) -> None:
        """They begin anew: what was tried before does not count."""
        for index in indexes:
            kind = KINDS[self._kinds[index]]
            self.tally.kinds[kind] -= 1
            self._send_again(index, kind, max_tokens.get(index))
            self.history[index] = ()
        self.tally.retried += len(indexes)


def _sum_of_known(total: Decimal | None, more: Decimal | None, event: Settled) -> Decimal | None:
    """What a job that cost nothing does not say is 0."""
    known = more if more is not None or event.cost else Decimal(0)
    return None if total is None or known is None else total + known


def _settled_job(event: Settled, job: OpenJob | None) -> SettledJob:
    costs = [cost for _, _, cost in event.endings] + [each.cost for each in event.again]
    return SettledJob(
        number=event.job,
        batch_id=event.batch_id,
        items=len(costs) + len(event.pending),
        failed=sum(kind != "succeeded" for _, kind, _ in event.endings),
        again=len(event.again),
        returned=len(event.pending),
        cached=event.cached,
        unpriced=costs.count(None),
        bound=None if job is None else job.bound,
        cost=event.cost,
        created=None if job is None else job.at,
    )
