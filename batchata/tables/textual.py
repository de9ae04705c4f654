"""Tables as text: JSON Lines and CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import IO, Any

from batchata.core.cells import Column, json_text, spreadsheet_cell
from batchata.core.records import Record
from batchata.core.rows import Written
from batchata.core.shapes import TEXT
from batchata.tables.gathering import Description, gathered


def write_json_lines(records: Iterable[Record[Any]], description: Description, file: IO[bytes]) -> Written:
    """One object a line, nested as the results are. Decimals, dates and times are text, as Pydantic has them."""
    with gathered(records, description) as table:
        for row in table.rows():
            file.write(json_text(row).encode() + b"\n")
        return table.written


def write_csv(records: Iterable[Record[Any]], description: Description, file: IO[bytes]) -> Written:
    """UTF-8 with line feeds, one column a field. See `spreadsheet_cell` for what a cell is."""
    with gathered(records, description) as table:
        columns = table.columns(flat=True)
        file.write(_csv_line(spreadsheet_cell(TEXT, each.name) for each in columns))
        for row in table.rows():
            file.write(_csv_line(_cells(columns, row)))
        return table.written


def _cells(columns: Iterable[Column], row: dict[str, Any]) -> Iterator[str]:
    return (spreadsheet_cell(each.shape, each.of(row)) for each in columns)


def _csv_line(cells: Iterable[str]) -> bytes:
    """Not through the csv module: that of Python 3.11 writes null and an empty text alike."""
    return ",".join(cells).encode() + b"\n"
