"""`batchata demo`."""

from __future__ import annotations

import threading
from pathlib import Path

from cyclopts import App
from rich.console import Console

from batchata.commands.output import Output, print_json, stdout
from batchata.core.exits import Exit, UsageError

EXAMPLES = """\
Examples:

  batchata demo                # twelve real PDF invoices, without a key
  batchata demo my-invoices/   # your own
  batchata demo --ui           # in the Prefect UI, with a run that asks
  batchata demo --live         # the Claude API, for about a cent
  batchata demo --json | jq '.items[].result'"""

command = App(name="demo", usage="Usage: batchata demo [FOLDER] [OPTIONS]", help_epilogue=EXAMPLES)


@command.default
def demo(folder: Path | None = None, /, *, live: bool = False, ui: bool = False, output: Output = Output()) -> Exit:
    """Put a folder of PDF invoices through the whole pipeline and show objects, citations and cost.

    Parameters
    ----------
    folder
        A folder of PDFs of your own. Default: the invoices that come with batchata.
    live
        Use the Claude API instead of the simulator. Needs a key and costs about a cent.
    ui
        Show them in the Prefect UI: a server, a worker and a run that stops to ask, until Ctrl-C.
    """
    if ui and output.json:
        raise UsageError("--ui shows a web page, and --json a document; give one of them")
    if ui:
        from batchata.demo_ui import run_demo_ui

        run_demo_ui(Console(), threading.Event().wait)
        return Exit.DONE
    from batchata.demo import demo_document, run_demo

    if output.json:
        progress = Console(stderr=True, quiet=output.quiet)
        print_json(demo_document(folder, live=live, console=progress))
    else:
        run_demo(folder, live=live, console=stdout())
    return Exit.DONE
