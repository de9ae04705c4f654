"""Waiting items -> the next job: those that need no batch are settled, the others packed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from batchata.core.encoding import EncodedBatch
from batchata.core.events import Ending, Sent, Settled
from batchata.core.fingerprints import request_fingerprint
from batchata.core.jobs import Fit, Packing
from batchata.core.measured import Answered, Measured, Weighed
from batchata.core.outcomes import Succeeded
from batchata.core.prefixes import marked
from batchata.core.processed import line_of
from batchata.core.records import record_of
from batchata.core.retries import cause_of
from batchata.core.steps import Form, Formed
from batchata.errors import BatchataError
from batchata.io.tokens import count_tokens
from batchata.running.assignment import RunContext
from batchata.running.measuring import bound_of, encoded_params
from batchata.running.sending import batch_of

logger = logging.getLogger("batchata")

_MOST_COUNTED = 20

Measuring = Callable[[Form, Callable[[], int]], Generator[Measured]]
"""Measures the candidates of a job, in their order; told for how many there is room, it may work ahead for so many."""


@dataclass(slots=True)
class _Draft:
    """A job while it is being formed."""

    packing: Packing
    items: list[Sent] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    answered: list[Answered] = field(default_factory=list)
    needed: Decimal | None = None
    counted: int = 0
    prefixes: set[str] | None = None

    def has_written(self, measured: Weighed) -> bool:
        """Whether another item of a job ahead writes the same beginning."""
        marks = measured.candidate.marks
        return self.prefixes is not None and marks is not None and marks.prefix in self.prefixes


@dataclass(frozen=True, slots=True)
class Former:
    """Forms jobs out of what `measuring` measures."""

    run: RunContext
    measuring: Measuring

    def form(self, step: Form) -> tuple[Formed, EncodedBatch | None]:
        """The job, and the body of the call that creates it where it was kept.

        Raises UnboundedCostError, ResultsError, StorageError.
        """
        draft = _Draft(Packing(items=step.items_per_job, left=step.left), prefixes=set() if step.ahead else None)
        with closing(self.measuring(step, lambda: draft.packing.room)) as candidates:
            for measured in candidates:
                if not self._take(measured, draft, alone=step.alone) or draft.packing.is_full:
                    break
        settled, causes = self._settle(step.job, draft)
        job = step.job + (settled is not None)
        bound = draft.packing.bound if draft.items else None
        uploads = self.run.uploads.held_by(job) if self.run.uploads else []
        formed = Formed(job, draft.items, bound, settled, causes, draft.needed, uploads)
        has_all = bool(draft.items) and len(draft.bodies) == len(draft.items)
        return formed, batch_of(self.run, draft.items, draft.bodies) if has_all else None

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
                each = measured.candidate
                draft.items.append(Sent(each.index, each.attempt, each.max_tokens, measured.fingerprint))
                body = measured.body if measured.make_body is None else measured.make_body()
                if body is not None:
                    draft.bodies.append(body)
                if draft.prefixes is not None and each.marks is not None:
                    draft.prefixes.add(each.marks.prefix)
                return True
            case Fit.TOO_DEAR if cost is not None:
                draft.needed = min(cost, draft.needed or cost)
                return alone and not draft.items
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
