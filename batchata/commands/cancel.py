"""`batchata cancel`."""

from __future__ import annotations

from cyclopts import App

from batchata.commands.filenames import FileName
from batchata.commands.output import Output, print_json, stdout
from batchata.core.exits import Exit
from batchata.runs import carrying
from batchata.runs.looking import run_at

EXAMPLES = """\
Examples:

  batchata cancel results/
  batchata run --out results/     # afterwards: collects what was answered

What a batch had answered before it was cancelled is billed, and its results
are kept."""

command = App(name="cancel", usage="Usage: batchata cancel [FOLDER] [OPTIONS]", help_epilogue=EXAMPLES)


@command.default
def cancel(folder: FileName | None = None, /, *, output: Output = Output()) -> Exit:
    """Stop a run and its message batches, whichever process is at work on it.

    Parameters
    ----------
    folder
        The folder of the run (--out). Default: the only run below .batchata.
    """
    found = run_at(folder)
    ids = carrying.cancel(found)
    if output.json:
        print_json({"folder": str(found.path), "canceled": ids})
    elif ids:
        stdout().print(f"told to stop: {', '.join(ids)}", soft_wrap=True)
    else:
        stdout().print("nothing was in flight; the run is stopped")
    return Exit.DONE
