"""A ledger and an assignment: begin the run, or go on with it if it is the same one."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from batchata.core.events import Decided, ItemsAdded, Opened, RunStarted
from batchata.core.fingerprints import differing_names, differing_settings, request_fingerprint
from batchata.core.items import Document, Item, subject_of
from batchata.core.models import check_sampling
from batchata.core.requests import checked_messages, item_name, new_run_id
from batchata.core.state import RunState, Standing
from batchata.errors import InputError, LedgerError, LedgerMismatchError, Problem, StorageError
from batchata.io.ahead import LOOKS, READS, in_order
from batchata.io.ledger import Ledger, read_events
from batchata.io.paths import is_path, is_url, path_of
from batchata.io.sources import IS_FOLDER, is_file_id, looked_up, read_document, size_problem, source_name, url_problem
from batchata.running.assignment import Assignment, Content, Requests
from batchata.running.measuring import encoded_params

logger = logging.getLogger("batchata")

READ_BEFOREHAND = 500
"""So many files are opened before anything is sent: a few seconds, where a run takes an hour."""

_NAMES_A_LINE = 10_000
_ROUNDED = 1.0
"""Object stores say in whole seconds when something was written."""


def begin(ledger: Ledger, assignment: Assignment, version: str, *, sends: bool = True) -> None:
    """Writes down what the run is about; in a ledger that has it already, items that came to the end of the list.

    What is not sent is not looked at. Raises LedgerMismatchError when the ledger is about something else, InputError
    that names items which cannot be sent.
    """
    names = assignment.names()
    state = ledger.state
    if state.run is not None:
        state = _gone_on(ledger, assignment, names)
    if sends:
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


def opened(ledger: Ledger, max_cost: Decimal | None, *, sends: bool = True) -> None:
    """From here on this process works on the run."""
    path = str(ledger.path.absolute())
    event = Opened(
        at=datetime.now(UTC), pid=os.getpid(), host=socket.gethostname(), max_cost=max_cost, sends=sends, path=path
    )
    ledger.record(event, sync=True)


def check_no_copy(ledger: Ledger) -> None:
    """Raises LedgerMismatchError for a copy beside its original: each would send what the other has sent already."""
    here, before = ledger.path.absolute(), ledger.state.path
    if before is not None and before != str(here) and _is_another_of(Path(before), here, ledger.state):
        raise LedgerMismatchError(
            f"{here} is a copy of {before}, and what both go on with is paid twice (nothing was sent). Delete the one "
            "that you do not need; a ledger that was moved is gone on with where it is"
        )


def _is_another_of(path: Path, here: Path, state: RunState) -> bool:
    """Whether another ledger of this very run is there. The first line tells; a folder may be mounted twice."""
    try:
        first = next(read_events(path), None)
        is_of_the_run = isinstance(first, RunStarted) and state.run is not None and first.run_id == state.run.run_id
        return is_of_the_run and not path.samefile(here)
    except (OSError, LedgerError):
        return False


def check_same(path: Path, state: RunState, settings: dict[str, str], names: Sequence[str]) -> None:
    """Raises LedgerMismatchError that says what differs."""
    old = state.run.settings if state.run else {}
    differences = differing_settings(old, settings) or differing_names(state.names, names)
    if differences:
        raise LedgerMismatchError(
            f"{path} is the ledger of other work: {'; '.join(differences)}. Give another `state_path` for this work, "
            "or go on with what the ledger is about (new items at the end of the list are fine)"
        )


def check_items(assignment: Assignment, state: RunState) -> None:
    """Raises InputError that names each bad item, StorageError that names the first that is not reached.

    Of many files only that is seen which shows without reading them: then one that cannot be opened fails alone,
    when its job is formed.
    """
    known = set(state.indexes(Standing.HELD)) if assignment.has_urls else set()  # looks over a network add up
    waiting = [index for index in range(len(assignment.items)) if index not in known and not _has_ended(state, index)]
    check: Callable[[Any], str | None]
    check, width = _messages_problem, 1
    if assignment.is_files:
        look, width = (file_problem, LOOKS) if len(waiting) > READ_BEFOREHAND else (document_problem, READS)
        check = partial(look, uploads=assignment.upload)
    waiting = list(_first_of_each(assignment, waiting))
    subjects = [subject_of(assignment.items[index]) for index in waiting]
    calls = in_order(check, subjects, width if assignment.has_urls else 1)
    problems = []
    for index, reason_of in zip(waiting, calls, strict=True):
        name = source_name if assignment.is_files else item_name
        try:
            reason = reason_of()
        except StorageError as error:
            problem = Problem(name(_called(assignment, index), index), str(error))
            raise StorageError.of_items([problem], len(assignment.items)) from error
        if reason:
            problems.append(Problem(name(_called(assignment, index), index), reason))
    if problems:
        raise InputError.of_items(problems, len(assignment.items))


def _called(assignment: Assignment, index: int) -> Any:
    """What an error names an item by."""
    item = assignment.items[index]
    return subject_of(item) if assignment.is_files else item


def _first_of_each(assignment: Assignment, waiting: Iterable[int]) -> Iterator[int]:
    """Items that follow each other and are about one file need one look."""
    last: Any = None
    for index in waiting:
        item = assignment.items[index]
        if isinstance(item, Item) and assignment.is_files and item.content is last:
            continue
        last = subject_of(item)
        yield index


def check_asked_for(assignment: Assignment, state: RunState, requests: Requests) -> None:
    """Raises InputError that names each item for which something is asked that this model has not."""
    problems = []
    for index in state.pending():
        item = assignment.varied(index)
        if item is None or not item.params:
            continue
        try:
            check_sampling(assignment.model, item.params)
            requests.max_tokens(state.max_tokens_of(index), index)
        except InputError as error:
            problems.append(Problem(item_name(item, index), str(error)))
    if problems:
        raise InputError.of_items(problems, len(assignment.items))


def _has_ended(state: RunState, index: int) -> bool:
    return index < state.total and state.kind_of(index) is not None


def document_problem(item: Any, *, uploads: bool = False) -> str | None:
    """Why a file cannot be sent, by reading it."""
    if not is_url(item) and (reason := file_problem(item, uploads=uploads)):
        return reason
    try:
        read_document(item, uploads=uploads)
    except StorageError:
        raise
    except InputError as error:
        return str(error)
    return None


def check_first(assignment: Assignment, state: RunState, requests: Requests) -> None:
    """Raises InputError for what would make every item fail, such as a parameter that is no JSON."""
    first = next(state.pending(), None)
    if first is not None and not (assignment.is_files and len(assignment.items) > READ_BEFOREHAND):
        encoded_params(requests.params(first, None), most=assignment.most_bytes)


def check_unchanged(ledger: Ledger, assignment: Assignment, requests: Requests) -> None:
    """Raises LedgerMismatchError when a file that was sent has other contents now.

    Only files that were written after they were sent are read again, and those in flight or waiting of which
    nobody can tell.
    """
    state = ledger.state
    indexes = list(rewritten(assignment, state))
    contents = zip(indexes, requests.contents(indexes), strict=True)
    most = assignment.most_bytes
    changed = [index for index, content in contents if _is_other(index, content, state, requests, most)]
    if changed:
        named = ", ".join(f"item {index} ({state.names[index]})" for index in changed[:5])
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        raise LedgerMismatchError(
            f"{named}{more} changed after being sent, and {ledger.path} is about the former contents. Give another "
            "`state_path`, or put the files back"
        )


def rewritten(assignment: Assignment, state: RunState) -> Iterator[int]:
    """The items that were sent and whose file may have been written since."""
    items = assignment.items
    both = range(min(state.total, len(items)) if assignment.is_files else 0)
    sent = [index for index in both if state.sent_at[index] and is_path(subject_of(items[index]))]
    calls = in_order(_modified, [subject_of(items[index]) for index in sent], LOOKS if assignment.has_urls else 1)
    for index, modified_at in zip(sent, calls, strict=True):
        try:
            modified = modified_at()
        except StorageError as error:
            logger.warning("whether files changed since they were sent is not known: %s", error)
            return
        if _has_ended(state, index) if modified is None else modified <= state.sent_at[index]:
            continue
        yield index


def _is_other(
    index: int, content: Callable[[], Content], state: RunState, requests: Requests, most: int | None
) -> bool:
    try:
        params = requests.params_of(content(), state.max_tokens_of(index))
        return request_fingerprint(encoded_params(params, most=most)) != state.fingerprints[index]
    except StorageError as error:
        logger.warning("whether item %d changed since it was sent is not known: %s", index, error)
        return False
    except InputError:
        return True


def _modified(item: Any) -> float | None:
    """When it was written, or put in its place; None where nobody knows. A file that is gone was not rewritten.

    Raises StorageError.
    """
    try:
        place = path_of(item)
        if not isinstance(place, Path):
            modified = looked_up(place).modified
            return None if modified is None else modified + _ROUNDED
        status = place.stat()
        return max(status.st_mtime, status.st_ctime)
    except StorageError:
        raise
    except (OSError, ValueError):
        return 0.0


def _messages_problem(item: Any) -> str | None:
    try:
        checked_messages(item)
    except InputError as error:
        return str(error)
    return None


def file_problem(item: Any, *, uploads: bool = False) -> str | None:
    """Why a file cannot be sent, as far as that shows without reading it."""
    if isinstance(item, Document | bytes | bytearray | memoryview) or is_file_id(item):
        return None
    if not is_path(item):
        return f"a file is a path, bytes or a file_id, not {type(item).__name__}"
    try:
        _check_name(str(item))
        path = path_of(item)
        if not isinstance(path, Path):
            return url_problem(looked_up(path), str(path), uploads=uploads)
        size = path.stat().st_size
    except StorageError:
        raise
    except InputError as error:
        return str(error)
    except FileNotFoundError:
        return f"there is no such file (looked in {Path.cwd()})"
    except (OSError, ValueError) as error:
        return f"it cannot be read: {error}"
    if path.is_dir():
        return IS_FOLDER
    return size_problem(path.name, size, uploads=uploads)


def _check_name(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise InputError("its name is not UTF-8 text, so no ledger can hold it; rename it") from error


def retry(ledger: Ledger, requests: Requests, longest: int | None) -> int:
    """Failed items wait again, those that were cut with twice the room; returns how many."""
    state = ledger.state
    failed = failed_items(state)
    wanted = {
        index: requests.max_tokens(state.max_tokens_of(index), index) * 2
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
