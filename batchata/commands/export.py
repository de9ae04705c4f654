"""`batchata export`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from cyclopts import App, Parameter

from batchata.commands.filenames import FileName
from batchata.commands.output import Output, print_json, stdout
from batchata.core.exits import Exit
from batchata.core.outcomes import Kind
from batchata.runs.looking import run_at

EXAMPLES = """\
Examples:

  batchata export results/ --to invoices.parquet
  batchata export results/ --to invoices.csv --outcome succeeded
  batchata export results/ --to invoices.jsonl
  batchata export results/ --to report.html   # each field beside its page

One row per item: its fields, the page behind each, outcome, cost and source."""

command = App(name="export", usage="Usage: batchata export [FOLDER] --to FILE [OPTIONS]", help_epilogue=EXAMPLES)


@command.default
def export(
    folder: FileName | None = None,
    /,
    *,
    to: Annotated[FileName, Parameter(name=["--to", "-t"])],
    format: str | None = None,  # noqa: A002 - the option's name
    outcome: list[Kind] | None = None,
    output: Output = Output(),
) -> Exit:
    """Write a run as a table or a report.

    Parameters
    ----------
    folder
        The folder of the run (--out). Default: the only run below .batchata.
    to
        The file to write; its ending says what it becomes: .parquet, .csv, .jsonl, .html.
    format
        What it becomes, where the ending does not say it: parquet, csv, jsonl, html.
    outcome
        Only items that ended so; as often as needed.
    """
    from batchata.runs.exporting import export_run

    written = export_run(run_at(folder), to, format=format, outcomes=tuple(outcome or ()))
    if output.json:
        print_json(asdict(written))
    else:
        stdout().print(str(written), markup=False, soft_wrap=True)
    return Exit.DONE
