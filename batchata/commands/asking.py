"""Questions on the terminal, where somebody sits at it."""

from __future__ import annotations

import math
from contextlib import suppress
from decimal import Decimal

from rich.prompt import Confirm, FloatPrompt

from batchata.commands.output import Output, stderr
from batchata.core.money import rounded_usd, usd
from batchata.core.samplereport import SampleReport
from batchata.core.status import Status
from batchata.running.gate import Approver


def approver(output: Output, *, yes: bool) -> Approver | None:
    """Who says after a sample whether the rest is sent; None where nobody can be asked."""
    if yes:
        return lambda _: True
    return _approved if output.can_ask else None


def _approved(report: SampleReport) -> bool:
    console = stderr()
    console.print()
    console.print(str(report), markup=False)
    with suppress(EOFError):  # Ctrl-D is no answer
        return Confirm.ask(f"Send the other {report.waiting:,} items?", console=console, default=False)
    return False


def higher_limit(status: Status, output: Output) -> float | None:
    """A new limit for a run that has come to its own; None to leave it there, or where nobody can be asked."""
    if not (status.limit_reached and status.pending and status.limit and output.can_ask):
        return None
    console, limit = stderr(), status.limit
    console.print(f"\nThe limit of {usd(limit)} is reached: {rounded_usd(status.spent or Decimal(0))} spent, "
                  f"{status.pending:,} items left.")  # fmt: skip
    with suppress(EOFError):
        while given := FloatPrompt.ask("A new limit in USD, or Enter to stop here", console=console, default=0.0):
            if math.isfinite(given) and Decimal(str(given)) > limit:
                return given
            console.print(f"[red]It must be more than {usd(limit)}.[/]")
    return None
