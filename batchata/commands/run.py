"""`batchata run`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from cyclopts import App, Parameter

from batchata.commands.asking import approver, higher_limit
from batchata.commands.ending import ended, interruptible
from batchata.commands.filenames import FileName
from batchata.commands.options import HOW, MONEY, How, Inputs, Money, Places, Work, spec_from
from batchata.commands.output import Output
from batchata.core.exits import Exit
from batchata.running.options import Orchestrator
from batchata.runs.carrying import carry_out
from batchata.runs.folder import folder_of
from batchata.runs.looking import look

EXAMPLES = """\
Examples:

  batchata run invoices/*.pdf --prompt prompt.txt --model claude-haiku-5-5 \\
      --response-model models.py:Invoice --citations --max-cost 5 --out results/
  batchata run mail/ --prompt "Is this spam?" --sample 0.01 --out mail-run/
  batchata run --messages chats.jsonl -p 'system="Be brief."' --out chats/
  batchata run --out results/                # go on: after a crash or --no-wait
  batchata run --out results/ --max-cost 10  # the same with a higher limit

The same work is the same run: started again it goes on, and nothing is paid
twice. Without a key: `batchata simulate` in another terminal, and the two
variables that it prints."""

command = App(name="run", usage="Usage: batchata run [FILES...] [OPTIONS]", help_epilogue=EXAMPLES)


@command.default
def run(
    *files: FileName,
    inputs: Inputs = Inputs(),
    work: Work = Work(),
    money: Money = Money(),
    places: Places = Places(),
    how: How = How(),
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], group=MONEY)] = False,
    orchestrator: Annotated[Orchestrator | None, Parameter(group=HOW)] = None,
    output: Output = Output(),
) -> Exit:
    """Put files or conversations through message batches, or go on with a run.

    Parameters
    ----------
    files
        Paths, globs, folders or URLs; each file is sent with the prompt. Without any, the run in --out goes on.
    yes
        Send the rest after a sample without asking.
    orchestrator
        prefect (a flow run in its UI) or local (no server). Default: prefect where a Prefect API is configured.
    """
    spec = spec_from(files, inputs, work, money, places, how)
    if spec.prompt_file:
        output.note(f"the prompt is read from {spec.prompt_file}")
    folder = folder_of(spec)
    carried = partial(
        carry_out,
        began=output.note,
        approve=approver(output, yes=yes),
        print_progress=not output.quiet,
        orchestrator=orchestrator,
    )
    with interruptible(folder, output):
        carried(spec)
        while (limit := higher_limit(look(folder), output)) is not None:
            spec = spec.model_copy(update={"max_cost": limit})
            carried(spec)
    return ended(folder, output)
