"""The sample gate: a sample is drawn and sent first, and the rest is sent when somebody said so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import Any

from batchata.core.events import Decided
from batchata.core.money import usd
from batchata.core.samplereport import MOST_RESULTS, SampleReport
from batchata.core.sampling import draw
from batchata.core.state import RunState, Standing
from batchata.core.steps import Approve
from batchata.errors import InputError
from batchata.io.ledger import Ledger
from batchata.io.results import ResultsFolder
from batchata.running.reading import records

Approver = Callable[[SampleReport], bool]
"""Whether the rest of the run is to be sent."""


@dataclass(frozen=True, slots=True)
class Gate:
    """How a run is sampled, and who approves the rest: a forecast that is at most `approve_below` USD, `approve`, a
    person through the hands.
    """

    sample: float
    approve: Approver | None = None
    approve_below: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """Whether the rest is sent, and why. `is_decision` unless nobody could be asked."""

    passed: bool
    reason: str
    is_decision: bool = True


def prepare_gate(ledger: Ledger, run_id: str, gate: Gate | None) -> None:
    """Draws the sample of a run that has none yet; without a gate, a sample that was not approved is now."""
    state, at = ledger.state, datetime.now(UTC)
    if gate is None:
        if state.sample is not None and not state.sample.approved:
            ledger.record(Decided(at=at, what="approved", reason="it was run without a sample"), sync=True)
        return
    if state.sample is None and (unsent := state.indexes(Standing.PENDING)):
        drawn = draw(run_id, gate.sample, unsent, state.total)
        ledger.record(Decided(at=at, what="sample", items=drawn), sync=True)


@dataclass(frozen=True, slots=True)
class Gatekeeper:
    """Asks whether the rest of a run is to be sent."""

    gate: Gate
    folder: ResultsFolder
    response_model: Any

    def ask(self, question: Approve, state: RunState, ask_person: Callable[[Approve], Approval]) -> Approval:
        """Raises whatever `approve` raises, InputError when it does not answer, ResultsError."""
        gate = self.gate
        if gate.approve_below is not None and question.report.is_below(gate.approve_below):
            return Approval(passed=True, reason=f"the forecast is at most {usd(gate.approve_below)}")
        report = self._with_results(question.report, state)
        if gate.approve is None:
            return ask_person(replace(question, report=report))
        answer: object = gate.approve(report)
        if not isinstance(answer, bool):
            raise InputError(f"approve returned {answer!r}; it must return True or False. Run again to be asked again")
        return Approval(answer, "approve() said yes" if answer else "the rest was not approved")

    def _with_results(self, report: SampleReport, state: RunState) -> SampleReport:
        chosen = sorted(islice(_shown_first(state), MOST_RESULTS))
        return replace(report, results=list(records(state, self.folder, self.response_model, chosen)))


def _shown_first(state: RunState) -> Iterator[int]:
    """Results are what a person judges by; failures are shown where there are few."""
    ended = [index for index in (state.sample.costs if state.sample else ()) if state.kind_of(index) is not None]
    succeeded = (index for index in ended if state.kind_of(index) == "succeeded")
    return chain(succeeded, (index for index in ended if state.kind_of(index) != "succeeded"))
