"""Steps that are carried out in another process, maybe on another machine: packed here, unpacked and done there.

What travels is the step, its items and what all steps of the run have in common. No key does: who carries a step
out has credentials of its own.
"""

from __future__ import annotations

import atexit
import os
import pickle
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchata import __version__
from batchata.core.fingerprints import namespace_of
from batchata.core.items import Item, subject_of
from batchata.core.measured import Measure, Measured
from batchata.core.models import ModelInfo
from batchata.core.steps import Collect, Report, Send
from batchata.errors import InputError
from batchata.io.cache import BLOCK, BLOCK_SETTINGS, ResultCache, default_folder
from batchata.io.client import ClientOrMaker, make_client
from batchata.io.lost import LostAndFound
from batchata.io.owners import Owner, check_owner, owner_of
from batchata.io.paths import is_path, is_url, path_of
from batchata.io.results import ResultsFolder
from batchata.io.sources import is_file_id
from batchata.running.assignment import About, Assignment, Requests, RunContext
from batchata.running.forming import Former, Measuring
from batchata.running.measuring import Measurer
from batchata.running.probing import Probe
from batchata.running.settling import Settler
from batchata.running.worker import Claim, Worker

if TYPE_CHECKING:
    from anthropic import Anthropic

Errand = Measure | Send | Collect
"""What may be done elsewhere: the heavy part of each job."""

