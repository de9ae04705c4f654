"""How a command over a run ends: what came of it is shown, and its exit code follows from that."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from batchata.commands.output import Output, print_json, stderr, stdout
from batchata.commands.showing import SHOWN_FAILURES, failures_view, next_view, status_view
from batchata.core.exits import Exit
from batchata.core.status import Status, left_words
from batchata.errors import BatchataError
from batchata.io.ledger import is_locked
from batchata.runs.carrying import PATIENCE
from batchata.runs.folder import RunFolder
from batchata.runs.looking import FAILURES, look, records_of


def ended(folder: RunFolder, output: Output) -> Exit:
    """Shows what a run has come to, and its failed items."""
    status = look(folder)
    if output.json:
        print_json(status)
        return status.exit
    stdout().print(status_view(status))
    show_failures(folder, status)
    show_next(status, output)
    return status.exit


def show_failures(folder: RunFolder, status: Status) -> None:
    """The first items without a result, if there are any."""
    if status.failed:
        console = stdout()
        console.print()
        console.print(failures_view(list(records_of(folder, FAILURES, SHOWN_FAILURES)), status.failed))


def show_next(status: Status, output: Output) -> None:
    """Advice goes to stderr, so that a pipe holds figures only."""
    if status.next and not output.quiet:
        sys.stdout.flush()
        stderr().print()
        stderr().print(next_view(status.next))


@contextmanager
def interruptible(folder: RunFolder, output: Output) -> Iterator[None]:
    """Ctrl-C and SIGTERM end with a sentence about what goes on without us. Says whom it waits for first."""
    if is_locked(folder.ledger):
        output.note(f"another process works on {folder.path}; waiting up to {PATIENCE:.0f} s for it to end")
    try:
        yield
    except KeyboardInterrupt:
        _tell(folder, output)
        sys.exit(Exit.INTERRUPTED)
    except SystemExit:
        _tell(folder, output)
        raise


def _tell(folder: RunFolder, output: Output) -> None:
    sys.unraisablehook = lambda _: None  # what was half made when the signal came, such as a client, may grumble
    try:
        status = look(folder)
    except BatchataError:
        stderr().print("interrupted before anything was sent")
        return
    stderr().print(left_words(status), markup=False, soft_wrap=True)
    show_next(status, output)
