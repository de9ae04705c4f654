"""Processes that end with us, also when the tests are killed, and take along what they started."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

# The shell leads a process group of its own and ends it when its input ends, that is: also when the tests are killed
# and nobody is left to stop it. When the command ends by itself the shell ends too, so that it is noticed.
KILLED = '{ "$@"; kill -9 0; } & read -r _; kill -9 0'
# For a command that wants to tidy up.
INTERRUPTED = '"$@" & read -r _; kill -INT $!; wait $!'
MARK = "BATCHATA_STACK"
"""A variable that is passed on to children of children, by which they are found."""


@contextmanager
def tied(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    log: Path,
    *,
    script: str = KILLED,
    user: str | None = None,
    folder: Path | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """The shell that runs `command`; what it prints goes to `log`."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            ["sh", "-c", script, "sh", *command], env=environment, stdin=subprocess.PIPE, stdout=out, stderr=out,
            start_new_session=True, user=user, cwd=folder,
        )  # fmt: skip
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.stdin.close()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def is_running(pid: int, what: str) -> bool:
    """Whether a process below this one has `what` in its command line."""
    for each in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.Error):
            if what in each.cmdline():
                return True
    return False


def kill_tree(pid: int) -> int:
    """kill -9 of a process and of all below it, wherever their process groups are. How many there were."""
    root = psutil.Process(pid)
    doomed = [root, *root.children(recursive=True)]
    for each in doomed:
        _kill(each)
    for each in doomed:
        _wait_until_dead(each)
    return len(doomed)


def _wait_until_dead(process: psutil.Process) -> None:
    """A zombie is dead too, and waits for a parent that may never ask."""
    with suppress(psutil.NoSuchProcess):
        while process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)


@contextmanager
def swept(mark: str) -> Iterator[None]:
    """At the end kills whoever has `MARK=mark` in its environment: children whose parents were killed."""
    try:
        yield
    finally:
        for process in marked(mark):
            _kill(process)


def marked(mark: str) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _has_mark(process, mark)]


def _has_mark(process: psutil.Process, mark: str) -> bool:
    try:
        return process.pid != os.getpid() and process.environ().get(MARK) == mark
    except psutil.Error:
        return False


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()
