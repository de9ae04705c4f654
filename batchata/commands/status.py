"""`batchata status`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Group, RenderableType
from rich.live import Live

from batchata.commands.ending import show_failures, show_next
from batchata.commands.output import Output, print_json, stdout
from batchata.commands.showing import batches_view, runs_view, status_view
from batchata.core.exits import Exit
from batchata.core.status import Status
from batchata.runs.folder import RunFolder
from batchata.runs.looking import look, runs_at

EXAMPLES = """\
Examples:

  batchata status results/               # one run, and what to do next
  batchata status                        # every run below .batchata
  batchata status results/ --watch       # until nobody works on it any more
  batchata status results/ --json | jq .spent

It is read from the ledger, needs no key, and disturbs nobody at work. The exit
code of one run says where it stands."""

_SECONDS = 2.0

command = App(name="status", usage="Usage: batchata status [FOLDERS...] [OPTIONS]", help_epilogue=EXAMPLES)


@command.default
def status(
    *folders: str,
    watch: Annotated[bool, Parameter(name=["--watch", "-w"])] = False,
    output: Output = Output(),
) -> Exit:
    """Show where runs stand: items, money, batches, and what to do next.

    Parameters
    ----------
    folders
        Folders of runs (--out), or folders with runs below them. Default: .batchata.
    watch
        Look again every 2 seconds while somebody works on the run.
    """
    found = runs_at(folders)
    if len(found) > 1:
        return _list(found, output)
    if watch and not output.json:
        _watch(found[0])
    each = look(found[0])
    if output.json:
        print_json(each)
        return each.exit
    stdout().print(_view(each))
    show_failures(found[0], each)
    show_next(each, output)
    return each.exit


def _list(folders: Sequence[RunFolder], output: Output) -> Exit:
    each = [look(folder) for folder in folders]
    if output.json:
        print_json(each)
    else:
        stdout().print(runs_view(each))
    return Exit.DONE


def _view(each: Status) -> RenderableType:
    return Group(status_view(each), "", batches_view(each)) if each.batches else status_view(each)


def _watch(folder: RunFolder) -> None:
    console = stdout()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while (each := look(folder)).at_work and console.is_terminal:
            live.update(_view(each), refresh=True)
            time.sleep(_SECONDS)
