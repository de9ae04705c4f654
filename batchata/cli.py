"""The command line: the commands are put together here, and whatever they raise becomes a sentence and an exit code."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import LogRecord

    from cyclopts import App

_SAID_BY_COMMANDS = ("engine", "signals")
"""Modules whose last words are for people who write Python; a command has its own."""

_RUNS = {
    "run": "Put files or conversations through message batches, or go on with a run.",
    "estimate": "Say what a run will cost, before a cent is spent.",
    "status": "Show where runs stand: items, money, batches, and what to do next.",
    "results": "Show what came out of a run: all of it, what failed and why, or one item with its citations.",
    "export": "Write a run as a table or a report: Parquet, CSV, JSON Lines, HTML.",
    "retry": "Send the items of a run again that ended without a result.",
    "cancel": "Stop a run and its message batches, whichever process is at work on it.",
    "reconcile": "Check that the ledger, the result lines and the API agree on items and money.",
}
_REST = {
    "models": "List the models that the API serves now: limits, prices in a batch, what each accepts.",
    "simulate": "Run a simulator of the Message Batches API on loopback until it is interrupted.",
    "demo": "Put a folder of PDF invoices through the whole pipeline and show objects, citations and cost.",
    "init": "Write prefect.yaml and flows/ into a project, ready for `prefect deploy --all --no-prompt`.",
}


def build() -> App:
    """The app. A command's module is imported when it is called."""
    from cyclopts import App, Group, Parameter

    from batchata import __version__
    from batchata.commands.console import Screen
    from batchata.core.exits import exit_lines

    app = App(
        name="batchata",
        help="Large amounts of work through Claude's Message Batches API.",
        version=__version__,
        console=Screen(),
        result_action="return_value",
        default_parameter=Parameter(negative="", show_default=False),
        help_format="plaintext",
        help_epilogue=f"`batchata COMMAND --help` teaches each with examples. Exit codes:\n\n{exit_lines()}",
        suppress_keyboard_interrupt=False,
    )
    about = Group("About", sort_key=3)
    for group, commands in ((Group("Runs", sort_key=1), _RUNS), (Group("Beside them", sort_key=2), _REST)):
        for order, (name, summary) in enumerate(commands.items()):
            app.command(f"batchata.commands.{name}:command", name=name, help=summary, group=group, sort_key=order)
    app.register_install_completion_command(help="Install completion for this shell: bash, zsh or fish.", group=about)
    app["--help"].group = app["--version"].group = about
    return app


def main() -> None:
    """Run a command; whatever goes wrong becomes one sentence on stderr and an exit code (see `core/exits.py`).

    Everything is imported in here, so that Ctrl-C is a sentence from the first moment on.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # an odd file name is no reason to fail, nor is a narrow locale
            stream.reconfigure(errors="backslashreplace")
    try:
        sys.exit(_ended())
    except KeyboardInterrupt:
        _end("interrupted", 130)
    except BrokenPipeError:
        _end("whoever read the output has stopped reading", 141)
    except OSError as error:
        _end(f"error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", 1)


def _ended() -> int:
    import logging

    from cyclopts import CycloptsError

    from batchata.core.exits import Exit, UsageError
    from batchata.errors import BatchataError

    logging.getLogger("batchata").addFilter(_as_typed)
    try:
        code = build()(exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except CycloptsError as error:
        help_of = " ".join(["batchata", *(error.command_chain or ()), "--help"])
        return _told(f"{str(error).rstrip('.')} ({help_of} tells what there is)", Exit.USAGE)
    except BatchataError as error:
        return _told(str(error), Exit.USAGE if isinstance(error, UsageError) else Exit.ERROR)
    return code if isinstance(code, int) else Exit.DONE


def _as_typed(record: LogRecord) -> bool:
    """Whether a command says it, in words of the command line."""
    from batchata.core.wording import COMMAND_LINE, spelled

    record.msg, record.args = spelled(record.getMessage(), COMMAND_LINE), None
    return record.module not in _SAID_BY_COMMANDS


def _told(sentence: str, code: int) -> int:
    from rich.console import Console

    from batchata.core.wording import COMMAND_LINE, spelled

    console = Console(stderr=True, highlight=False)
    console.print("[red]error:[/]", end=" ")
    console.print(spelled(sentence, COMMAND_LINE), markup=False, soft_wrap=True)
    return code


def _end(sentence: str, code: int) -> None:
    """What is left in the buffers has nowhere to go, so that flushing it at the end would fail once more."""
    with suppress(OSError):
        print(sentence, file=sys.stderr, flush=True)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    sys.exit(code)


if __name__ == "__main__":
    main()
