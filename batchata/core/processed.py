"""A record as a line of a results file, and back, exactly: the answer's own JSON is kept and validated again."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import asdict, fields, is_dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from batchata.core.citations import Citation
from batchata.core.outcomes import (
    Canceled,
    Errored,
    Expired,
    Invalid,
    Kind,
    Missing,
    Outcome,
    Refused,
    Succeeded,
    Truncated,
)
from batchata.core.records import Record
from batchata.errors import InputError, ResultsError

T = TypeVar("T")

_OUTCOMES: Mapping[Kind, type[Any]] = {
    each.kind: each for each in (Succeeded, Truncated, Refused, Invalid, Errored, Expired, Canceled, Missing)
}
_TOLD = ("result", "citations", "usage", "answer", "custom_id", "kind")


class Processed(BaseModel, Generic[T]):
    """A line of a results file. `attempt` tells which of an item's lines is the last one."""

    model_config = ConfigDict(extra="ignore", arbitrary_types_allowed=True)

    index: int
    attempt: int
    source: str | None = None
    label: str | None = None
    outcome: Kind
    result: T | None = None
    citations: list[Citation] | dict[str, list[Citation]] | None = None
    usage: dict[str, Any] | None = None
    cost: Decimal | None = None
    reason: str = ""
    batch_id: str | None = None
    cached: bool = False
    run_id: str
    custom_id: str
    detail: dict[str, Any] = {}


def line_of(record: Record[Any], *, run_id: str, attempt: int, cached: bool = False) -> bytes:
    """The record as one line of JSON."""
    detail = record.detail
    line = {
        "index": record.index,
        "source": record.source,
        "outcome": record.outcome,
        "result": _result(detail),
        "citations": record.citations,
        "usage": record.usage,
        "cost": None if record.cost is None else str(record.cost),
        "reason": record.reason,
        "batch_id": record.batch_id,
        "attempt": attempt,
        "run_id": run_id,
        "custom_id": detail.custom_id,
        "cached": cached,
        "detail": {each.name: getattr(detail, each.name) for each in fields(detail) if each.name not in _TOLD},
    }
    if record.label is not None:
        line["label"] = record.label
    option = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_APPEND_NEWLINE
    try:
        return orjson.dumps(line, default=_compact, option=option)
    except TypeError:  # half an emoji, a number of more than 64 bits
        return orjson.dumps(_tame(line), default=_compact, option=option)


def _result(outcome: Outcome[Any]) -> Any:
    """The answer's JSON as it was validated; a line end can only stand between its values."""
    if not isinstance(outcome, Succeeded):
        return None
    if outcome.answer is None:
        return outcome.result
    return orjson.Fragment(outcome.answer.replace("\n", " ").replace("\r", " ").encode(errors="replace"))


def _tame(value: Any) -> Any:
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case bool() | float() | None | orjson.Fragment():
            return value
        case int():
            return value if abs(value) < 1 << 63 else orjson.Fragment(str(value))
        case Mapping():
            return {_tame(name): _tame(each) for name, each in value.items()}
        case list() | tuple():
            return [_tame(each) for each in value]
        case _:
            return _tame(_compact(value))


def _compact(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: each for name, each in asdict(value).items() if each is not None}
    return str(value)


def read_line(line: bytes, response_model: Any = None) -> Processed[Any]:
    """The line as an object. Raises InputError when the result is none of `response_model`."""
    try:
        return _line_model(response_model).model_validate_json(line)
    except ValidationError as error:
        try:
            known = _line_model(None).model_validate_json(line)
        except ValidationError:
            raise ResultsError(f"it is no line of results: {line[:120]!r}") from error
        what = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, what["loc"]))
        raise InputError(
            f"the result of item {known.index} is no {getattr(response_model, '__name__', response_model)}: "
            f"{where}: {what['msg']}. Give the response model that the run was made with"
        ) from error


def record_from(line: Processed[T]) -> Record[T]:
    """The record that the line was made of."""
    known = {"custom_id": line.custom_id, **line.detail}
    if line.usage is not None:
        known["usage"] = line.usage
    if line.outcome == "succeeded":
        known |= {"result": line.result, "citations": line.citations}
    return Record(
        index=line.index,
        source=line.source,
        outcome=line.outcome,
        result=line.result,
        citations=line.citations,
        usage=line.usage,
        cost=line.cost,
        reason=line.reason,
        batch_id=line.batch_id,
        detail=_OUTCOMES[line.outcome](**known),
        label=line.label,
    )


def _line_model(response_model: Any) -> type[Processed[Any]]:
    return _cached_model(response_model if isinstance(response_model, Hashable) else Any)


@lru_cache(maxsize=64)
def _cached_model(response_model: Any) -> type[Processed[Any]]:
    wanted = Any if response_model is None else response_model | None
    return cast("type[Processed[Any]]", create_model("Line", __base__=Processed, result=(wanted, None)))
