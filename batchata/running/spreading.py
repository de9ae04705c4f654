"""Measuring spread over several workers at once, a few chunks of each job."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from batchata.core.measured import Measure, Measured
from batchata.core.steps import Candidate, Form
from batchata.errors import LostWorkerError
from batchata.running.measuring import Measurer

logger = logging.getLogger("batchata")

CHUNKS = 8
"""A job is measured in so many parts at most."""

SMALLEST = 16

Begin = Callable[[Measure], Callable[[], list[Measured]]]
"""Has items measured elsewhere, and returns at once; what it returns waits. May raise LostWorkerError."""


@dataclass(slots=True)
class Spread:
    """What one job has no room for stays measured for the next. For one thread at a time."""

    begin: Begin
    here: Measurer
    _chunks: dict[Candidate, _Chunk] = field(default_factory=dict)

    def measured(self, step: Form, room: Callable[[], int]) -> Generator[Measured]:  # noqa: ARG002 - it is worked ahead
        """The candidates of a job in their order. Raises the errors of `Measurer`."""
        new = [each for each in step.candidates if each not in self._chunks]
        for part in chunks(new):
            chunk = _Chunk(Measure(step.job, part, limited=step.left is not None), self)
            self._chunks.update(dict.fromkeys(part, chunk))
        for candidate in step.candidates:
            yield self._chunks.pop(candidate).of(candidate)


class _Chunk:
    def __init__(self, step: Measure, spread: Spread) -> None:
        self._step = step
        self._here = spread.here
        self._result: Callable[[], list[Measured]] | None = spread.begin(step)
        self._found: dict[Candidate, Measured] = {}

    def of(self, candidate: Candidate) -> Measured:
        if self._result is not None:
            self._found = {each.candidate: each for each in self._wait(self._result)}
            self._result = None
        return self._found.pop(candidate)

    def _wait(self, result: Callable[[], list[Measured]]) -> list[Measured]:
        try:
            return result()
        except LostWorkerError as error:
            logger.warning(
                "%d items of job %d are measured here: %s", len(self._step.candidates), self._step.job, error
            )
            return list(self._here.measured(self._step))


def chunks(candidates: Sequence[Candidate]) -> list[Sequence[Candidate]]:
    """Parts of about the same size."""
    size = max(SMALLEST, -(-len(candidates) // CHUNKS))
    return [candidates[first : first + size] for first in range(0, len(candidates), size)]
