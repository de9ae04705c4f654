"""Runs that nobody waits for: whatever has ended is collected, whatever may be sent then is sent."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchata.core.plurals import number_of
from batchata.core.summary import Summary, spent_words
from batchata.core.wording import FORM, spelled
from batchata.errors import BatchataError, InputError, LedgerInUseError, LedgerMismatchError, StorageError
from batchata.manager import BatchManager
from batchata.runs.carrying import manager_of
from batchata.runs.folder import RunFolder, folders_below
from batchata.runs.spec import RunSpec
from batchata.runs.wording import as_in_the_form, told_as_in_the_form

logger = logging.getLogger("batchata")


@dataclass(frozen=True, slots=True)
class Visit:
    """What was found at one open run. With `trouble` it is not gone on with.

    Without a `spec` and a `summary`, `trouble` says why there is none.

    One that was `halted` before, cancelled for instance, is only collected and asks nothing.
    """

    folder: RunFolder
    spec: RunSpec | None = None
    summary: Summary | None = None
    trouble: str = ""
    halted: bool = False

    @property
    def asks(self) -> bool:
        """Whether the run has come to its limit, or to the end of its sample, and wants a person to be asked."""
        if self.spec is None or self.summary is None or self.halted:
            return False
        at_limit = self.summary["cost_limit_reached"] and self.spec.on_cost_limit == "pause"
        return at_limit or self.summary["awaits_approval"]

    def parameters(self) -> dict[str, Any]:
        """What `run_batch` is to be given to go on with this very run."""
        spec = {} if self.spec is None else self.spec.model_dump(mode="json", exclude_defaults=True)
        return {**spec, "state_dir": str(self.folder.path)}


def collect_due(home: Path) -> Iterator[Visit]:
    """Goes once through the open runs below `home`. A run that cannot be gone on with keeps no other from it."""
    for folder in folders_below(home):
        if folder.is_settled():
            continue
        try:
            with as_in_the_form():
                visit = _visit(folder)
        except LedgerInUseError as error:
            logger.info("%s is left alone: %s", folder.path, error)
            continue
        except BatchataError as error:
            visit = Visit(folder, trouble=str(error))
        if visit is not None:
            yield visit


def _visit(folder: RunFolder) -> Visit | None:
    """None for a run that waits for a person: at its limit, stopped, cancelled."""
    spec, state = folder.spec(), folder.state()
    if state.waits_for_person:
        return None
    manager, trouble = manager_of(spec.for_a_visit(), folder), ""
    try:
        summary = manager.collect(wait=False) if state.halted else _gone_on(manager, spec)
    except StorageError:
        raise  # nothing is known of the files
    except (InputError, LedgerMismatchError) as error:  # a file is gone or another one; what was sent comes home
        summary, trouble = manager.collect(wait=False), spelled(str(error), FORM)
    summary = told_as_in_the_form(summary)
    folder.note(summary)
    return Visit(folder, spec, summary, trouble, halted=bool(state.halted))


def _gone_on(manager: BatchManager[object], spec: RunSpec) -> Summary:
    """Whoever goes from run to run cannot wait for a person: one is asked in a flow run of its own."""
    if spec.sampled is None:
        return manager.run(wait=False)
    return manager.run(wait=False, sample=spec.sampled, approve=lambda _: False, approve_below=spec.approve_below)


def report(visits: Sequence[Visit]) -> str:
    """A table of the runs, in Markdown."""
    rows = [_row(visit) for visit in visits]
    return "\n".join(["| run | items | done | in flight | waiting | spent | |", "|---|---|---|---|---|---|---|", *rows])


def _row(visit: Visit) -> str:
    title = visit.spec.title if visit.spec else visit.folder.path.name
    where = f"{title}<br>`{visit.folder.path}`"
    if visit.summary is None:
        return f"| {where} | | | | | | {_cell(visit.trouble)} |"
    each = visit.summary
    done, spent = each["completed_items"] + each["failed_items"], spent_words(each).removesuffix(" spent")
    counts = (each["total_items"], done, each["in_flight_items"], each["pending_items"])
    told = _cell(visit.trouble or each["stopped"])
    return f"| {where} | {' | '.join(f'{count:,}' for count in counts)} | {spent} | {told} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def sentence(visits: Sequence[Visit]) -> str:
    """What came of all visits together."""
    if not visits:
        return "no run is open"
    figures = [visit.summary for visit in visits if visit.summary is not None and not visit.trouble]
    finished = sum(not each["in_flight_items"] + each["pending_items"] for each in figures)
    troubled = [f"{visit.folder.path}: {visit.trouble}" for visit in visits if visit.trouble]
    left = len(figures) - finished
    more = f"; {number_of(len(troubled), 'needs', 'need')} help ({'; '.join(troubled)})" if troubled else ""
    return f"{number_of(len(visits), 'open run')}: {finished} finished, {left} not finished yet{more}"
