"""The results of a described run as a table or a report, from its state folder alone."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Any

from batchata.core.fingerprints import model_fingerprint
from batchata.core.reportfacts import facts_of
from batchata.core.state import RunState
from batchata.errors import InputError
from batchata.exporting import WRITERS, Exportable, Exported, Writer, export
from batchata.io.paths import PathOrUrl, Place, is_url, path_of
from batchata.io.results import ResultsFolder
from batchata.report.sources import Sources
from batchata.report.writing import report_writer
from batchata.running.run import run_id_of
from batchata.runs.folder import Described, RunFolder
from batchata.runs.looking import results_of
from batchata.runs.models import response_model_of
from batchata.tables.gathering import Description

logger = logging.getLogger("batchata")


def export_run(
    folder: RunFolder,
    to: PathOrUrl,
    *,
    format: str | None = None,  # noqa: A002 - documented
    outcomes: Collection[str] = (),
) -> Exported:
    """Writes one row for each item of the run that has ended. See `BatchManager.export`.

    The files of the run are not needed, nor is its response model: without it the columns are as the values are.
    Raises InputError when there is no run, and as `BatchManager.export`.
    """
    run = exportable(folder)
    writers = {**WRITERS, "html": _report(folder, run.state)}
    return export(run, to, kind=format, outcomes=outcomes, writers=writers)


def _report(folder: RunFolder, state: RunState) -> Writer:
    """Documents are looked for where the run was begun."""
    described = folder.described() if folder.exists() else None
    title = described.spec.title if described else folder.path.absolute().name
    directory = Path(described.directory) if described else None
    are_files = described is None or bool(described.spec.files or described.spec.files_from)
    return report_writer(facts_of(state, title), Sources(directory, state.sent_at, are_files))


def exportable(folder: RunFolder) -> Exportable:
    """What there is to export. Raises InputError when there is no run here, LedgerError."""
    described = folder.described() if folder.exists() or not folder.ledger.is_file() else None
    state = folder.state()
    results = results_of(folder)
    settings = state.run.settings if state.run else {}
    model = _response_model(described, state) if described else None
    return Exportable(
        state,
        ResultsFolder(results, run_id_of(state)),
        items=state.total,
        description=Description(model, settings.get("enable_citations") == "True"),
        keeps=(folder.ledger, folder.description, *_inputs(described)),
        directory=Path(described.directory) if described else None,
    )


def _inputs(described: Described | None) -> list[Place]:
    if described is None:
        return []
    spec = described.spec
    model = spec.response_model.partition(":")[0] if isinstance(spec.response_model, str) else None
    named = (
        spec.messages_file, spec.requests_file, spec.rows_file, spec.files_from, spec.prompt_file, spec.prompts_file,
        model,
    )  # fmt: skip
    return [_meant(described, each) for each in named if each]


def _meant(described: Described, place: str) -> Place:
    """Relative paths are meant from where the run was begun."""
    return path_of(place) if is_url(place) else Path(described.directory) / path_of(place)


def _response_model(described: Described, state: RunState) -> Any:
    """That of the run; None, with a log line, when it is gone or another one now."""
    given = described.spec.response_model
    if isinstance(given, str) and given.partition(":")[0].endswith(".py"):
        given = str(Path(described.directory) / given)
    try:
        found = response_model_of(given)
        is_same = state.run is None or model_fingerprint(found) == state.run.settings.get("response_model")
        why = "" if is_same else f"`response_model` {given} is not the one that the run was made with"
    except InputError as error:
        found, why = None, str(error)
    if why:
        logger.warning("the results are exported as the plain JSON of the answers, with types guessed: %s", why)
    return None if why else found
