"""`batchata init`."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from cyclopts import App

from batchata.commands.output import Output, print_json, stdout
from batchata.core.exits import Exit

EXAMPLES = """\
Examples:

  batchata init                # into the working directory
  batchata init my-project/"""

_NEXT = """\
  prefect server start                                # in a terminal of its own; or Prefect Cloud
  export PREFECT_API_URL=http://127.0.0.1:4200/api    # in every other terminal
  prefect work-pool create batchata --type process    # once
  prefect deploy --all --no-prompt                    # after each change of prefect.yaml
  export ANTHROPIC_API_KEY=...                        # or the two variables that this prints:
                                                      # batchata simulate --seconds 20
  prefect worker start --pool batchata                # in a terminal of its own
Then fill in the form of run-batch on http://127.0.0.1:4200, or start it here
(models.py has an Invoice to begin with):
  prefect deployment run run-batch/run-batch -p files='["invoices/*.pdf"]' -p max_cost=5 \\
    -p prompt="Extract the invoice." -p model=claude-haiku-5-5 -p response_model=models.py:Invoice
To be told when a run asks or items failed, see automations.yaml."""

command = App(name="init", usage="Usage: batchata init [FOLDER]", help_epilogue=EXAMPLES)


@command.default
def init(folder: Path = Path(), /, *, output: Output = Output()) -> Exit:
    """Write prefect.yaml and flows/ into a project, ready for `prefect deploy --all --no-prompt`.

    Parameters
    ----------
    folder
        The project. Default: the working directory. Files that are there are never overwritten.
    """
    from batchata.scaffold import write_project

    written = [str(name) for name in write_project(folder)]
    if output.json:
        print_json({"folder": str(folder.absolute()), "written": written})
        return Exit.DONE
    console = stdout()
    console.print(f"Written to {folder.absolute()}:", markup=False, soft_wrap=True)
    console.print("".join(f"  {name}\n" for name in written), markup=False)
    there = "" if folder.absolute() == Path.cwd() else f"  cd {quote(str(folder))}\n"
    console.print(f"Next, one after the other:\n{there}{_NEXT}", markup=False, highlight=False, soft_wrap=True)
    return Exit.DONE
