"""The form after a sample: the rest is sent, or the run ends there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from prefect.input import RunInput
from pydantic import Field

from batchata.core.plurals import number_of
from batchata.core.samplereport import SampleReport, heading, result_lines, rows_of
from batchata.orchestration.approval import Ending

_FENCE = "~~~~~~~~"

REASONS = {
    Ending.STOPPED: "a person chose to stop",
    Ending.UNANSWERED: "nobody answered in time",
    Ending.CANCELLED: "the run was cancelled while it waited for an answer",
}
"""Why the rest is not sent."""


class SampleApproval(RunInput):
    # It has no default, or a bare Resume would send everything.
    decision: Literal["continue", "stop"] = Field(
        description="continue: send the rest. stop: end the run; the sampled results are kept, the rest waits for a "
        "later run."
    )


@dataclass(frozen=True, slots=True)
class SampleQuestion:
    """`number` counts the questions of a run that were answered before, plus one: a question is known by its number."""

    run_id: str
    number: int
    report: SampleReport
    form: ClassVar[type[SampleApproval]] = SampleApproval

    @property
    def key(self) -> str:
        return f"sample-{self.run_id}-{self.number}"

    def describe(self, refusal: str = "") -> str:
        """What the form says above its field, in Markdown. Results are quoted as they are, never as Markdown."""
        refused = [f"**Your last answer was not accepted:** {refusal}", ""] if refusal else []
        rows = [f"| {name} | {value} |" for name, value in rows_of(self.report)]
        shown = result_lines(self.report)
        quoted = ["Some results:", "", _FENCE, *shown, _FENCE, ""] if shown else []
        table = [f"**{heading(self.report)}**", "", "| | |", "|---|---|", *rows, ""]
        choice = (
            f"Choose **continue** to send the other {number_of(self.report.waiting, 'item')}, or **stop** to end here."
        )
        return "\n".join([*refused, *table, *quoted, choice])

    def judge(self, answer: SampleApproval) -> bool | Ending | str:
        """True to go on."""
        return True if answer.decision == "continue" else Ending.STOPPED
