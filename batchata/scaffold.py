"""The flows and the `prefect.yaml` of this package, put into somebody's own project, with what goes beside them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from batchata.errors import InputError

MODELS = '''\
"""What answers are turned into; a run names one as response_model=models.py:Invoice."""

from pydantic import BaseModel


class Invoice(BaseModel):
    company_name: str
    invoice_number: str
    total_amount: float
'''


def write_project(folder: Path) -> list[Path]:
    """Writes `prefect.yaml`, `flows/`, `automations.yaml` and a `models.py` to begin with; returns what was written.

    The last two are left as they are where they are there already. Raises InputError, and writes nothing, where one of
    the others is.
    """
    source = _source()
    wanted = [Path("prefect.yaml"), *(path.relative_to(source) for path in sorted((source / "flows").glob("*.py")))]
    if there := [str(name) for name in wanted if (folder / name).exists()]:
        raise InputError(f"{', '.join(there)} in {folder.absolute()} would be overwritten; nothing was written")
    try:
        for name in wanted:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, folder / name)
        return [*wanted, *_beside(folder)]
    except OSError as error:
        raise InputError(f"{folder.absolute()} cannot be written to: {error}") from error


def _beside(folder: Path) -> Iterator[Path]:
    texts = {Path("models.py"): MODELS, Path("automations.yaml"): _automations().read_text(encoding="utf-8")}
    for name, text in texts.items():
        if not (folder / name).exists():
            (folder / name).write_text(text, encoding="utf-8")
            yield name


def _automations() -> Path:
    source = _source()
    installed = source / "automations.yaml"
    return installed if installed.is_file() else source / "examples" / "automations.yaml"


def _source() -> Path:
    """In an installed package beside this file, in a clone at its top."""
    here = Path(__file__).parent
    installed = here / "project"
    return installed if installed.is_dir() else here.parent