_READS = 2


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Work that is done elsewhere: who measures, and the place of the rights to send (see `Claim`)."""

    measuring: Measuring
    claims: str


@dataclass(frozen=True)
class Excerpt(Assignment):
    """A few items of an assignment, by their index, and what is said of them in the run."""

    known: Mapping[int, About] = field(default_factory=dict)

    @cached_property
    def has_urls(self) -> bool:
        return self.is_files and any(is_url(subject_of(each)) for each in dict(self.items).values())

    def about(self, index: int) -> About:
        return self.known[index]

    def varied(self, index: int) -> Item | None:
        return super().varied(index) if index in self.items else None


@dataclass(frozen=True)
class Kit:
    """What all errands of a run have in common."""

    assignment: Assignment
    info: ModelInfo
    run_id: str
    folder: ResultsFolder
    rounds: int
    cache: object
    namespace: str
    refresh_cache: bool
    claims: str
    claim: Claim
    probe: Probe
    client: Callable[[], Anthropic] | None
    owner: Owner


@dataclass(frozen=True, slots=True)
class _Tools:
    """What a process keeps for all errands of a run."""

    kit: Kit
    client: Anthropic
    cache: ResultCache | None


@dataclass(frozen=True, slots=True)
class RemoteWork:
    """An errand with all that it takes. Without a step it only finds out whether anything could be done."""

    kit: bytes
    step: Errand | None
    items: Mapping[int, Any]
    known: Mapping[int, About]

    def __call__(self) -> Report | list[Measured] | None:
        """What came of it. Raises the errors of ours by which a step can fail."""
        with _one_at_a_time:
            tools = _tools_of(self.kit)
        worker, measurer = self._worker(tools)
        match self.step:
            case None:
                return None
            case Measure():
                return list(measurer.measured(self.step))
            case _:
                return worker.carry_out(self.step)

    def _worker(self, tools: _Tools) -> tuple[Worker, Measurer]:
        kit = tools.kit
        shared = {each.name: getattr(kit.assignment, each.name) for each in fields(Assignment)}
        excerpt = Excerpt(**(shared | {"items": self.items}), known=self.known)
        run = RunContext(excerpt, Requests(excerpt, kit.info), tools.client, kit.info, kit.run_id, kit.folder)
        measurer = Measurer(run, None if kit.refresh_cache else tools.cache, keeps_bodies=False)
        worker = Worker(
            tools.client,
            Former(run, measurer.candidates),
            Settler(run, tools.cache, kit.rounds),
            LostAndFound(kit.run_id),
            excerpt.headers,
            kit.claim,
            kit.claims,
        )
        return worker, measurer


class Parcel:
    """A `RemoteWork` as bytes: whoever passes it on has nothing to look into."""

    __slots__ = ("made_by", "payload")

    def __init__(self, payload: bytes, made_by: str) -> None:
        self.payload = payload
        self.made_by = made_by

    def __call__(self) -> Any:
        """What came of it. Raises InputError where it was packed by another version."""
        if self.made_by != _version():
            raise InputError(
                f"the worker on {socket.gethostname()} has {_version()}, the run has {self.made_by}, and they may not "
                "read what the other writes. Install the same versions there (nothing more is sent)"
            )
        work: RemoteWork = unpacked(self.payload, "an item")
        return work()


class Packer:
    """Packs errands of one run. `cache` is the place that the run was given; `here` measures in this process."""

    def __init__(
        self,
        run: RunContext,
        here: Measurer,
        rounds: int,
        cache: object,
        client: ClientOrMaker = None,
        *,
        refresh_cache: bool,
    ) -> None:
        self.run = run
        self.here = here
        self._rounds = rounds
        self._cache = cache
        self._client = client
        self._refresh_cache = refresh_cache
        self._kit: bytes | None = None

    def claimed_at(self, place: str, claim: Claim, probe: Probe) -> None:
        """Says where those who carry errands out take their rights.

        Raises InputError for what cannot travel, ServiceError when the API does not say whose key it is.
        """
        each = self.run.assignment
        kit = Kit(
            assignment=replace(each, items=()),
            info=self.run.info,
            run_id=self.run.run_id,
            folder=self.run.folder,
            rounds=self._rounds,
            cache=_portable_cache(self._cache),
            namespace=namespace_of(each.settings),
            refresh_cache=self._refresh_cache,
            claims=place,
            claim=claim,
            probe=probe,
            client=self._client if callable(self._client) else None,
            owner=owner_of(self.run.client.with_options(max_retries=_READS)),
        )
        self._kit = _pickled(kit, "the response model or a parameter")

    def packed(self, step: Errand | None) -> Parcel:
        """Raises InputError for an item that cannot travel."""
        if self._kit is None:
            raise TypeError("it is not known yet where the rights to send are taken")
        indexes = _indexes(step)
        items = _asked_for(self.run.assignment, indexes) if isinstance(step, Collect) else self._items(indexes)
        known = {index: self.run.assignment.about(index) for index in indexes}
        return Parcel(_pickled(RemoteWork(self._kit, step, items, known), "an item"), _version())

    def _items(self, indexes: Sequence[int]) -> dict[int, Any]:
        return {index: _portable(self.run.assignment, index) for index in indexes}


def _indexes(step: Errand | None) -> Sequence[int]:
    match step:
        case None:
            return ()
        case Measure():
            return [each.index for each in step.candidates]
        case Send() | Collect():
            return [each.item for each in step.items]


def _portable(assignment: Assignment, index: int) -> Any:
    """Relative paths are relative to the folder that we are in, not to one on another machine."""
    item = assignment.items[index]
    subject = subject_of(item)
    if not assignment.is_files or not is_path(subject) or is_url(subject) or is_file_id(subject):
        return item
    path = str(path_of(subject).absolute())
    return replace(item, content=path) if isinstance(item, Item) else path


def _asked_for(assignment: Assignment, indexes: Sequence[int]) -> dict[int, Item]:
    """What is asked of some items only, without what they are about: an answer is judged by it."""
    varied = {index: assignment.varied(index) for index in indexes}
    return {index: replace(item, content=()) for index, item in varied.items() if item is not None and item.params}


def _portable_cache(place: object) -> object:
    """The same place for everybody, as far as it can be said: a folder by its whole path, a block by its name."""
    if place is True:
        place = next((os.environ[name] for name in BLOCK_SETTINGS if os.environ.get(name)), None) or default_folder()
    if place is False or (isinstance(place, str) and BLOCK.fullmatch(place) and not Path(place).is_dir()):
        return place
    if isinstance(place, str | PathLike):
        return Path(place).expanduser().absolute()
    raise InputError(
        f"`cache={place!r}` cannot be given to other processes, with the credentials that may be in it: save the block "
        'and give its "block-type-slug/name" (nothing was sent)'
    )


def _pickled(value: object, what: str) -> bytes:
    import cloudpickle  # Prefect needs it too

    try:
        return cloudpickle.dumps(value)  # type: ignore[no-any-return]
    except (TypeError, ValueError, AttributeError, pickle.PicklingError) as error:
        raise InputError(
            f"{what} cannot be sent to another process: {error}. Run without `task_runner` and `shards`, or make it of "
            "plain values (nothing was sent)"
        ) from error


_one_at_a_time = threading.Lock()


@lru_cache(maxsize=4)
def _tools_of(kit: bytes) -> _Tools:
    """Raises InputError where the results or the files are out of reach, CredentialsError without credentials."""
    opened: Kit = unpacked(kit, "the response model or a parameter")
    opened.probe.check(opened.folder)
    made = opened.client() if opened.client else make_client(base_url=opened.assignment.api or None)
    check_owner(owner_of(made), opened.owner, f"the worker on {socket.gethostname()}")
    return _Tools(opened, made.with_options(max_retries=0), _cache(opened))


def unpacked(data: bytes, what: str) -> Any:
    """What another process of the run has pickled. Raises InputError for what is not defined here."""
    try:
        return pickle.loads(data)  # noqa: S301 - the run and its workers are one program
    except (ImportError, AttributeError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise InputError(
            f"the worker on {socket.gethostname()} cannot load {what}: {error}. Install what defines it there "
            "(nothing more is sent)"
        ) from error


def _version() -> str:
    return f"batchata {__version__} on Python {sys.version_info.major}.{sys.version_info.minor}"


def _cache(kit: Kit) -> ResultCache | None:
    """Two that write never share a name, so that neither overwrites what the other has stored."""
    if kit.cache is False:
        return None
    cache = ResultCache(kit.cache, kit.namespace, run_id=f"{kit.run_id}-{secrets.token_hex(4)}")
    atexit.register(cache.close)
    return cache
