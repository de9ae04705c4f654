"""`batchata reconcile`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cyclopts import App
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from batchata.commands.filenames import FileName
from batchata.commands.output import Output, print_json, stderr, stdout
from batchata.core.exits import Exit
from batchata.core.showing import line
from batchata.runs.looking import run_at
from batchata.runs.reconciling import Progress, Reconciled
from batchata.runs.reconciling import reconcile as compare

EXAMPLES = """\
Examples:

  batchata reconcile results/          # exit code 0: all agree, 6: they do not
  batchata reconcile results/ --deep   # reads the results from the API again

It compares, and changes nothing: each batch of the ledger with the API's
counts; its result lines, priced again, with what was spent, to the last digit;
the records with the outcomes; and the batches of the workspace with the
ledger, so that one nobody knows of is found."""

command = App(name="reconcile", usage="Usage: batchata reconcile [FOLDER] [OPTIONS]", help_epilogue=EXAMPLES)


@command.default
def reconcile(folder: FileName | None = None, /, *, deep: bool = False, output: Output = Output()) -> Exit:
    """Check that the ledger, the result lines and the API agree on items and money.

    Parameters
    ----------
    folder
        The folder of the run (--out). Default: the only run below .batchata.
    deep
        Read the results from the API again and compare line by line. They are there for 29 days.
    """
    found = run_at(folder)
    with _watching(output) as watch:
        came = compare(found, deep=deep, watch=watch)
    if output.json:
        print_json(_document(came))
    else:
        _show(came)
    return Exit.DONE if came.agrees else Exit.DIFFERS


@contextmanager
def _watching(output: Output) -> Iterator[Progress]:
    console = stderr()
    if output.quiet or not console.is_terminal:
        yield lambda _: None
        return
    with console.status("reading the ledger") as status:
        yield status.update


def _document(came: Reconciled) -> dict[str, object]:
    names = ("agrees", "batches", "open", "lines", "records", "spent", "priced_again", "findings", "notes")
    return {"folder": came.status.folder} | {name: getattr(came, name) for name in names}


def _show(came: Reconciled) -> None:
    console, each = stdout(), came.status
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column()
    not_yet = f", {len(came.open):,} of them not collected yet" if came.open else ""
    grid.add_row("batches", f"{came.batches:,}{not_yet}")
    grid.add_row("items", f"{each.total:,} in, {sum(each.outcomes.values()):,} ended, {came.records:,} records")
    grid.add_row("ledger", f"${came.spent:f} spent")
    grid.add_row("lines", f"${came.priced_again:f} for {came.lines:,} result lines, priced again")
    console.print(grid)
    for note in came.notes:
        console.print(Text(note, style="yellow"))
    if came.agrees:
        console.print(Text("All of them agree.", style="bold green"))
        return
    table = Table(box=SIMPLE_HEAD, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("about", no_wrap=True)
    table.add_column("what does not agree", overflow="fold")
    for finding in came.findings:
        table.add_row(finding.about, Text(line(finding.sentence, 2_000)))
    console.print()
    console.print(table)
