"""`batchata demo`."""

from __future__ import annotations

import threading
from pathlib import Path

from cyclopts import App
from rich.console import Console

from batchata.core.exits import Exit

EXAMPLES = """\
Examples:

  batchata demo                # twelve real PDF invoices, without a key
  batchata demo my-invoices/   # your own
  batchata demo --ui           # in the Prefect UI, with a run that asks
  batchata demo --live         # the Claude API, for about a cent"""

command = App(name="demo", usage="Usage: batchata demo [FOLDER] [OPTIONS]", help_epilogue=EXAMPLES)


@command.default
def demo(folder: Path | None = None, /, *, live: bool = False, ui: bool = False) -> Exit:
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
    if ui:
        from batchata.demo_ui import run_demo_ui

        run_demo_ui(Console(), threading.Event().wait)
        return Exit.DONE
    from batchata.demo import run_demo

    run_demo(folder, live=live, console=Console())
    return Exit.DONE
