"""Waiting items -> the next job: those that need no batch are settled, the others packed."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

from batchata.core.encoding import EncodedBatch
from batchata.core.events import Ending, Sent, Settled
from batchata.core.fingerprints import request_fingerprint
from batchata.core.jobs import Fit, Packing
from batchata.core.measured import Answered, Arriving, Measured, Weighed
from batchata.core.outcomes import Succeeded
from batchata.core.prefixes import marked
from batchata.core.processed import line_of
from batchata.core.records import record_of
from batchata.core.retries import cause_of
from batchata.core.steps import Form, Formed
from batchata.errors import BatchataError, InputError
from batchata.io.tokens import count_tokens
from batchata.running.assignment import RunContext
from batchata.running.measuring import bound_of, encoded_params, unsendable
from batchata.running.sending import batch_of

logger = logging.getLogger("batchata")

_MOST_COUNTED = 20

Measuring = Callable[[Form, Callable[[], int]], Generator[Measured]]
"""Measures the candidates of a job, in their order; told for how many there is room, it may work ahead for so many."""


@dataclass(slots=True, eq=False)
class _Taken:
    """An item that has its place in the job. `body` is its request, where it is kept and its document is there."""

    measured: Weighed
    cost: Decimal | None
    body: bytes | None

    @property
    def sent(self) -> Sent:
        each = self.measured.candidate
        return Sent(each.index, each.attempt, each.max_tokens, self.measured.fingerprint)


@dataclass(slots=True)
class _Draft:
    """A job while it is being formed. `coming` are the items whose documents are on their way."""

    run: RunContext
    packing: Packing
    taken: list[_Taken] = field(default_factory=list)
    coming: deque[tuple[_Taken, Arriving]] = field(default_factory=deque)
    answered: list[Answered] = field(default_factory=list)
    needed: Decimal | None = None
    counted: int = 0
    has_dropped: bool = False
    prefixes: set[str] | None = None

    def has_written(self, measured: Weighed) -> bool:
        """Whether another item of a job ahead writes the same beginning."""
        marks = measured.candidate.marks
        return self.prefixes is not None and marks is not None and marks.prefix in self.prefixes

    def take(self, measured: Weighed, cost: Decimal | None) -> None:
        marks = measured.candidate.marks
        if self.prefixes is not None and marks is not None:
            self.prefixes.add(marks.prefix)
        taken = _Taken(replace(measured, body=None, upload=None), cost, measured.body)
        self.taken.append(taken)
        if measured.upload is not None:
            self.coming.append((taken, measured.upload()))

    def arrive(self, *, wait: bool) -> None:
        """Takes in what has arrived. An item whose document the API does not take gives its place back."""
        while self.coming and (wait or self.coming[0][1].is_here()):
            taken, arriving = self.coming.popleft()
            try:
                taken.body = arriving.body()
            except InputError as error:
                self._drop(taken, error)

    def _drop(self, taken: _Taken, error: InputError) -> None:
        each = taken.measured.candidate
        self.taken.remove(taken)
        self.packing.give_back(taken.measured.size, taken.cost)
        self.answered.append(unsendable(self.run, each, error))
        self.has_dropped = True
        if self.prefixes is not None and each.marks is not None:
            self.prefixes.discard(each.marks.prefix)

    @contextmanager
    def settled(self) -> Iterator[None]:
        """However it ends, nothing is under way then: what was uploaded in vain is named by another job, or deleted."""
        try:
            yield
        finally:
            for _, arriving in self.coming:
                arriving.wait()


@dataclass(frozen=True, slots=True)
class Former:
    """Forms jobs out of what `measuring` measures."""

    run: RunContext
    measuring: Measuring

    def form(self, step: Form) -> tuple[Formed, EncodedBatch | None]:
        """The job, and the body of the call that creates it where it was kept.

        Documents go up beside each other meanwhile. Raises UnboundedCostError, ResultsError, StorageError, and what an
        upload fails with that is not the document's fault.
        """
        packing = Packing(items=step.items_per_job, left=step.left)
        draft = _Draft(self.run, packing, prefixes=set() if step.ahead else None)
        with closing(self.measuring(step, lambda: packing.room)) as candidates, draft.settled():
            for measured in candidates:
                draft.arrive(wait=False)
                if not self._take(measured, draft, alone=step.alone) or packing.is_full:
                    break
            draft.arrive(wait=True)
        return self._formed(step, draft)

    def _formed(self, step: Form, draft: _Draft) -> tuple[Formed, EncodedBatch | None]:
        settled, causes = self._settle(step.job, draft)
        job = step.job + (settled is not None)
        items = [each.sent for each in draft.taken]
        bound = draft.packing.bound if items else None
        uploads = self.run.uploads.held_by(job) if self.run.uploads else []
        needed = None if draft.has_dropped else draft.needed  # it was reckoned beside what is not there any more
        formed = Formed(job, items, bound, settled, causes, needed, uploads)
        bodies = [each.body for each in draft.taken if each.body is not None]
        return formed, batch_of(self.run, items, bodies) if items and len(bodies) == len(items) else None

    def _take(self, measured: Measured, draft: _Draft, *, alone: bool) -> bool:
        """Finds a place for an item; False when the job is complete without it."""
        if isinstance(measured, Answered):
            draft.answered.append(measured)
            return True
        if draft.has_written(measured):
            return True
        cost = self._bound(measured, draft)
        match draft.packing.offer(measured.size, cost):
            case Fit.TAKEN:
                draft.take(measured, cost)
                return True
            case Fit.TOO_DEAR if cost is not None:
                draft.needed = min(cost, draft.needed or cost)
                return alone and not draft.taken
            case _:
                return False

    def _bound(self, measured: Weighed, draft: _Draft) -> Decimal | None:
        """Where the budget does not cover the ceiling, the API is asked how many tokens there really are."""
        left, ceiling = draft.packing.remains, measured.ceiling
        if left is None or ceiling is None or ceiling <= left or draft.counted >= _MOST_COUNTED:
            return ceiling
        draft.counted += 1
        try:
            params = self.run.requests.params(measured.candidate.index, measured.candidate.max_tokens)
            if request_fingerprint(encoded_params(params)) != measured.fingerprint:
                return ceiling
            if measured.candidate.marks is not None:
                params = marked(params, measured.candidate.marks)
            return min(ceiling, bound_of(self.run, params, count_tokens(self.run.client, params)))
        except BatchataError as error:
            logger.info("the tokens of an item are not counted, its ceiling holds: %s", error)
            return ceiling

    def _settle(self, job: int, draft: _Draft) -> tuple[Settled | None, list[str | None]]:
        """Writes down the items that need no batch."""
        if not draft.answered:
            return None, []
        free = Decimal(0)
        with self.run.folder.writing(job) as file:
            for each in sorted(draft.answered, key=lambda each: each.candidate.index):
                index, attempt = each.candidate.index, each.candidate.attempt
                about = self.run.assignment.about(index)
                record = record_of(each.outcome, index, about.source, None, free, about.label)
                cached = isinstance(each.outcome, Succeeded)
                file.write(line_of(record, run_id=self.run.run_id, attempt=attempt, cached=cached))
        outcomes = [each.outcome for each in draft.answered]
        settled = Settled(
            at=datetime.now(UTC),
            job=job,
            cached=sum(isinstance(outcome, Succeeded) for outcome in outcomes),
            endings=[Ending(each.candidate.index, each.outcome.kind, free) for each in draft.answered],
            saved=sum((each.saved for each in draft.answered), free),
        )
        return settled, [cause_of(outcome) for outcome in outcomes if not isinstance(outcome, Succeeded)]
