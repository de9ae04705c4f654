"""`batchata estimate`."""

from __future__ import annotations

from cyclopts import App
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from batchata.commands.filenames import FileName
from batchata.commands.options import How, Inputs, Money, Places, Work, spec_from
from batchata.commands.output import Output, print_json, stdout, worded
from batchata.core.estimates import Estimate
from batchata.core.estimatewords import rows_of
from batchata.core.exits import Exit

EXAMPLES = """\
Examples:

  batchata estimate invoices/*.pdf --prompt prompt.txt --model claude-haiku-5-5
  batchata estimate invoices/*.pdf --prompt prompt.txt --also claude-sonnet-5-5
  batchata estimate --out results/           # what is described there

It takes the options of `batchata run`. Tokens are counted, which is free;
nothing is sent to be answered."""

command = App(name="estimate", usage="Usage: batchata estimate [FILES...] [OPTIONS]", help_epilogue=EXAMPLES)


@command.default
def estimate(
    *files: FileName,
    inputs: Inputs = Inputs(),
    work: Work = Work(),
    money: Money = Money(),
    places: Places = Places(),
    how: How = How(),
    also: list[str] | None = None,
    output_tokens: int | None = None,
    output: Output = Output(),
) -> Exit:
    """Say what a run will cost, before a cent is spent.

    Parameters
    ----------
    files
        Paths, globs, folders or URLs, as for `batchata run`.
    also
        Another model to compare with; as often as needed.
    output_tokens
        How long an answer is, where you know it better than the rule that is used otherwise.
    """
    from batchata.runs.estimating import estimate_run

    spec = spec_from(files, inputs, work, money, places, how)
    found = estimate_run(spec, also=also or (), output_tokens=output_tokens)
    if output.json:
        print_json({model: each.to_dict() for model, each in found.items()})
    else:
        for number, each in enumerate(found.values()):
            stdout().print(*[""] * bool(number), _view(each), sep="\n")
    return Exit.DONE


def _view(estimate: Estimate) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows_of(estimate):
        grid.add_row(f"  {name}", Text(worded(value)))
    for each in estimate.notes:
        grid.add_row("  note", Text(worded(each)))
    return Group(Text(f"Estimate for {estimate.items:,} items with {estimate.model}", style="bold"), grid)
