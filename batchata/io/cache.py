"""Answers that were paid for before, as results on Prefect's result storage. No Prefect server is needed.

A namespace holds `runs`, the ids of its runs, and for each run the objects `1`, `2`, ... with the answers of one job
each and an `index` that says which answer is where. Storage cannot be listed, so a reader takes the index and then
tries the numbers after it until one is not there: answers of a run that was killed are found too.

Prefect's `ResultStore` makes the objects, and can read them. They are read here as the plain data they are, because
`ResultStore.exists` takes every failure for absence and `read` unpickles whatever it is given; and because a local
folder can then be read without the 1.7 s of importing Prefect.
"""

from __future__ import annotations

import base64
import logging
import os
import re
import threading
import uuid
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import orjson
from pydantic import BaseModel, StringConstraints

from batchata.core.fingerprints import digest_of
from batchata.errors import InputError

if TYPE_CHECKING:
    from prefect.filesystems import WritableFileSystem

logger = logging.getLogger("batchata")

OBJECT_BYTES = 8_000_000
FIRST_INDEX = 8  # objects; after that an index is written whenever as many were added as it covers
RECENT_OBJECTS = 4

BLOCK = re.compile(r"[a-z0-9-]+/[a-z0-9_-]+")
RUN_ID = r"^[A-Za-z0-9_-]+$"
BLOCK_SETTINGS = ("PREFECT_DEFAULT_RESULT_STORAGE_BLOCK", "PREFECT_RESULTS_DEFAULT_STORAGE_BLOCK")

Key = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{2})+$")]


class _Runs(BaseModel):
    runs: list[Annotated[str, StringConstraints(pattern=RUN_ID)]]


class _Index(BaseModel):
    objects: int
    keys: dict[int, list[Key]]


class _Lines(BaseModel):
    job: int
    lines: dict[Key, str]


Content = TypeVar("Content", _Runs, _Index, _Lines)


class _UnreadableError(Exception):
    """It is there, but is none of our objects."""


class _UnreachableError(Exception):
    """The storage failed, so nobody knows whether it is there."""


