"""Runs that nobody waits for: whatever has ended is collected, whatever may be sent then is sent."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from batchata.core.plurals import number_of
from batchata.core.showing import code, markdown
from batchata.core.summary import Summary, spent_words
from batchata.core.wording import FORM, spelled
from batchata.errors import BatchataError, InputError, LedgerError, LedgerInUseError, LedgerMismatchError, StorageError
from batchata.runs.carrying import Met, manager_of
from batchata.runs.folder import RunFolder, folders_below
from batchata.runs.spec import RunSpec
from batchata.runs.wording import as_in_the_form, told_as_in_the_form

logger = logging.getLogger("batchata")

_REMEDY = (
    "Mend what is said, or end such a run with the deployment `cancel` and its folder as `state_dir`: then it is only "
    "looked at again when somebody starts it"
)


@dataclass(frozen=True, slots=True)
class Visit:
    """What was found at one open run. With `trouble` it is not gone on with.

    Without a `spec` and a `summary`, `trouble` says why there is none.

    One that was `halted` before, cancelled for instance, is only collected and asks nothing. `is_news`: the trouble
    was not told before.
    """

    folder: RunFolder
    spec: RunSpec | None = None
    summary: Summary | None = None
    trouble: str = ""
    halted: bool = False
    is_news: bool = False

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
            yield replace(visit, is_news=_is_news(visit))


def _is_news(visit: Visit) -> bool:
    try:
        return visit.folder.is_news(visit.trouble)
    except (LedgerError, OSError, ValueError):  # nothing can be written down there, or read
        return bool(visit.trouble)


def _visit(folder: RunFolder) -> Visit | None:
    """None for a run that waits for a person: at its limit, stopped, cancelled."""
    if folder.state().waits_for_person:
        return None
    spec = folder.spec()
    manager, trouble, met = manager_of(spec.for_a_visit(), folder), "", Met()
    try:
        summary = manager.run_if(met.may_send, wait=False, quietly=True, **_sampling(spec))
    except StorageError:
        raise  # nothing is known of the files
    except (InputError, LedgerMismatchError) as error:  # a file is gone or another one; what was sent comes home
        summary, trouble = manager.run_if(lambda _: False, wait=False, quietly=True), spelled(str(error), FORM)
    summary = told_as_in_the_form(summary)
    folder.note(summary)
    return None if met.waits else Visit(folder, spec, summary, trouble, halted=met.halted)


def _sampling(spec: RunSpec) -> dict[str, Any]:
    """Whoever goes from run to run cannot wait for a person: one is asked in a flow run of its own."""
    if spec.sampled is None:
        return {}
    return {"sample": spec.sampled, "approve": lambda _: False, "approve_below": spec.approve_below}


def report(visits: Sequence[Visit]) -> str:
    """A table of the runs, and what keeps some of them from being gone on with, in Markdown."""
    table = ["| run | items | done | in flight | waiting | spent | stands at |", "|---|---|---|---|---|---|---|"]
    troubled = [f"- {_path(each.folder)}: {markdown(each.trouble)}" for each in visits if each.trouble]
    told = ["", "**Cannot be gone on with:**", "", *troubled, "", _REMEDY] if troubled else []
    return "\n".join([*table, *map(_row, visits), *told])


def _row(visit: Visit) -> str:
    title = visit.spec.title if visit.spec else visit.folder.path.name
    where = f"{markdown(title)}<br>{_path(visit.folder)}"
    told = "cannot be gone on with, see below" if visit.trouble else ""
    if visit.summary is None:
        return f"| {where} | | | | | | {told} |"
    each = visit.summary
    done, spent = each["completed_items"] + each["failed_items"], spent_words(each).removesuffix(" spent")
    counts = (each["total_items"], done, each["in_flight_items"], each["pending_items"])
    return (
        f"| {where} | {' | '.join(f'{count:,}' for count in counts)} | {spent} | {told or markdown(each['stopped'])} |"
    )


def _path(folder: RunFolder) -> str:
    """In a code span, where it can be copied; a bar ends a cell even there."""
    path = str(folder.path)
    return markdown(path) if "|" in path else code(path)


def sentence(visits: Sequence[Visit]) -> str:
    """What came of all visits together."""
    if not visits:
        return "no run is open"
    figures = [visit.summary for visit in visits if visit.summary is not None and not visit.trouble]
    finished = sum(not each["in_flight_items"] + each["pending_items"] for each in figures)
    troubled = [f"{visit.folder.path}: {visit.trouble}" for visit in visits if visit.trouble]
    runs = number_of(len(visits), "run was", "runs were")
    told = f"{runs} open: {finished} finished, {len(figures) - finished} still open"
    if not troubled:
        return told
    return f"{told}, {len(troubled)} cannot be gone on with ({'; '.join(troubled)}). {_REMEDY}"
