"""The results of an ended message batch: read whole, read again when the stream was cut."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import orjson

from batchata.core.collecting import custom_id_of
from batchata.core.items import item_key
from batchata.errors import ForeignResultsUrlError, IncompleteResultsError, NotEndedError, ServiceError
from batchata.io.batches import BatchStatus, poll
from batchata.io.faults import reading

if TYPE_CHECKING:
    from anthropic import Anthropic

READINGS = 3
_PORTS = {"http": 80, "https": 443}


def stream_results(client: Anthropic, batch_id: str) -> Iterator[bytes]:
    """The result lines of an ended message batch, one JSON object each, in the API's order (any).

    The stream is read to a temporary file and handed on when it is whole: as many lines as the batch has
    requests. A stream that was cut is read again, at most three times.

    Raises NotEndedError, ForeignResultsUrlError, and the errors of `poll`; when the stream stays short it first
    yields what there is and then raises IncompleteResultsError. Source: doc:api/messages/batches/results.
    """
    with tempfile.TemporaryFile(prefix="batchata-") as file:
        short = None
        try:
            download_results(client, batch_id, file)
        except IncompleteResultsError as error:
            short = error
        file.seek(0)
        yield from whole_lines(file)
    if short is not None:
        raise short


def download_results(client: Anthropic, batch_id: str, file: IO[bytes], status: BatchStatus | None = None) -> int:
    """Writes the results of an ended message batch to `file` as the API sends them; returns the number of lines.

    `status` saves asking where they are. Raises as `stream_results` does; on IncompleteResultsError the file
    holds what was read.
    """
    status = status or poll(client, batch_id)
    url = _own_url(client, status)
    expected, read, broke = status.counts.total, 0, None
    for _ in range(READINGS):
        file.seek(0)
        file.truncate()
        try:
            _copy(client, batch_id, url, file)
            broke = None
        except ServiceError as error:
            broke = error
        file.seek(0)
        read = _count_items(file, expected)
        if read == expected:
            return read
    if broke is not None and read == 0:
        raise broke
    raise IncompleteResultsError(
        f"the results of {batch_id} ended after {read:,} of {expected:,} lines, {READINGS} times; "
        "they can be read again until 29 days after the batch was created",
        read=read,
        expected=expected,
    )


def _count_items(file: IO[bytes], expected: int) -> int:
    """How many items the lines are about: each `custom_id` once. A bit for each item of ours, not its id."""
    seen, others = bytearray(expected), set[str]()
    for line in whole_lines(file):
        name = custom_id_of(line)
        key = item_key(name) if name else None
        if key is not None and key.index < expected:
            seen[key.index] = 1
        elif name:
            others.add(name)
    return sum(seen) + len(others)


def whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines that hold a whole JSON object: blank ones and a last one that was cut are passed over."""
    for line in file:
        if line.endswith(b"\n"):
            if not line.isspace():
                yield line
        elif _is_json(line):
            yield line


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _own_url(client: Anthropic, status: BatchStatus) -> str:
    if not status.is_ended or status.results_url is None:
        if status.archived_at:
            raise NotEndedError(
                f"the results of {status.batch_id} were removed on {status.archived_at:%Y-%m-%d}: "
                "they are kept for 29 days"
            )
        raise NotEndedError(
            f"{status.batch_id} is {status.state}: {status.counts.processing:,} of {status.counts.total:,} requests "
            f"are being processed; it ends by {status.expires_at:%Y-%m-%d %H:%M} UTC at the latest"
        )
    own, theirs = urlsplit(str(client.base_url)), urlsplit(status.results_url)
    if _origin(own) != _origin(theirs):
        raise ForeignResultsUrlError(
            f"the results of {status.batch_id} are said to be at {theirs.scheme}://{theirs.netloc}, but the client "
            f"talks to {own.scheme}://{own.netloc}: the key is not sent there. If that is where your API lives, "
            "make a client with that base_url"
        )
    return status.results_url


def _origin(url: SplitResult) -> tuple[str, str | None, int | None]:
    return url.scheme, url.hostname, url.port or _PORTS.get(url.scheme)


def _copy(client: Anthropic, batch_id: str, url: str, file: IO[bytes]) -> None:
    with _chunks(client, batch_id, url) as chunks:
        for chunk in chunks:
            file.write(chunk)


def some_custom_id(client: Anthropic, status: BatchStatus) -> str:
    """Which item one line of a batch's results is about, the first that says it; no more is read than that.

    Raises ServiceError when no line does.
    """
    with _chunks(client, status.batch_id, _own_url(client, status)) as chunks:
        for line in _lines(chunks):
            if name := custom_id_of(line):
                return name
    raise ServiceError(f"results of {status.batch_id}: no line says which item it is about; try again")


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
    yield rest


@contextmanager
def _chunks(client: Anthropic, batch_id: str, url: str) -> Iterator[Iterator[bytes]]:
    headers = {"accept": "application/binary", "X-Stainless-Raw-Response": "stream"}
    with reading(f"results of {batch_id}"):
        response: Any = client.get(url, cast_to=object, options={"headers": headers})
        try:
            yield response.iter_bytes()
        finally:
            response.close()
