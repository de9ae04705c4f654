"""How a run and its shards talk: what is large goes through files in the results folder, that it is there through the
Prefect server, which keeps each notice once.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from httpx import HTTPError, HTTPStatusError
from prefect.exceptions import ObjectNotFound
from pydantic import BaseModel

from batchata.io import remote
from batchata.io.paths import Place, path_of
from batchata.orchestration.server import Line
from batchata.running.errands import unpacked
from batchata.running.probing import left_by, remove, unreachable

if TYPE_CHECKING:
    from prefect.client.schemas.objects import FlowRunInput

_AT_ONCE = 100
_OPEN = "open"


class Notice(BaseModel):
    """To a shard: carry out order `number`, or end. To the run: shard `shard` is there, or has done order `number`.

    A notice without either says that the sender is alive, one with `trouble` why the shard cannot work.
    """

    shard: int = 0
    number: int | None = None
    kind: str = ""
    job: int = 0
    key: str = ""
    end: bool = False
    trouble: str = ""


@dataclass(slots=True)
class Mailbox:
    """Notices to a flow run. For one thread. All methods raise httpx.HTTPError when the server does not answer."""

    line: Line
    sent: int = 0
    kept: set[str] = field(default_factory=set)

    def post(self, to: UUID, sender: str, notice: Notice) -> None:
        """Once, also when it is tried again after an error: the same notice gets the same name."""
        name = f"{sender}-{self.sent}"
        try:
            self.line.call(lambda client: client.create_flow_run_input(to, name, notice.model_dump_json()))
        except HTTPStatusError as error:
            if error.response.status_code != HTTPStatus.CONFLICT:
                raise
        self.sent += 1

    def read(self, own: UUID, prefix: str) -> list[Notice]:
        """What came since the last time, the oldest first."""
        found = self.line.call(lambda client: client.filter_flow_run_input(own, f"{prefix}-", _AT_ONCE, self.kept))
        return [self._taken(own, each) for each in found]

    def _taken(self, own: UUID, found: FlowRunInput) -> Notice:
        """What was read counts, also when the server does not say that it is gone: it is not read again then."""
        try:
            self.line.call(lambda client: client.delete_flow_run_input(own, found.key))
        except (HTTPError, ObjectNotFound):
            self.kept.add(found.key)
        return Notice.model_validate_json(found.value)


@dataclass(frozen=True, slots=True)
class Exchange:
    """The files: order and report by the number of the order."""

    folder: Place

    @classmethod
    def at(cls, place: str) -> Exchange:
        """`place` is a path, or a URL that fsspec can open. Raises InputError."""
        return cls(path_of(place))

    @classmethod
    def of_run(cls, folder: Place, run_id: str) -> Exchange:
        """A new one in the results folder of a run."""
        return cls(folder / left_by(run_id, "exchange"))

    def open(self) -> None:
        """Makes it. Raises OSError."""
        if isinstance(self.folder, Path):
            self.folder.mkdir(parents=True, exist_ok=True)
        self._write(_OPEN, b"the shards of a run that is at work look for this\n")

    def trouble(self) -> str:
        """Why it cannot be used from here; empty when it can."""
        try:
            why = "" if self.is_open() else "what the run put there is not seen"
        except OSError as error:
            why = str(error)
        return unreachable(self.folder, why) if why else ""

    def is_open(self) -> bool:
        """Whether the run uses it. Raises OSError."""
        return bool(remote.persistently((self.folder / _OPEN).exists))

    def is_gone(self) -> bool:
        """Whether the run does not use it any more, as far as that can be told."""
        with suppress(OSError):
            return not self.is_open()
        return False

    def remove(self) -> None:
        """With all that nobody took, as far as that is possible."""
        remove(self.folder)

    def put(self, name: str, value: object) -> None:
        """Raises OSError."""
        import cloudpickle

        self._write(name, cloudpickle.dumps(value))

    def _write(self, name: str, data: bytes) -> None:
        file = self.folder / name
        remote.persistently(lambda: file.write_bytes(data))

    def take(self, name: str) -> Any:
        """What was put there, which is removed.

        Raises OSError when it is not there, InputError for what cannot be loaded here.
        """
        file = self.folder / name
        data = remote.persistently(file.read_bytes)
        with suppress(FileNotFoundError):  # a removal that is tried again
            remote.persistently(file.unlink)
        return unpacked(data, "what another process of the run wrote")


def order_file(number: int) -> str:
    return f"order-{number}.pkl"


def report_file(number: int) -> str:
    return f"report-{number}.pkl"
