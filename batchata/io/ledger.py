"""The ledger of a run on disk: append-only JSON Lines, one writer at a time."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from filelock import FileLock, Timeout

from batchata.core.events import FORMAT, Event, Opened, RunStarted, decoded_event, encoded
from batchata.core.state import RunState
from batchata.errors import LedgerError, LedgerInUseError

_BEGINS = b'{"at":"'

logger = logging.getLogger("batchata")


class Ledger:
    """A ledger that is open for writing, and the state that it tells of. Made by `open_ledger`.

    `told` is called with each event that was written, when the state has taken it in.
    """

    def __init__(self, path: Path, file: int, state: RunState) -> None:
        self.path = path
        self.state = state
        self.recorded = 0
        self.told: Callable[[Event], None] = lambda _: None
        self._file = file

    def record(self, event: Event, *, sync: bool = False) -> None:
        """Writes an event, then takes it in. With `sync` it is on the disk when this returns.

        Raises LedgerError when it cannot be written; then the ledger ends with the event before. Whatever
        interrupts it, an event that was written was taken in, and counts in `recorded`.
        """
        line = encoded(event)
        size = os.fstat(self._file).st_size
        try:
            _write(self._file, line)
            if sync:
                os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, size)
            raise LedgerError(f"the ledger {self.path} cannot be written: {error}. Nothing more is sent") from error
        finally:
            if os.fstat(self._file).st_size == size + len(line):
                self.recorded += 1
                self.state.apply(event)
                self.told(event)

    def is_asked_to_cancel(self) -> bool:
        """Whether another process asked for it since the last look."""
        request = _request(self.path)
        if not request.exists():
            return False
        request.unlink(missing_ok=True)
        return True

    def start_over(self) -> None:
        """Forgets everything; only for a ledger that tells of no job."""
        os.ftruncate(self._file, 0)
        self.state = RunState()


@contextmanager
def open_ledger(path: Path) -> Iterator[Ledger]:
    """The ledger at `path`, a new one if there is none, locked against everybody else.

    A last line that was torn by a crash is cut off. Raises LedgerInUseError, LedgerError.
    """
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(FileLock(f"{path}.lock", thread_local=False).acquire(timeout=0))
            state = read_state(path)
            _mend(path)
            _request(path).unlink(missing_ok=True)  # meant for a process that is gone
            file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            stack.callback(os.close, file)
            _sync_folder(path.parent)
        except Timeout as error:
            raise LedgerInUseError(_held(path)) from error
        except OSError as error:
            raise LedgerError(f"the ledger {path} cannot be used: {error}") from error
        yield Ledger(path, file, state)


def ask_to_cancel(path: Path) -> None:
    """Tells whoever works on the ledger to cancel what is in flight and to end; it looks about once a second."""
    _request(path).touch()


def is_locked(path: Path) -> bool:
    """Whether somebody works on the ledger at this moment."""
    try:
        lock = os.open(f"{path}.lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def _request(path: Path) -> Path:
    return path.with_name(f"{path.name}.cancel")


def _write(file: int, line: bytes) -> None:
    written = os.write(file, line)
    if written < len(line):
        raise OSError(f"only {written} of {len(line)} bytes could be written; is the disk full?")


def read_state(path: Path) -> RunState:
    """What a ledger tells, also while somebody writes to it. A torn last line is passed over. Raises LedgerError."""
    state = RunState()
    if not path.exists():
        return state
    for number, event in enumerate(read_events(path), start=1):
        if isinstance(event, RunStarted) and event.format > FORMAT:
            raise LedgerError(f"{path} was written by batchata {event.version}, which is newer; update to read it")
        if (state.run is None) != isinstance(event, RunStarted):
            raise LedgerError(f"line {number} of {path} is out of place, so it is no ledger of one run")
        try:
            state.apply(event)
        except (KeyError, IndexError) as error:
            raise LedgerError(f"line {number} of {path} does not follow from those before it ({error!r})") from error
    return state


def read_events(path: Path) -> Iterator[Event]:
    """The events of a ledger, without what is torn at its end. Raises LedgerError."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                yield decoded_event(line)
            except ValueError as error:
                raise LedgerError(
                    f"line {number} of {path} cannot be read ({error}). If the file is none of ours, give another "
                    "`state_path`"
                ) from error


def _mend(path: Path) -> None:
    """Whatever follows the last line end was being written when its writer died."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        keep = _end_of_last_line(file, size) if size else 0
        if keep == size:
            return
        if keep == 0:
            file.seek(0)
            begins = file.read(len(_BEGINS))
            if _BEGINS.startswith(begins):
                file.truncate(0)
                return
            file.seek(0)
            raise LedgerError(f"{path} is no ledger: it begins with {file.read(60)!r}. Give another `state_path`")
        logger.warning("the last line of %s was torn by a crash and is cut off (%d bytes)", path, size - keep)
        file.truncate(keep)


def _end_of_last_line(file: IO[bytes], size: int) -> int:
    step, end = 1 << 16, size
    while end > 0:
        start = max(0, end - step)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _held(path: Path) -> str:
    opened: Opened | None = read_state(path).opened if path.exists() else None
    who = f"process {opened.pid} on {opened.host} since {opened.at:%Y-%m-%d %H:%M:%S} UTC" if opened else "a process"
    return f"{who} works on {path}; wait for it to end, or give another `state_path`"


def _sync_folder(folder: Path) -> None:
    """So that a new file is still there after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
