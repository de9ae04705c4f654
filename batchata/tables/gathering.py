"""Records of any number as a table whose columns are known, in bounded memory: they wait in a file meanwhile."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from batchata.core.cells import Column, columns_of
from batchata.core.declared import declared_shape
from batchata.core.records import Record
from batchata.core.rows import Written, pages_of, row_of, row_shape, row_to_widen, with_pages
from batchata.core.shapes import Shape, Struct, finished
from batchata.core.widening import widened

Row = dict[str, Any]

MOST_ROWS, MOST_BYTES = 500, 1 << 20
"""What is in memory at a time."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
"""That of the standard library writes NaN and numbers of any length so that it reads them again."""


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of records before they are read: their response model, and whether citations were asked for."""

    response_model: Any = None
    citations: bool = False


class Table:
    """Rows of plain JSON and the shape that holds them all."""

    def __init__(self, shape: Struct, written: Written, file: IO[bytes]) -> None:
        self.shape = shape
        self.written = written
        self._file = file

    def columns(self, *, flat: bool) -> list[Column]:
        """Nested as the results are, or flat: each field of an object a column, named by its path."""
        return columns_of(self.shape, flat=flat)

    def rows(self) -> Iterator[Row]:
        """In the order of the records. Memory holds one at a time."""
        return (self._whole(line) for line in self._lines())

    def chunks(self) -> Iterator[list[Row]]:
        """Some hundred rows at a time."""
        chunk: list[Row] = []
        size = 0
        for line in self._lines():
            chunk.append(self._whole(line))
            size += len(line)
            if len(chunk) >= MOST_ROWS or size >= MOST_BYTES:
                yield chunk
                chunk, size = [], 0
        if chunk:
            yield chunk

    def _lines(self) -> Iterator[bytes]:
        self._file.seek(0)
        return iter(self._file)

    def _whole(self, line: bytes) -> Row:
        row = json.loads(line)
        if "page" in self.shape.fields:
            row["page"] = pages_of(self.shape.fields["result"], row["result"], row["citations"])
        return {name: row[name] for name in self.shape.fields}


@contextmanager
def gathered(records: Iterable[Record[Any]], description: Description) -> Iterator[Table]:
    """Reads all records, so that the shape is known, and gives them back as a table. Raises OSError."""
    shape: Shape = row_shape(declared_shape(description.response_model))
    count, errors, cited = 0, 0, description.citations
    with tempfile.TemporaryFile(prefix="batchata-") as file:
        for record in records:
            row = row_of(record)
            shape = widened(shape, row_to_widen(row))
            cited = cited or row["citations"] is not None
            file.write(_line(row))
            count += 1
            errors += row["export_error"] is not None
        yield Table(_finished(shape, cited=cited), Written(count, errors), file)


def _finished(shape: Shape, *, cited: bool) -> Struct:
    done = finished(shape)
    if not isinstance(done, Struct):
        raise TypeError(f"a row is an object and no {done}")
    if cited:
        return with_pages(done)
    return Struct({name: each for name, each in done.fields.items() if name != "citations"})


def _line(row: Row) -> bytes:
    return _ENCODER.encode(row).encode(errors="replace") + b"\n"  # half an emoji is no text
