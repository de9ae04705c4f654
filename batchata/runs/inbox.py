"""A folder that is watched: what is new in it goes through, what was done is never done again.

Each pickup is a run of its own, with a folder, a ledger and a limit of its own. When it is over, what ended in it is
written down in `done/`; what it left (the limit was reached) belongs to the next pickup.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from batchata.core.events import Decided
from batchata.core.fingerprints import namespace_of
from batchata.core.naming import MOST_CHARACTERS, slug
from batchata.core.pickups import Found, Picked, content_if_unchanged, sort_out
from batchata.core.plurals import number_of
from batchata.core.summary import Summary, result_words, spent_words
from batchata.errors import InputError, LedgerInUseError, LedgerMismatchError, Problem, StorageError
from batchata.io.ledger import Ledger, open_ledger
from batchata.io.listing import content_hash, is_missing_folder, list_files
from batchata.running.opening import READ_BEFOREHAND, document_problem, file_problem
from batchata.runs.carrying import Began, carry_out, manager_of
from batchata.runs.folder import RunFolder
from batchata.runs.inputs import line_of
from batchata.runs.spec import RunSpec, plainly
from batchata.runs.wording import told_as_in_the_form

logger = logging.getLogger("batchata")

_TOLD = 20
_FILES, _PATHS = "files.jsonl", "files.txt"
_LEFT = "what was not sent of this pickup belongs to the next one of its inbox, which pays for it"


@dataclass(frozen=True, slots=True)
class Pickup:
    """What one look into an inbox came to. `unusable` files are not sent and are looked at again next time.

    `runs` are the figures of the runs that were gone on with and of the new one, in this order.
    """

    new: int = 0
    known: int = 0
    twins: int = 0
    unusable: list[Problem] = field(default_factory=list)
    runs: list[Summary] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Inbox:
    """The memory of one watched place."""

    watched: str
    path: Path

    def open_runs(self) -> list[RunFolder]:
        """Those that are not over, oldest first."""
        return [RunFolder(each) for each in self._folders() if not self._done(each).exists()]

    def _folders(self) -> list[Path]:
        return sorted((self.path / "runs").glob("[0-9]*"))

    def _last(self) -> int:
        """The number of the last run. Folders of runs may have been tidied away since; what was done in them counts."""
        named = [*self._folders(), *(self.path / "done").glob("*.jsonl")]
        return max((int(each.stem) for each in named if each.stem.isdigit()), default=0)

    def _done(self, run: Path) -> Path:
        return self.path / "done" / f"{run.name}.jsonl"

    def close(self, run: RunFolder, ledger: Ledger) -> None:
        """The run is over: what ended in it is done, what did not belongs to the next pickup, and to it alone."""
        state = ledger.state
        if next(state.pending(), None) is not None and not state.left:
            ledger.record(Decided(at=datetime.now(UTC), what="left", reason=_LEFT), sync=True)
        files = _read(run.path / _FILES)
        ended = [each for index, each in enumerate(files) if index < state.total and state.kind_of(index) is not None]
        _write(self._done(run.path), ended)

    def look(self) -> tuple[Found, list[Problem]]:
        """What is new, and what cannot be used. Reads only what was written since it was last read."""
        before: dict[str, Picked] = {}
        taken: set[str] = set()
        for place in [*sorted((self.path / "done").glob("*.jsonl")), *(run.path / _FILES for run in self.open_runs())]:
            files = _read(place)
            before.update((each.path, each) for each in files)
            taken.update(each.content for each in files)
        found = sort_out(self._files(before), taken)
        check = document_problem if len(found.new) <= READ_BEFOREHAND else file_problem
        reasons = {each.path: reason for each in found.new if (reason := check(each.path))}
        usable = [each for each in found.new if each.path not in reasons]
        return found._replace(new=usable), [Problem(_shown(path), reason) for path, reason in reasons.items()]

    def _files(self, before: Mapping[str, Picked]) -> Iterator[Picked]:
        """Raises InputError for a folder of this machine that is not there, unlike one that is empty."""
        if is_missing_folder(self.watched):
            raise InputError(f"there is no folder {self.watched} to watch (looked from {Path.cwd()})")
        for each in list_files([self.watched], may_be_none=True):
            known = content_if_unchanged(before.get(each.path), each.size, each.stamp)
            yield Picked(each.path, each.size, each.stamp, known or content_hash(each.path))

    def begin(self, files: Sequence[Picked], spec: RunSpec) -> RunFolder:
        """The folder of a new run over these files: there as a whole or not at all."""
        final = self.path / "runs" / f"{self._last() + 1:05d}"
        partial = self.path / f".{final.name}.{os.getpid()}"
        partial.mkdir(parents=True, exist_ok=True)
        final.parent.mkdir(exist_ok=True)
        _write(partial / _FILES, files)
        (partial / _PATHS).write_text("".join(f"{line_of(each.path)}\n" for each in files), encoding="utf-8")
        own = {"files": [], "files_from": str(final / _PATHS), "state_dir": str(final), "name": spec.title}
        RunFolder(partial).describe(spec.model_copy(update=own))
        return RunFolder(partial.replace(final))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Raises LedgerInUseError where another process is at work."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path / ".lock").acquire(timeout=0):
                yield
        except Timeout as error:
            raise LedgerInUseError(f"another process works on the inbox in {self.path}; wait for it to end") from error


def inbox_of(spec: RunSpec) -> Inbox:
    """The memory of the place that `spec.files` names: the same one, whatever is asked of its files."""
    watched = spec.files[0]
    identity = namespace_of({"watched": plainly(watched), "name": spec.name or ""})
    name = f"{slug(spec.title)[:MOST_CHARACTERS]}-{identity}"
    return Inbox(watched, (Path(spec.home) / "inboxes" / name).absolute())


def process_inbox(spec: RunSpec, began: Began = lambda _: None) -> Pickup:
    """Goes on with what was begun, then picks up what is new in `spec.files`, which names one place.

    `began` is told what each run is called.

    Raises as `BatchManager.run`; whatever it raises, it can be called again.
    """
    inbox = inbox_of(spec)
    with inbox.locked():
        figures = [_gone_on(inbox, run, spec, began) for run in inbox.open_runs()]
        found, unusable = inbox.look()
        for each in unusable[:_TOLD]:
            logger.warning("%s cannot be sent: %s", each.item, each.reason)
        if found.new:
            figures.append(_carried_out(inbox, inbox.begin(found.new, spec), began))
        return Pickup(
            len(found.new), found.known, found.twins, unusable, [each for each in figures if each is not None]
        )


def _carried_out(inbox: Inbox, run: RunFolder, began: Began) -> Summary:
    summary = carry_out(run.spec(), began)
    _close_if_over(inbox, run)
    return summary


def _gone_on(inbox: Inbox, run: RunFolder, spec: RunSpec, began: Began) -> Summary | None:
    """Limits and places are those of today, the work is that of its day."""
    run.describe(run.spec().carried_out_like(spec))
    if not run.state().halted:
        try:
            return _carried_out(inbox, run, began)
        except StorageError:
            raise  # nothing is known of the files
        except (InputError, LedgerMismatchError) as error:
            logger.warning("%s is not gone on with, what it sent is collected: %s", run.path, error)
    summary = _collected(run)
    _close_if_over(inbox, run, is_left=True)
    return summary


def _collected(run: RunFolder) -> Summary:
    spec = run.spec()
    manager = manager_of(spec.for_a_visit(), run)
    summary = told_as_in_the_form(manager.collect(wait=spec.wait))
    run.note(summary)
    return summary


def _close_if_over(inbox: Inbox, run: RunFolder, *, is_left: bool = False) -> None:
    """With the ledger in hand, so that nobody else goes on with the run at the same time."""
    try:
        with open_ledger(run.ledger) as ledger:
            state = ledger.state
            waits = next(state.pending(), None) is not None
            if not state.open and (is_left or state.halted or not waits):
                inbox.close(run, ledger)
    except LedgerInUseError as error:
        logger.info("%s stays open until the next pickup: %s", run.path, error)


def _read(place: Path) -> list[Picked]:
    with place.open("rb") as file:
        return [Picked(*orjson.loads(line)) for line in file]


def _write(place: Path, files: Iterable[Picked]) -> None:
    """Whole or not at all."""
    partial = place.with_name(f".{place.name}.partial")
    place.parent.mkdir(parents=True, exist_ok=True)
    with partial.open("wb") as file:
        file.writelines(orjson.dumps(tuple(each)) + b"\n" for each in files)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(place)


def _shown(path: str) -> str:
    """A name may be no text, and a log or an artifact takes nothing else."""
    return path.encode(errors="backslashreplace").decode()


def report(pickup: Pickup) -> str:
    """What a pickup came to, in Markdown."""
    told = [f"{sentence(pickup)}.", *(f"- `{each.item}` cannot be sent: {each.reason}" for each in pickup.unusable)]
    for each in pickup.runs:
        more = f" {each['stopped']}" if each["stopped"] else ""
        told.append(f"- {result_words(each)}, {spent_words(each)}: `{each['results_dir']}`{more}")
    return "\n".join(told)


def sentence(pickup: Pickup) -> str:
    """The same in one line."""
    unusable = f", {len(pickup.unusable):,} cannot be sent" if pickup.unusable else ""
    twins = f", {number_of(pickup.twins, 'is a copy', 'are copies')} of new ones" if pickup.twins else ""
    return f"{number_of(pickup.new, 'new file')}, {pickup.known:,} known before{twins}{unusable}"
