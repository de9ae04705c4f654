"""CSV -> rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO

from batchata.core.columns import Row, column_places
from batchata.core.encoding import MAX_ITEM_BYTES
from batchata.errors import InputError

_DELIMITERS = (",", ";", "\t", "|")
_HEAD = 65_536


def csv_rows(file: IO[bytes], wanted: Sequence[str], delimiter: str | None, place: str) -> Iterator[Row]:
    """The first line names the columns; lines that hold nothing are passed over. Raises InputError."""
    if delimiter is not None and len(delimiter) != 1:
        raise InputError(f"`delimiter` is {delimiter!r}; it must be one character")
    csv.field_size_limit(max(csv.field_size_limit(), MAX_ITEM_BYTES))  # a cell may be a whole letter
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        names = _header(text.read(_HEAD), wanted, [delimiter] if delimiter else _DELIMITERS)
        text.seek(0)
        yield from _rows(text, column_places(wanted, names.columns, place, is_csv=True), names, place)
    except UnicodeDecodeError as error:
        raise InputError(f"{place} is not UTF-8 text ({error}); save it as CSV in UTF-8") from error
    finally:
        text.detach()  # whoever opened the file closes it


class _Header:
    def __init__(self, head: str, delimiter: str) -> None:
        self.delimiter = delimiter
        first = next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), [])
        self.columns = [name.strip() for name in first]


def _header(head: str, wanted: Sequence[str], delimiters: Iterable[str]) -> _Header:
    """The way to read the first line that finds what is wanted; of several the one with the most columns."""
    ways = [_Header(head, each) for each in delimiters]
    return max(ways, key=lambda way: (sum(name in way.columns for name in wanted), len(way.columns)))


def _rows(text: Iterable[str], places: Mapping[str, int], header: _Header, place: str) -> Iterator[Row]:
    reader = csv.reader(text, delimiter=header.delimiter, strict=True)
    number = 1
    try:
        next(reader, None)
        number = reader.line_num + 1
        for cells in reader:
            if cells:
                yield _row(number, cells, places, len(header.columns))
            number = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"the row that begins in line {number} of {place} cannot be read: {error}") from error


def _row(number: int, cells: Sequence[str], places: Mapping[str, int], width: int) -> Row:
    if len(cells) > width:
        return Row(
            number, {}, f"it has {len(cells)} cells, and there are {width} columns: is a cell in need of quotes?"
        )
    lacking = [name for name, at in places.items() if at >= len(cells)]
    if lacking:
        return Row(number, {}, f"it has {len(cells)} of {width} cells: no {', '.join(lacking)}")
    return Row(number, {name: cells[at] for name, at in places.items()})
