"""`batchata retry`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from batchata.commands.ending import ended, interruptible
from batchata.commands.filenames import FileName
from batchata.commands.output import Output
from batchata.core.exits import Exit
from batchata.running.options import Orchestrator
from batchata.runs import carrying
from batchata.runs.looking import run_at

EXAMPLES = """\
Examples:

  batchata retry results/
  batchata retry results/ --no-wait   # collect: batchata run --out results/

What was cut is sent with twice the room for its answer; what succeeded is left
alone."""

command = App(name="retry", usage="Usage: batchata retry [FOLDER] [OPTIONS]", help_epilogue=EXAMPLES)


@command.default
def retry(
    folder: FileName | None = None,
    /,
    *,
    wait: Annotated[bool, Parameter(negative="--no-wait")] = True,
    orchestrator: Orchestrator | None = None,
    output: Output = Output(),
) -> Exit:
    """Send the items of a run again that ended without a result.

    Parameters
    ----------
    folder
        The folder of the run (--out). Default: the only run below .batchata.
    wait
        Wait for the batches, or send what may be sent and return.
    orchestrator
        prefect or local. Default: prefect where a Prefect API is configured.
    """
    found = run_at(folder)
    with interruptible(found, output):
        carrying.retry(found, wait=wait, asks=False, print_progress=not output.quiet, orchestrator=orchestrator)
    return ended(found, output)
