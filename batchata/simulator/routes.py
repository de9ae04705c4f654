"""Which address does what: HTTP calls in, the rooms' answers out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import orjson

from batchata.simulator import catalog
from batchata.simulator.backend import Backend
from batchata.simulator.errors import HangUpError, InvalidRequestError
from batchata.simulator.faults import Cut
from batchata.simulator.garbage import collection_paused
from batchata.simulator.server import Call, Reply

BATCHES = "/v1/messages/batches"
STREAMED_AT_ONCE = 1 << 18


class Listed(Protocol):
    @property
    def id(self) -> str: ...


AnyListed = TypeVar("AnyListed", bound=Listed)
Route = Callable[[Backend, Call, str], Reply]


def create_batch(backend: Backend, call: Call, _: str) -> Reply:
    with collection_paused():
        batch = backend.batches.create(_json(call).get("requests"), _version(call), _betas(call), backend.limits)
    return Reply.of(_view(backend, call, batch))


def retrieve_batch(backend: Backend, call: Call, batch_id: str) -> Reply:
    return Reply.of(_view(backend, call, backend.batches.look(batch_id, counted=True)))


def list_batches(backend: Backend, call: Call, _: str) -> Reply:
    page, has_more = _page(backend.batches.newest_first(), call)
    return Reply.of(_listing([_view(backend, call, batch) for batch in page], has_more=has_more))


def cancel_batch(backend: Backend, call: Call, batch_id: str) -> Reply:
    return Reply.of(_view(backend, call, backend.batches.cancel(batch_id)))


def delete_batch(backend: Backend, _: Call, batch_id: str) -> Reply:
    backend.batches.delete(batch_id)
    return Reply.of({"id": batch_id, "type": "message_batch_deleted"})


def batch_results(backend: Backend, _: Call, batch_id: str) -> Reply:
    lines = backend.batches.results(batch_id)
    cut = backend.faults.take(Cut, "results")
    stream = _stream(lines, cut, backend.faults.blank_line_every)
    return Reply(200, stream, {"content-type": "application/binary"})


def count_tokens(backend: Backend, call: Call, _: str) -> Reply:
    return Reply.of({"input_tokens": backend.count_tokens(_json(call), _version(call))})


def list_models(_: Backend, call: Call, __: str) -> Reply:
    wanted = call.query.get("lifecycle[]") or call.query.get("lifecycle") or ["active", "deprecated"]
    models = [model for model in catalog.all_models() if model.lifecycle in wanted]
    page, has_more = _page(models, call)
    return Reply.of(_listing([model.info() for model in page], has_more=has_more))


def retrieve_model(_: Backend, __: Call, name: str) -> Reply:
    return Reply.of(catalog.find(name).info())


def upload_file(backend: Backend, call: Call, _: str) -> Reply:
    return Reply.of(backend.files.upload(call.headers.get("content-type", ""), call.body).view())


def list_files(backend: Backend, _: Call, __: str) -> Reply:
    return Reply.of({"data": [stored.view() for stored in backend.files.newest_first()], "next_page": None})


def retrieve_file(backend: Backend, _: Call, file_id: str) -> Reply:
    return Reply.of(backend.files.get(file_id).view())


def delete_file(backend: Backend, _: Call, file_id: str) -> Reply:
    backend.files.delete(file_id)
    return Reply.of({"id": file_id, "type": "file_deleted"})


ROUTES: tuple[tuple[str, re.Pattern[str], str, Route], ...] = tuple(
    (method, re.compile(pattern), endpoint, route)
    for method, pattern, endpoint, route in (
        ("POST", f"{BATCHES}()", "create", create_batch),
        ("GET", f"{BATCHES}()", "list", list_batches),
        ("GET", f"{BATCHES}/([^/]+)", "retrieve", retrieve_batch),
        ("DELETE", f"{BATCHES}/([^/]+)", "delete", delete_batch),
        ("POST", f"{BATCHES}/([^/]+)/cancel", "cancel", cancel_batch),
        ("GET", f"{BATCHES}/([^/]+)/results", "results", batch_results),
        ("POST", "/v1/messages/count_tokens()", "count_tokens", count_tokens),
        ("GET", "/v1/models()", "models", list_models),
        ("GET", "/v1/models/([^/]+)", "models", retrieve_model),
        ("POST", "/v1/files()", "files", upload_file),
        ("GET", "/v1/files()", "files", list_files),
        ("GET", "/v1/files/([^/]+)", "files", retrieve_file),
        ("DELETE", "/v1/files/([^/]+)", "files", delete_file),
    )
)


def find_route(call: Call) -> tuple[str, Route, str] | None:
    """The endpoint's name, what answers it and the id in the path."""
    for method, pattern, endpoint, route in ROUTES:
        match = pattern.fullmatch(call.path) if method == call.method else None
        if match is not None:
            return endpoint, route, match[1]
    return None


def read_json(body: bytes) -> dict[str, Any]:
    """The JSON object of a request body."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequestError(f"The request body is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidRequestError("The request body should be a JSON object")
    return value


def _json(call: Call) -> dict[str, Any]:
    return read_json(call.body)


def _version(call: Call) -> str:
    return call.headers["anthropic-version"]


def _betas(call: Call) -> frozenset[str]:
    return frozenset(name.strip() for name in call.headers.get("anthropic-beta", "").split(",") if name.strip())


def _view(backend: Backend, call: Call, batch: Any) -> dict[str, Any]:
    own = f"http://{call.headers.get('host', '')}{BATCHES}/{batch.id}/results"
    view: dict[str, Any] = batch.view(backend.clock.now(), backend.faults.foreign_results_url or own)
    return view


def _page(rows: Sequence[AnyListed], call: Call) -> tuple[Sequence[AnyListed], bool]:
    """The rows that `limit`, `after_id` and `before_id` ask for, and whether there are more that way."""
    limit = _limit(call)
    if before := call.query.get("before_id"):
        rows = rows[: _position(rows, before[0])]
        return rows[max(0, len(rows) - limit) :], len(rows) > limit
    if after := call.query.get("after_id"):
        rows = rows[_position(rows, after[0]) + 1 :]
    return rows[:limit], len(rows) > limit


def _limit(call: Call) -> int:
    given = call.query.get("limit", ["20"])[0]
    if not given.isdecimal() or not 1 <= int(given) <= 1000:
        raise InvalidRequestError("limit: Input should be an integer from 1 to 1000")
    return int(given)


def _position(rows: Sequence[Listed], row_id: str) -> int:
    for index, row in enumerate(rows):
        if row.id == row_id:
            return index
    raise InvalidRequestError(f"The cursor {row_id!r} does not exist")


def _listing(data: list[dict[str, Any]], *, has_more: bool) -> dict[str, Any]:
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return {"data": data, "has_more": has_more, **ends}


def _stream(lines: Sequence[bytes], cut: Cut | None, blank_every: int) -> Iterator[bytes]:
    shown = lines if cut is None else lines[: cut.after_lines]
    yield from _chunks(shown, blank_every)
    if cut is None:
        return
    if cut.inside and len(lines) > cut.after_lines:
        line = lines[cut.after_lines]
        yield line[: max(1, len(line) // 2)]
    if cut.abrupt:
        raise HangUpError


def _chunks(lines: Sequence[bytes], blank_every: int) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    for count, line in enumerate(lines, start=1):
        waiting.append(line + b"\n" if blank_every and count % blank_every == 0 else line)
        size += len(line)
        if size >= STREAMED_AT_ONCE:
            yield b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        yield b"".join(waiting)
