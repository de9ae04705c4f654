"""A ledger and an assignment: begin the run, or go on with it if it is the same one."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from os import PathLike
from pathlib import Path
from typing import Any

from batchata.core.events import Decided, ItemsAdded, Opened, RunStarted
from batchata.core.fingerprints import differing_names, differing_settings, request_fingerprint
from batchata.core.items import Document
from batchata.core.requests import MAX_ITEM_BYTES, checked_messages, item_name, new_run_id, too_large
from batchata.core.state import RunState, Standing
from batchata.errors import InputError, LedgerMismatchError, Problem
from batchata.io.ledger import Ledger
from batchata.io.sources import is_file_id, read_document, source_name
from batchata.running.assignment import Assignment, Requests
from batchata.running.measuring import encoded_params

READ_BEFOREHAND = 500
"""So many files are opened before anything is sent: a few seconds, where a run takes an hour."""

_NAMES_A_LINE = 10_000


def begin(ledger: Ledger, assignment: Assignment, version: str) -> None:
    """Writes down what the run is about; in a ledger that has it already, items that came to the end of the list.

    Raises LedgerMismatchError when the ledger is about something else, InputError that names items which cannot
    be sent.
    """
    names = assignment.names()
    state = ledger.state
    if state.run is not None:
        state = _gone_on(ledger, assignment, names)
    check_items(assignment, state)
    at = datetime.now(UTC)
    if state.run is None:
        run_id, settings = new_run_id(), assignment.settings
        ledger.record(RunStarted(at=at, run_id=run_id, version=version, model=assignment.model, settings=settings))
    for first in range(state.total, len(names), _NAMES_A_LINE):
        ledger.record(ItemsAdded(at=at, first=first, names=names[first : first + _NAMES_A_LINE]))


def _gone_on(ledger: Ledger, assignment: Assignment, names: Sequence[str]) -> RunState:
    """The state to go on from; a run that never came to its first job may be about anything."""
    try:
        check_same(ledger.path, ledger.state, assignment.settings, names)
    except LedgerMismatchError:
        if ledger.state.next_job > 1:
            raise
        ledger.start_over()
    return ledger.state


def opened(ledger: Ledger, max_cost: Decimal | None) -> None:
    """From here on this process works on the run."""
    event = Opened(at=datetime.now(UTC), pid=os.getpid(), host=socket.gethostname(), max_cost=max_cost)
    ledger.record(event, sync=True)


def check_same(path: Path, state: RunState, settings: dict[str, str], names: Sequence[str]) -> None:
    """Raises LedgerMismatchError that says what differs."""
    old = state.run.settings if state.run else {}
    differences = differing_settings(old, settings) or differing_names(state.names, names)
    if differences:
        raise LedgerMismatchError(
            f"{path} is the ledger of other work: {'; '.join(differences)}. Give another state_path for this work, "
            "or go on with what the ledger is about (new items at the end of the list are fine)"
        )


def check_items(assignment: Assignment, state: RunState) -> None:
    """Raises InputError that names each bad item.

    Of many files only that is seen which shows without reading them: then one that cannot be opened fails alone,
    when its job is formed.
    """
    waiting = [index for index in range(len(assignment.items)) if not _has_ended(state, index)]
    check = _messages_problem
    if assignment.is_files:
        check = _file_problem if len(waiting) > READ_BEFOREHAND else _document_problem
    problems = []
    for index in waiting:
        if reason := check(assignment.items[index]):
            name = source_name if assignment.is_files else item_name
            problems.append(Problem(name(assignment.items[index], index), reason))
    if problems:
        raise InputError.of_items(problems, len(assignment.items))


def _has_ended(state: RunState, index: int) -> bool:
    return index < state.total and state.kind_of(index) is not None


def _document_problem(item: Any) -> str | None:
    if reason := _file_problem(item):
        return reason
    try:
        read_document(item)
    except InputError as error:
        return str(error)
    return None


def check_first(assignment: Assignment, state: RunState, requests: Requests) -> None:
    """Raises InputError for what would make every item fail, such as a parameter that is no JSON."""
    first = next(state.pending(), None)
    if first is not None and not (assignment.is_files and len(assignment.items) > READ_BEFOREHAND):
        encoded_params(requests.params(first, None))


def check_unchanged(ledger: Ledger, assignment: Assignment, requests: Requests) -> None:
    """Raises LedgerMismatchError when a file that was sent has other contents now.

    Only files that were written after they were sent are read again.
    """
    state = ledger.state
    changed = [index for index in rewritten(assignment, state) if _is_other(index, state, requests)]
    if changed:
        named = ", ".join(f"item {index} ({state.names[index]})" for index in changed[:5])
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        raise LedgerMismatchError(
            f"{named}{more} changed after being sent, and {ledger.path} is about the former contents. Give another "
            "state_path, or put the files back"
        )


def rewritten(assignment: Assignment, state: RunState) -> Iterator[int]:
    for index in range(min(state.total, len(assignment.items)) if assignment.is_files else 0):
        item = assignment.items[index]
        if state.sent_at[index] and isinstance(item, str | PathLike) and _mtime(Path(item)) > state.sent_at[index]:
            yield index


def _is_other(index: int, state: RunState, requests: Requests) -> bool:
    try:
        params = requests.params(index, state.max_tokens_of(index))
        return request_fingerprint(encoded_params(params)) != state.fingerprints[index]
    except InputError:
        return True


def _mtime(path: Path) -> float:
    """When it was written, or put in its place. A file that is gone was not rewritten."""
    try:
        status = path.stat()
        return max(status.st_mtime, status.st_ctime)
    except (OSError, ValueError):
        return 0.0


def _messages_problem(item: Any) -> str | None:
    try:
        checked_messages(item)
    except InputError as error:
        return str(error)
    return None


def _file_problem(item: Any) -> str | None:
    if isinstance(item, Document | bytes | bytearray | memoryview) or is_file_id(item):
        return None
    if not isinstance(item, str | PathLike):
        return f"a file is a path, bytes or a file_id, not {type(item).__name__}"
    try:
        path = Path(item)
        size = path.stat().st_size
    except FileNotFoundError:
        return f"there is no such file (looked in {Path.cwd()})"
    except (OSError, ValueError) as error:
        return f"it cannot be read: {error}"
    if path.is_dir():
        return "it is a folder, not a file"
    if not size:
        return "the file is empty"
    return too_large(size * 4 // 3) if size * 4 // 3 > MAX_ITEM_BYTES else None


def retry(ledger: Ledger, requests: Requests, longest: int | None) -> int:
    """Failed items wait again, those that were cut with twice the room; returns how many."""
    state = ledger.state
    failed = failed_items(state)
    wanted = {
        index: requests.max_tokens(state.max_tokens_of(index)) * 2
        for index in failed
        if state.kind_of(index) == "truncated"
    }
    room = {index: min(tokens, longest or tokens) for index, tokens in wanted.items()}
    if failed:
        ledger.record(Decided(at=datetime.now(UTC), what="retry", items=failed, max_tokens=room), sync=True)
    return len(failed)


def failed_items(state: RunState) -> list[int]:
    """The items that ended without a result, in the order of the input."""
    return [index for index in state.indexes(Standing.DONE) if state.kind_of(index) != "succeeded"]
