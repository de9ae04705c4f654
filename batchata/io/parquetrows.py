"""Parquet -> rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import date, time
from typing import IO, Any

import orjson

from batchata.core.columns import Row, column_places
from batchata.errors import InputError

MAGIC = b"PAR1"
_AT_ONCE = 1_000


def parquet_rows(file: IO[bytes], wanted: Sequence[str], place: str) -> Iterator[Row]:
    """A thousand of them in memory at a time. Raises InputError."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise InputError(
            f'{place} is a Parquet file, and what reads it is not installed ({error}): pip install "batchata[parquet]"'
        ) from error
    try:
        table: Any = pq.ParquetFile(file)
        column_places(wanted, table.schema_arrow.names, place)
        number = 0
        for batch in table.iter_batches(batch_size=_AT_ONCE, columns=list(wanted)):
            for values in zip(*(batch.column(name).to_pylist() for name in wanted), strict=True):
                number += 1
                yield _row(number, dict(zip(wanted, values, strict=True)))
    except (pa.ArrowException, OSError, ValueError, OverflowError, LookupError) as error:  # a date of the year 275760
        raise InputError(f"{place} cannot be read as a Parquet file: {error}") from error


def _row(number: int, values: dict[str, Any]) -> Row:
    told = {name: _text(value) for name, value in values.items()}
    lacking = [name for name, text in told.items() if text is None]
    if lacking:
        binary = [name for name in lacking if isinstance(values[name], bytes)]
        reason = f"{', '.join(binary)} is binary, not text" if binary else f"it has no {', '.join(lacking)} (null)"
        return Row(number, {}, reason)
    return Row(number, {name: text for name, text in told.items() if text is not None})


def _text(value: Any) -> str | None:
    """None for what is missing, or cannot be told as text."""
    match value:
        case str():
            return value
        case None | bytes():
            return None
        case float() if math.isnan(value):
            return None  # what pandas writes for a number that is not there
        case date() | time():
            return value.isoformat()
        case list() | dict():
            return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        case _:
            return str(value)
