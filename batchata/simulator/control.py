"""Addresses under /_simulator/, with which another process looks at a simulator and steers it."""

from __future__ import annotations

from batchata.simulator.backend import Backend
from batchata.simulator.errors import ApiError, InvalidRequestError, NotFoundError
from batchata.simulator.routes import read_json
from batchata.simulator.server import Call, Reply


def answer(backend: Backend, call: Call) -> Reply:
    """GET state, POST advance `{"seconds": n}`, POST faults (see `Faults.apply`); no key is needed."""
    try:
        return _answer(backend, call)
    except ApiError as error:
        return Reply.of(error.body(None), error.status)


def _answer(backend: Backend, call: Call) -> Reply:
    match call.method, call.path.removeprefix("/_simulator/"):
        case "GET", "state":
            return Reply.of(backend.state())
        case "POST", "advance":
            return _advance(backend, call)
        case "POST", "faults":
            return _faults(backend, call)
    raise NotFoundError("There are GET state, POST advance and POST faults")


def _advance(backend: Backend, call: Call) -> Reply:
    seconds = read_json(call.body).get("seconds")
    if not isinstance(seconds, int | float):
        raise InvalidRequestError('advance takes {"seconds": n}')
    backend.clock.advance(seconds)
    return Reply.of({"now": backend.clock.now()})


def _faults(backend: Backend, call: Call) -> Reply:
    try:
        backend.faults.apply(read_json(call.body))
    except (TypeError, ValueError) as error:
        raise InvalidRequestError(f"These faults cannot be ordered: {error}") from error
    return Reply.of({"ok": True})