class ResultCache:
    """The answers of one namespace: those of all its runs to look up, those of `run_id` to add to.

    `place` is a folder, a saved block by its "block-type-slug/name", a block, or True for the block of
    $PREFECT_DEFAULT_RESULT_STORAGE_BLOCK or else the folder `batchata` in Prefect's local storage. A str such as
    "s3-bucket/results" is a block unless a folder of that name exists; "./some/folder" and any Path are folders.

    A cache that fails costs money, not a run: reads and writes that fail are warnings. Raises InputError when the
    place cannot be opened at all, and for a key that is not hexadecimal. All methods may be called from any thread.
    """

    def __init__(self, place: object, namespace: str, *, run_id: str) -> None:
        self._objects = _Objects(_storage(place), namespace)
        self._run_id = run_id
        self._lock = threading.Lock()
        self._index: dict[bytes, int] = {}
        self._places: list[tuple[str, int]] = []
        self._recent: dict[int, dict[str, str]] = {}
        self._loaded = self._may_write = self._stored = False
        self._covered = self._last = 0

    def lookup(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The lines of the keys that are there, in the order of the keys. Reads each object once."""
        with self._lock:
            self._load()
            wanted: dict[int, list[str]] = {}
            for key in keys:
                if (place := self._index.get(digest_of(key))) is not None:
                    wanted.setdefault(place, []).append(key)
            found = {key: line for place, some in wanted.items() for key, line in self._lines(place, some)}
        return {key: found[key] for key in keys if key in found}

    def some(self, most: int) -> list[bytes]:
        """Up to so many lines of earlier runs, drawn at random and the same ones each time."""
        with self._lock:
            self._load()
            keys = sorted(digest.hex() for digest in self._index)
        return list(self.lookup(Random(most).sample(keys, min(most, len(keys)))).values())

    def store(self, job: int, lines: Mapping[str, bytes]) -> None:
        """Keep the lines of a job, under numbers of their own and in objects of about 8 MB."""
        digests = {key: digest_of(key) for key in lines}
        with self._lock:
            self._load()
            for part in _parts(lines):
                if self._may_write:
                    self._append(job, part, [digests[key] for key in part])

    def close(self) -> None:
        """Write the index of what was stored, and the run's id where another writer has overwritten it."""
        with self._lock:
            if self._stored and self._last > self._covered:
                self._write_index()
            if self._stored:
                self._objects.register(self._run_id)

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = self._may_write = True
        for run in self._objects.runs():
            if run != self._run_id:
                self._load_run(run)
        self._covered, self._last = self._load_run(self._run_id)

    def _load_run(self, run: str) -> tuple[int, int]:
        """How many objects of a run its index covers, and how many there are."""
        covered = 0
        if index := self._objects.get(f"{run}/index", _Index):
            covered = index.objects
            for number, keys in index.keys.items():
                self._learn(run, number, map(bytes.fromhex, keys))
        last = covered
        while (more := self._try_object(run, last + 1)) is not None:
            last += 1
            self._learn(run, last, map(bytes.fromhex, more))
        return covered, last

    def _try_object(self, run: str, number: int) -> Iterable[str] | None:
        """The keys of an object; none when it cannot be read, None when it is not there."""
        try:
            found = self._objects.find(f"{run}/{number}", _Lines)
        except _UnreadableError as error:
            logger.warning("stored answers cannot be used and will be paid for again: %s", error)
            return ()
        except _UnreachableError as error:
            logger.warning("the stored answers of run %s cannot be read: %s", run, error)
            if run == self._run_id:
                self._may_write = False  # the next number is not known, and nothing may be overwritten
            return None
        return None if found is None else found.lines

    def _learn(self, run: str, number: int, digests: Iterable[bytes]) -> None:
        self._index.update(dict.fromkeys(digests, len(self._places)))
        self._places.append((run, number))

    def _lines(self, place: int, keys: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        lines = self._recent.pop(place, None)
        if lines is None:
            run, number = self._places[place]
            found = self._objects.get(f"{run}/{number}", _Lines)
            lines = found.lines if found else {}
        self._recent[place] = lines
        while len(self._recent) > RECENT_OBJECTS:
            del self._recent[next(iter(self._recent))]
        return ((key, lines[key].encode()) for key in keys if key in lines)

    def _append(self, job: int, lines: dict[str, str], digests: Iterable[bytes]) -> None:
        if not self._stored:
            self._objects.register(self._run_id)
        number = self._last + 1
        if not self._objects.put(f"{self._run_id}/{number}", {"job": job, "lines": lines}):
            return
        self._stored = True
        self._last = number
        self._learn(self._run_id, number, digests)
        if self._last - self._covered >= max(FIRST_INDEX, self._covered):
            self._write_index()

    def _write_index(self) -> None:
        numbers = {place: number for place, (run, number) in enumerate(self._places) if run == self._run_id}
        keys: dict[int, list[str]] = {}
        for digest, place in self._index.items():
            if place in numbers:
                keys.setdefault(numbers[place], []).append(digest.hex())
        if self._objects.put(f"{self._run_id}/index", {"objects": self._last, "keys": keys}):
            self._covered = self._last


def _parts(lines: Mapping[str, bytes]) -> Iterator[dict[str, str]]:
    part: dict[str, str] = {}
    size = 0
    for key, line in lines.items():
        if part and size + len(line) > OBJECT_BYTES:
            yield part
            part, size = {}, 0
        try:
            part[key] = line.decode()
        except UnicodeDecodeError as error:
            logger.warning("an answer is not stored for later runs, as it is not JSON: %s", error)
            continue
        size += len(line)
    if part:
        yield part


class _Objects:
    """The objects of one namespace, and the one place that knows that storage fails.

    It may be anyone's block: the errors of S3, Google, Azure and SMB share no base but Exception. Prefect's settings
    can be at fault as well. None of it may end a run whose answers are paid for.
    """

    def __init__(self, storage: _Folder | _Block, namespace: str) -> None:
        self._storage = storage
        self._namespace = namespace
        self._warned = False

    def find(self, name: str, kind: type[Content]) -> Content | None:
        """None when it is not there. Raises _UnreadableError and _UnreachableError."""
        try:
            raw = self._storage.read(f"{self._namespace}/{name}")
        except Exception as error:
            if _means_absent(error):
                return None
            raise _UnreachableError(f"{self._namespace}/{name}: {error!r}") from error
        try:
            return kind.model_validate_json(zlib.decompress(base64.b64decode(orjson.loads(raw)["result"])))
        except (ValueError, LookupError, TypeError, zlib.error) as error:  # pydantic's and binascii's are ValueErrors
            reason = str(error).partition("\n")[0]
            raise _UnreadableError(f"{self._namespace}/{name} was not written by batchata ({reason})") from error

    def get(self, name: str, kind: type[Content]) -> Content | None:
        """The same, but with a warning and None for what cannot be read."""
        try:
            return self.find(name, kind)
        except (_UnreadableError, _UnreachableError) as error:
            logger.warning("stored answers cannot be used and may be paid for again: %s", error)
            return None

    def put(self, name: str, value: object) -> bool:
        """Whether it was written. Warns the first time that it was not."""
        try:
            self._storage.write(f"{self._namespace}/{name}", value)
        except Exception as error:  # noqa: BLE001 - see above
            if not self._warned:
                logger.warning("answers are not stored for later runs: %r", error)
            self._warned = True
            return False
        return True

    def runs(self) -> list[str]:
        """The ids that are recorded, and those that a listing shows where there is one: `runs` can lose some."""
        recorded = self.get("runs", _Runs)
        names = self._storage.names(self._namespace) if isinstance(self._storage, _Folder) else ()
        listed = [name for name in names if name != "runs" and re.fullmatch(RUN_ID, name)]
        return sorted({*(recorded.runs if recorded else ()), *listed})

    def register(self, run_id: str) -> None:
        """Record the run, unless it is. Two that do so at once may lose one id, so each does it again in the end."""
        try:
            recorded = self.find("runs", _Runs)
        except _UnreachableError as error:
            logger.warning("run %s is not recorded, so later runs may not find its answers: %s", run_id, error)
            return
        except _UnreadableError:
            recorded = None
        if recorded is None or run_id not in recorded.runs:
            self.put("runs", {"runs": sorted({*self.runs(), run_id})})


class _Folder:
    """Prefect's local file system: the same files, but read without Prefect and replaced as a whole."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, key: str) -> bytes:
        return (self._root / key).read_bytes()

    def write(self, key: str, value: object) -> None:
        from prefect.filesystems import LocalFileSystem

        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
        try:
            partial.write_bytes(_record(LocalFileSystem(basepath=str(self._root)), key, value))
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def names(self, folder: str) -> list[str]:
        try:
            return [path.name for path in (self._root / folder).iterdir()]
        except OSError:
            return []


class _Block:
    """Any other block."""

    def __init__(self, block: WritableFileSystem) -> None:
        self._block: Any = block  # `_sync`, which Prefect's own decorator takes, is in no signature

    def read(self, key: str) -> bytes:
        content: bytes = self._block.read_path(key, _sync=True)
        return content

    def write(self, key: str, value: object) -> None:
        # Not ResultStore.write: it resolves the key first, which a bucket with a folder then does once more.
        self._block.write_path(key, content=_record(self._block, key, value), _sync=True)


def _record(storage: WritableFileSystem, key: str, value: object) -> bytes:
    from prefect.results import ResultStore
    from prefect.serializers import CompressedJSONSerializer, JSONSerializer

    json: JSONSerializer[Any] = JSONSerializer(dumps_kwargs={"ensure_ascii": False})
    serializer: CompressedJSONSerializer[Any] = CompressedJSONSerializer(serializer=json, compressionlib="zlib")
    store = ResultStore(result_storage=storage, serializer=serializer, cache_result_in_memory=False)
    return store.create_result_record(value, key=key).serialize()


def _means_absent(error: Exception) -> bool:
    """FileNotFoundError of folders and fsspec, plain ValueError of Prefect, code 404 of Google, Azure and S3."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError, KeyError)) or type(error) is ValueError:
        return True
    response = getattr(error, "response", None)
    of_s3 = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    codes = (of_s3, getattr(error, "code", None), getattr(error, "status_code", None))
    return any(str(code) in {"404", "NoSuchKey"} for code in codes)


def _storage(place: object) -> _Folder | _Block:
    if place is True:
        named = next((os.environ[name] for name in BLOCK_SETTINGS if os.environ.get(name)), None)
        place = _loaded(named) if named else default_folder()
    elif isinstance(place, str) and BLOCK.fullmatch(place) and not Path(place).is_dir():
        place = _loaded(place)
    if isinstance(place, (str, os.PathLike)):
        return _Folder(Path(place).expanduser().absolute())
    return _of_block(place)


def default_folder() -> Path:
    home = os.environ.get("PREFECT_HOME") or "~/.prefect"
    return Path(os.environ.get("PREFECT_RESULTS_LOCAL_STORAGE_PATH") or f"{home}/storage") / "batchata"


def _of_block(block: object) -> _Folder | _Block:
    if hasattr(block, "read_path") and hasattr(block, "write_path"):
        from prefect.filesystems import LocalFileSystem, WritableFileSystem

        if isinstance(block, LocalFileSystem):
            return _Folder(Path(block.basepath or ".").expanduser().absolute())
        if isinstance(block, WritableFileSystem):
            return _Block(block)
    raise InputError(
        f"answers cannot be stored in {block!r}: give `cache=True`, a folder, the 'block-type-slug/name' of a saved "
        "Prefect block, or a Prefect block that files can be written to (nothing was sent)"
    )


def _loaded(name: str) -> object:
    import httpx
    from prefect.blocks.core import Block, UnknownBlockType
    from prefect.exceptions import PrefectException

    try:
        block: object = Block.load(name, _sync=True)  # type: ignore[call-arg]
    except (
        ValueError,
        LookupError,
        RuntimeError,
        OSError,
        httpx.HTTPError,
        PrefectException,
        UnknownBlockType,
    ) as error:
        raise InputError(
            f"the Prefect block {name!r}, in which answers were to be stored, cannot be loaded: {error} (nothing was "
            f"sent). `prefect block ls` shows what there is; for a folder write './{name}' or create it first"
        ) from error
    return block
