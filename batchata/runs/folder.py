"""Where a described run keeps its state: the description, the ledger, and what came of it last."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from batchata.core.state import RunState
from batchata.core.summary import Summary
from batchata.errors import InputError, LedgerError
from batchata.io.ledger import read_state
from batchata.running.options import DESCRIPTION
from batchata.runs.spec import RunSpec

_LEDGER, _TROUBLE = "ledger.jsonl", "trouble.txt"


class Described(BaseModel):
    """A description as it is kept. Relative paths in it are meant from `directory`."""

    model_config = ConfigDict(frozen=True)

    directory: str
    spec: RunSpec


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The state folder of one run."""

    path: Path

    @property
    def ledger(self) -> Path:
        return self.path / _LEDGER

    @property
    def description(self) -> Path:
        return self.path / DESCRIPTION

    @property
    def results(self) -> Path:
        """Where results are, unless the description says otherwise."""
        return self.path / "results"

    @classmethod
    def at(cls, place: str) -> RunFolder:
        """The folder, by its own path or by that of its ledger. Raises InputError."""
        if not place.strip():
            raise InputError("`state_dir` is empty; give the folder of a run, as the summary of the run names it")
        path = Path(place)
        return cls(path.parent if path.name == _LEDGER else path)

    def exists(self) -> bool:
        return self.description.is_file()

    def state(self) -> RunState:
        """Raises LedgerError."""
        return read_state(self.ledger)

    def describe(self, spec: RunSpec) -> None:
        """Raises LedgerError when it cannot be written."""
        described = Described(directory=str(Path.cwd()), spec=spec)
        self._write(DESCRIPTION, described.model_dump_json(indent=2).encode())

    def spec(self) -> RunSpec:
        """Raises InputError when there is no run here, or when its relative paths mean nothing from where we are.

        The folder that they were relative to may have been moved as a whole, and we are in it now.
        """
        described = self.described()
        if described.directory != str(Path.cwd()) and Path(described.directory).is_dir():
            raise InputError(
                f"the run in {self.path} was begun in {described.directory}, which its paths are relative to; go on "
                f"with it from there (here is {Path.cwd()})"
            )
        return described.spec

    def forget(self) -> None:
        """It is no run any more."""
        self.description.unlink(missing_ok=True)

    def described(self) -> Described:
        """Raises InputError when there is no run here."""
        try:
            return Described.model_validate_json(self.description.read_bytes())
        except FileNotFoundError:
            raise InputError(
                f"{self.path} is not the state folder of a run: it holds no {DESCRIPTION}. Give the `state_dir` that "
                "the summary of the run names"
            ) from None
        except (OSError, ValidationError) as error:
            raise InputError(f"{self.path} is not the state folder of a run: {error}") from error

    def note(self, summary: Summary) -> None:
        """Keeps the figures for people, and for `is_settled`."""
        noted = {**summary, "ledger_bytes": self._ledger_bytes()}
        self._write("summary.json", orjson.dumps(noted, option=orjson.OPT_INDENT_2))

    def is_news(self, trouble: str) -> bool:
        """Whether this was not told before of the run; with "" it is forgotten."""
        place = self.path / _TROUBLE
        if not trouble:
            place.unlink(missing_ok=True)
            return False
        before = place.read_text(encoding="utf-8") if place.exists() else ""
        self._write(_TROUBLE, trouble.encode())
        return before != trouble

    def is_settled(self) -> bool:
        """Whether nothing has happened since nothing was left to do. Cheap: reads no ledger."""
        try:
            noted = orjson.loads((self.path / "summary.json").read_bytes())
            left = noted["in_flight_items"] + noted["pending_items"]
            return not left and bool(noted["ledger_bytes"] == self._ledger_bytes())
        except (OSError, ValueError, TypeError, LookupError):  # somebody else's, or none of this version's
            return False

    def _ledger_bytes(self) -> int:
        return self.ledger.stat().st_size if self.ledger.exists() else 0

    def _write(self, name: str, content: bytes) -> None:
        """Whole or not at all."""
        partial = self.path / f".{name}.{os.getpid()}.partial"
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(content)
            partial.replace(self.path / name)
        except OSError as error:
            raise LedgerError(f"{self.path / name} cannot be written: {error}") from error


def folder_of(spec: RunSpec) -> RunFolder:
    """The same folder for the same work."""
    if spec.state_dir is not None:
        return RunFolder(RunFolder.at(spec.state_dir).path.absolute())
    return RunFolder((Path(spec.home) / "runs" / spec.folder_name).absolute())


def folders_below(home: Path, *, described: bool = True) -> Iterator[RunFolder]:
    """All state folders, in the order of their paths. Folders of results are not searched, nor hidden ones: those are
    runs that are only being made, or whose making was killed. With those of
    `BatchManager`, unless only `described` ones are asked for.
    """
    for directory, below, files in os.walk(home):
        below[:] = sorted(each for each in below if not each.startswith("."))
        if DESCRIPTION in files or (not described and _LEDGER in files):
            below.clear()
            yield RunFolder(Path(directory).absolute())
