"""A folder that is watched: what is new in it goes through, what was done is never done again.

Each pickup is a run of its own, with a folder, a ledger and a limit of its own. When it is over, what ended in it is
written down in `done/`; what it left (the limit was reached) belongs to the next pickup.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from batchata.core.events import Decided
from batchata.core.fingerprints import namespace_of
from batchata.core.naming import MOST_CHARACTERS, slug
from batchata.core.pickups import Found, Picked, content_if_unchanged, sort_out
from batchata.core.plurals import number_of
from batchata.core.showing import code, markdown
from batchata.core.state import RunState
from batchata.core.summary import Summary, result_words, spent_words
from batchata.errors import InputError, LedgerError, LedgerInUseError, LedgerMismatchError, Problem, StorageError
from batchata.io.ledger import Ledger, open_ledger
from batchata.io.listing import content_hash, is_missing_folder, list_files
from batchata.io.paths import is_url
from batchata.running.opening import READ_BEFOREHAND, document_problem, file_problem
from batchata.runs.carrying import Began, carry_out, manager_of
from batchata.runs.folder import RunFolder
from batchata.runs.inputs import line_of
from batchata.runs.spec import RunSpec, plainly
from batchata.runs.wording import told_as_in_the_form

logger = logging.getLogger("batchata")

_TOLD, _MOST_ROWS = 20, 500
_FILES, _PATHS = "files.jsonl", "files.txt"
_LEFT = "what was not sent of this pickup belongs to the next one of its inbox, which pays for it"
_NEEDS_CACHE = (
    "`prompts_file` in an inbox needs the cache: a file of which only some prompts were answered, at a limit for "
    "instance, goes into the next pickup with all of them, and the cache keeps it from being paid twice. Leave `cache` "
    "as it is (nothing was sent)"
)


@dataclass(frozen=True, slots=True)
class Pickup:
    """What one look into an inbox came to. `unusable` files are not sent and are looked at again next time.

    `runs` are the figures of the runs that were gone on with and of the new one, in this order; `broken` are those
    that cannot be gone on with.
    """

    new: int = 0
    known: int = 0
    twins: int = 0
    unusable: list[Problem] = field(default_factory=list)
    runs: list[Summary] = field(default_factory=list)
    broken: list[Problem] = field(default_factory=list)


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
        _write(self._done(run.path), _ended(files, state))

    def look(self, *, uploads: bool = False) -> tuple[Found, list[Problem]]:
        """What is new, and what cannot be used. Reads only what was written since it was last read."""
        before: dict[str, Picked] = {}
        taken: set[str] = set()
        for place in [*sorted((self.path / "done").glob("*.jsonl")), *(run.path / _FILES for run in self.open_runs())]:
            files = _read(place)
            before.update((each.path, each) for each in files)
            taken.update(each.content for each in files)
        reasons: dict[str, str] = {}
        found = sort_out(self._files(before, reasons), taken)
        check = document_problem if len(found.new) <= READ_BEFOREHAND else file_problem
        for each in found.new:
            if reason := check(each.path, uploads=uploads) or _being_written(each):
                reasons[each.path] = reason
        usable = [each for each in found.new if each.path not in reasons]
        return found._replace(new=usable), [Problem(_shown(path), reason) for path, reason in reasons.items()]

    def _files(self, before: Mapping[str, Picked], reasons: dict[str, str]) -> Iterator[Picked]:
        """What can be read; why others cannot goes into `reasons`, by their paths. Raises InputError for a folder of
        this machine that is not there, unlike one that is empty.
        """
        if is_missing_folder(self.watched):
            raise InputError(f"there is no folder {self.watched} to watch (looked from {Path.cwd()})")
        for each in list_files([self.watched], may_be_none=True):
            known = content_if_unchanged(before.get(each.path), each.size, each.stamp)
            try:
                yield Picked(each.path, each.size, each.stamp, known or content_hash(each.path))
            except InputError as error:
                if isinstance(error, StorageError) and not isinstance(error.__cause__, PermissionError):
                    raise  # nothing is known of the others either
                reasons[each.path] = str(error)

    def begin(self, files: Sequence[Picked], spec: RunSpec) -> RunFolder:
        """The folder of a new run over these files: there as a whole or not at all."""
        final = self.path / "runs" / f"{self._last() + 1:05d}"
        partial = self.path / f".{final.name}.{os.getpid()}"
        with _on_disk(final):
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
        with ExitStack() as stack:
            try:
                with _on_disk(self.path):
                    self.path.mkdir(parents=True, exist_ok=True)
                    stack.enter_context(FileLock(self.path / ".lock").acquire(timeout=0))
            except Timeout as error:
                raise LedgerInUseError(
                    f"another process works on the inbox in {self.path}; wait for it to end"
                ) from error
            yield


@contextmanager
def _on_disk(place: Path) -> Iterator[None]:
    """Raises LedgerError for a disk that is full, may not be written to, or is away."""
    try:
        yield
    except Timeout:  # an OSError too
        raise
    except OSError as error:
        raise LedgerError(f"what is known of the inbox cannot be kept in {place}: {error}") from error


def _being_written(file: Picked) -> str | None:
    """Why a file of this machine that was written since it was listed is left to the next pickup."""
    if is_url(file.path):
        return None
    now = next(iter(list_files([file.path], may_be_none=True)), None)
    if now is not None and (now.size, now.stamp) == (file.size, file.stamp):
        return None
    return "it was written to, or went away, while it was looked at; the next pickup looks again"


def _ended(files: Sequence[Picked], state: RunState) -> list[Picked]:
    """The files of which every item has ended: one a prompt, and those of a file follow each other."""
    prompts = max(1, state.total // max(1, len(files)))
    waiting = {index // prompts for index in range(state.total) if state.kind_of(index) is None}
    return [each for number, each in enumerate(files[: state.total // prompts]) if number not in waiting]


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
    if spec.prompts_file and spec.cache is False:
        raise InputError(_NEEDS_CACHE)
    inbox = inbox_of(spec)
    with inbox.locked():
        pickup = Pickup()
        for run in inbox.open_runs():
            was_halted = _is_halted(run)
            _gone_on_if_whole(inbox, run, spec, began, pickup)
            if not was_halted and _is_halted(run) and run.state().canceled:
                logger.warning("%s was cancelled just now, so nothing new is picked up this time", run.path)
                return pickup
        return _picked_up(inbox, spec, began, pickup)


def _picked_up(inbox: Inbox, spec: RunSpec, began: Began, pickup: Pickup) -> Pickup:
    """Looks a second time when a file changed between the look and the run."""
    for is_last in (False, True):
        found, unusable = inbox.look(uploads=spec.upload)
        for each in unusable[:_TOLD]:
            logger.warning("%s cannot be sent: %s", each.item, each.reason)
        pickup = replace(pickup, new=len(found.new), known=found.known, twins=found.twins, unusable=unusable)
        if not found.new:
            return pickup
        run = inbox.begin(found.new, spec)
        try:
            pickup.runs.append(_carried_out(inbox, run, began))
        except StorageError:
            raise
        except InputError as error:
            if is_last or not error.problems:
                raise
            logger.warning("%s is not begun, and the inbox looked into again: %s", run.path, error)
            _close_if_over(inbox, run, is_left=True)
        else:
            return pickup
    raise AssertionError


def _is_halted(run: RunFolder) -> bool:
    """A ledger that cannot be read is told of by whoever goes on with it."""
    try:
        return bool(run.state().halted)
    except LedgerError:
        return False


def _gone_on_if_whole(inbox: Inbox, run: RunFolder, spec: RunSpec, began: Began, pickup: Pickup) -> None:
    """What is broken is left as it is, for what it sent is not known, and keeps nothing else from going on."""
    try:
        pickup.runs.append(_gone_on(inbox, run, spec, began))
    except (LedgerInUseError, StorageError):
        raise
    except (InputError, LedgerError) as error:
        logger.error("%s cannot be gone on with, and its files are left to it: %s", run.path, error)  # noqa: TRY400
        pickup.broken.append(Problem(str(run.path), str(error)))


def _carried_out(inbox: Inbox, run: RunFolder, began: Began) -> Summary:
    summary = carry_out(run.spec(), began, may_send=lambda state: not state.halted)
    _close_if_over(inbox, run)
    return summary


def _gone_on(inbox: Inbox, run: RunFolder, spec: RunSpec, began: Began) -> Summary:
    """Limits and places are those of today, the work is that of its day."""
    run.describe(run.spec().carried_out_like(spec))
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
    try:
        with _on_disk(place), place.open("rb") as file:
            return [Picked(*orjson.loads(line)) for line in file]
    except (ValueError, TypeError) as error:
        raise LedgerError(f"{place} is no list of files of an inbox: {error}. Put it back as it was") from error


def _write(place: Path, files: Iterable[Picked]) -> None:
    """Whole or not at all."""
    partial = place.with_name(f".{place.name}.partial")
    with _on_disk(place):
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
    told = [f"{sentence(pickup)}.", *(_unusable(each) for each in pickup.unusable[:_MOST_ROWS])]
    if (untold := len(pickup.unusable) - _MOST_ROWS) > 0:
        told.append(f"- and {untold:,} more cannot be sent")
    told += [f"- {code(each.item)} cannot be gone on with: {markdown(each.reason)}" for each in pickup.broken]
    for each in pickup.runs:
        more = f" {markdown(each['stopped'])}" if each["stopped"] else ""
        told.append(f"- {result_words(each)}, {spent_words(each)}: {code(each['results_dir'])}{more}")
    return "\n".join(told)


def _unusable(problem: Problem) -> str:
    return f"- {code(problem.item)} cannot be sent: {markdown(problem.reason)}"


def sentence(pickup: Pickup) -> str:
    """The same in one line."""
    unusable = f", {len(pickup.unusable):,} cannot be sent" if pickup.unusable else ""
    twins = f", {number_of(pickup.twins, 'is a copy', 'are copies')} of new ones" if pickup.twins else ""
    troubles = "; ".join(f"{each.item}: {each.reason}" for each in pickup.broken)
    broken = f"; {number_of(len(pickup.broken), 'run')} cannot be gone on with ({troubles})" if pickup.broken else ""
    return f"{number_of(pickup.new, 'new file')}, {pickup.known:,} known before{twins}{unusable}{broken}"
