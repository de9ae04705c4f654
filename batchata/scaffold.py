"""The flows and the `prefect.yaml` of this package, put into somebody's own project."""

from __future__ import annotations

import shutil
from pathlib import Path

from batchata.errors import InputError


def write_project(folder: Path) -> list[Path]:
    """Writes `prefect.yaml` and `flows/` and returns what was written. Raises InputError, and writes nothing, where one
    of the files is there already.
    """
    source = _source()
    wanted = [Path("prefect.yaml"), *(path.relative_to(source) for path in sorted((source / "flows").glob("*.py")))]
    if there := [str(name) for name in wanted if (folder / name).exists()]:
        raise InputError(f"{', '.join(there)} in {folder.absolute()} would be overwritten; nothing was written")
    try:
        for name in wanted:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, folder / name)
    except OSError as error:
        raise InputError(f"{folder.absolute()} cannot be written to: {error}") from error
    return wanted


def _source() -> Path:
    """In an installed package beside this file, in a clone at its top."""
    here = Path(__file__).parent
    installed = here / "project"
    return installed if installed.is_dir() else here.parent
