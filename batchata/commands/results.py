"""`batchata results`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

from batchata.commands.filenames import FileName
from batchata.commands.item import item_view
from batchata.commands.output import Output, print_json, print_json_array, stdout, worded
from batchata.commands.showing import failures_view, items_view
from batchata.core.cells import named_numbers
from batchata.core.exits import Exit
from batchata.core.outcomes import Kind
from batchata.core.records import Record, plain_record
from batchata.runs.folder import RunFolder
from batchata.runs.looking import FAILURES, chosen, record_at, records_of, run_at

EXAMPLES = """\
Examples:

  batchata results results/                # the first 50 items
  batchata results results/ --failed       # those without a result, and why
  batchata results results/ --outcome refused --outcome truncated
  batchata results results/ --item 17      # its fields, and their pages
  batchata results results/ --item scan.pdf
  batchata results results/ --json | jq '.[] | .result'

`batchata export` writes all of them to a file: a table, or a report."""

_AT_ONCE = 500
_FIRST = 50

command = App(name="results", usage="Usage: batchata results [FOLDER] [OPTIONS]", help_epilogue=EXAMPLES)


@command.default
def results(
    folder: FileName | None = None,
    /,
    *,
    outcome: list[Kind] | None = None,
    failed: bool = False,
    item: str | None = None,
    limit: Annotated[int | None, Parameter(name=["--limit", "-n"], validator=Number(gte=0))] = None,
    output: Output = Output(),
) -> Exit:
    """Show what came out of a run: all of it, what failed and why, or one item with its citations.

    Parameters
    ----------
    folder
        The folder of the run (--out). Default: the only run below .batchata.
    outcome
        Only items that ended so; as often as needed.
    failed
        Only items without a result.
    item
        One item, by its number (from 0), the name of its file, or its id.
    limit
        Show so many, 0 for all. Default: 50, and all as JSON.
    """
    found = run_at(folder)
    if item is not None:
        _show_item(found, item, output)
        return Exit.DONE
    kinds = {*(outcome or ()), *(FAILURES if failed else ())}
    if output.json:
        print_json_array(map(_plain, records_of(found, kinds, limit or None)))
    else:
        _show(found, kinds, _FIRST if limit is None else limit, output)
    return Exit.DONE


def _show_item(folder: RunFolder, item: str, output: Output) -> None:
    record = record_at(folder, item)
    if output.json:
        print_json(_plain(record))
    else:
        stdout().print(item_view(record))


def _plain(record: Record[Any]) -> dict[str, Any]:
    return {**plain_record(record), "result": named_numbers(record.result), "reason": worded(record.reason)}


def _show(folder: RunFolder, kinds: Collection[str], most: int, output: Output) -> None:
    """In tables of a few hundred rows, so that memory does not follow the run."""
    state = folder.state()
    total = len(chosen(state, kinds))
    shown, rows, console = 0, [], stdout()
    for record in records_of(folder, kinds, most or None):
        rows.append(record)
        if len(rows) == _AT_ONCE:
            console.print(items_view(rows))
            shown, rows = shown + len(rows), []
    if rows:
        only_failed = bool(kinds) and not any(each.succeeded for each in rows)
        console.print(failures_view(rows, total) if only_failed else items_view(rows))
    shown += len(rows)
    if shown < total:
        output.note(f"the first {shown:,} of {total:,}; --limit 0 shows all")
    if not total:
        output.note("no item has failed" if kinds == set(FAILURES) else "no item has ended so")
    if waiting := state.total - len(chosen(state)):
        output.note(f"{waiting:,} of {state.total:,} items have not ended yet")
