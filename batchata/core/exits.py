"""What a command's exit code says: one table, for `--help`, the README and the commands."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from batchata.errors import InputError


class Exit(IntEnum):
    """How a command ended, as a shell sees it."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    FAILED = 3
    LEFT = 4
    IN_FLIGHT = 5
    DIFFERS = 6
    INTERRUPTED = 130
    BROKEN_PIPE = 141
    TERMINATED = 143


MEANINGS: Mapping[Exit, str] = MappingProxyType({
    Exit.DONE: "what was asked for is done; of a run: every item succeeded",
    Exit.ERROR: "an error, told in a sentence on stderr",
    Exit.USAGE: "the command line cannot be understood; nothing was done",
    Exit.FAILED: "the run is over, and some items ended without a result",
    Exit.LEFT: "the run stopped with items left: at its limit, after its sample, cancelled",
    Exit.IN_FLIGHT: "message batches are in flight that nobody waits for (--no-wait)",
    Exit.DIFFERS: "reconcile: ledger, result lines and API do not agree",
    Exit.INTERRUPTED: "Ctrl-C; the ledger goes on",
    Exit.BROKEN_PIPE: "whoever read the output stopped reading, as head does; the ledger goes on",
    Exit.TERMINATED: "SIGTERM; the ledger goes on",
})  # fmt: skip


class UsageError(InputError):
    """What was typed does not go together. Nothing was done."""


def exit_of(*, failed: int, pending: int, in_flight: int) -> Exit:
    """What becomes of a run's items -> the exit code of `run`, `retry` and `status`; what is still open counts more."""
    if in_flight:
        return Exit.IN_FLIGHT
    if pending:
        return Exit.LEFT
    return Exit.FAILED if failed else Exit.DONE


def exit_table() -> str:
    """The exit codes as a Markdown table."""
    rows = [f"| {code.value} | {meaning} |" for code, meaning in MEANINGS.items()]
    return "\n".join(["| exit code | means |", "|---:|---|", *rows])


def exit_lines() -> str:
    """The exit codes for a terminal."""
    return "\n".join(f"{code.value:>3}  {meaning}" for code, meaning in MEANINGS.items())
