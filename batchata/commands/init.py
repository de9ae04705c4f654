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
  prefect work-pool create batchata --type process    # once
  prefect deploy --all                                # after each change of prefect.yaml
  prefect worker start --pool batchata"""

command = App(name="init", usage="Usage: batchata init [FOLDER]", help_epilogue=EXAMPLES)


@command.default
def init(folder: Path = Path(), /, *, output: Output = Output()) -> Exit:
    """Write prefect.yaml and flows/ into a project, ready for `prefect deploy --all`.

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
    console.print(f"next\n{there}{_NEXT}", markup=False, soft_wrap=True)
    return Exit.DONE
