"""A look at described runs from outside: nothing is written, nobody at work is disturbed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from batchata.core.fingerprints import file_of
from batchata.core.outcomes import KINDS
from batchata.core.records import Record
from batchata.core.state import RunState
from batchata.core.status import AtWork, Described, Status, status_of
from batchata.errors import InputError, LedgerError
from batchata.io.ledger import is_locked
from batchata.io.paths import Place, is_url, path_of
from batchata.io.results import ResultsFolder
from batchata.running.options import RUNS_FOLDER
from batchata.running.reading import records
from batchata.running.run import run_id_of
from batchata.runs.folder import RunFolder, folders_below

FAILURES = KINDS[1:]
_LISTED = 10


def run_at(place: str | None) -> RunFolder:
    """The run in a folder; without one, the only run below `.batchata`. Raises InputError that says which there are."""
    home = str(RUNS_FOLDER) if place is None else place
    folder = RunFolder.at(home)
    if place is not None and _is_run(folder):
        return folder
    found = [str(each.path) for each in folders_below(Path(home), described=False)]
    if len(found) == 1 and place is None:
        return RunFolder.at(found[0])
    if not found:
        raise InputError(
            f"{home} is not the folder of a run (it holds no run.json and no ledger), and there is none below it"
        )
    more = f"\n  and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    listed = "".join(f"\n  {each}" for each in found[:_LISTED])
    raise InputError(f"which run? Below {home} there are {len(found)}:{listed}{more}")


def runs_at(places: Sequence[str]) -> list[RunFolder]:
    """The runs in these folders, or below them. Raises InputError for a place without any."""
    found: list[RunFolder] = []
    for place in places or [str(RUNS_FOLDER)]:
        folder = RunFolder.at(place)
        here = [folder] if _is_run(folder) else list(folders_below(Path(place), described=False))
        if not here:
            raise InputError(f"there is no run in {place}, nor below it")
        found += here
    return found


def _is_run(folder: RunFolder) -> bool:
    """One of `BatchManager` has a ledger and no description."""
    return folder.exists() or folder.ledger.is_file()


def look(folder: RunFolder) -> Status:
    """Where the run stands. Raises InputError, LedgerError."""
    state, is_described = folder.state(), folder.exists()
    described = folder.described() if is_described else None
    title = described.spec.title if described else folder.path.absolute().name
    begun_in = _begun_in(folder, described.directory) if described else None
    where = Described(_shown(folder.path), title, _shown(results_of(folder)), is_described, begun_in)
    at_work = None
    if state.opened is not None and is_locked(folder.ledger):
        at_work = AtWork(state.opened.pid, state.opened.host, state.opened.at)
    return status_of(state, where, at_work)


def _begun_in(folder: RunFolder, directory: str) -> tuple[str, str] | None:
    """Where the run can be gone on with, and its folder as it would be typed there; None when that is here."""
    return None if directory == str(Path.cwd()) else (directory, _shown(folder.path.absolute(), Path(directory)))


def _shown(place: Place, here: Path | None = None) -> str:
    """As it would be typed from here."""
    here = here or Path.cwd()
    return str(place.relative_to(here)) if isinstance(place, Path) and place.is_relative_to(here) else str(place)


def results_of(folder: RunFolder) -> Place:
    """Where the results of a run are. Raises InputError."""
    if not folder.exists() and folder.ledger.is_file():
        beside = folder.ledger.with_name(f"{folder.ledger.stem}.results")
        return beside if beside.is_dir() else folder.results
    described = folder.described()
    given = described.spec.results_dir
    if given is None:
        return folder.results
    return path_of(given) if is_url(given) else Path(described.directory) / given


def records_of(folder: RunFolder, outcomes: Collection[str] = (), most: int | None = None) -> Iterator[Record[Any]]:
    """The records of the items that ended so (default: all), the first `most`, in the order of the input.

    Raises InputError, LedgerError, ResultsError.
    """
    state = folder.state()
    yield from records(state, _results(folder, state), None, chosen(state, outcomes)[:most])


def chosen(state: RunState, outcomes: Collection[str] = ()) -> list[int]:
    """The indexes of the items that ended so, in the order of the input."""
    kinds = ((index, state.kind_of(index)) for index in range(state.total))
    return [index for index, kind in kinds if kind is not None and (not outcomes or kind in outcomes)]


def record_at(folder: RunFolder, item: str) -> Record[Any]:
    """The record of one item, by its number or its name. Raises InputError when there is none, or several."""
    state = folder.state()
    index = _index_of(state, item, lambda: _called(folder, item))
    if state.kind_of(index) is None:
        raise InputError(f"item {index} ({state.names[index]}) has not ended yet")
    return next(records(state, _results(folder, state), None, [index]))


def _called(folder: RunFolder, item: str) -> list[int]:
    """The items of this name: that of a conversation is in its record only."""
    return [each.index for each in records_of(folder) if each.source == item]


def _index_of(state: RunState, item: str, named_in_records: Callable[[], list[int]]) -> int:
    if item.isdecimal() and int(item) < state.total:
        return int(item)
    files = map(file_of, state.names)
    found = [index for index, name in enumerate(files) if item == name or name.endswith(f"/{item}")]
    found = found or named_in_records()
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(f"no item is called {item}; items are numbered from 0 to {state.total - 1:,}")
    raise InputError(f"{len(found)} items are called {item}: say their number, {', '.join(map(str, found[:_LISTED]))}")


def _results(folder: RunFolder, state: RunState) -> ResultsFolder:
    if state.run is None:
        raise LedgerError(f"{folder.ledger} holds no run yet, so there are no results")
    return ResultsFolder(results_of(folder), run_id_of(state))
