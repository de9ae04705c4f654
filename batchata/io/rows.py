"""Rows of a CSV or Parquet file and a template -> conversations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import IO

from batchata.core.columns import Row
from batchata.core.items import Item
from batchata.core.templates import Template, template_of
from batchata.errors import InputError, Problem
from batchata.io.csvrows import csv_rows
from batchata.io.listing import opened
from batchata.io.parquetrows import MAGIC, parquet_rows
from batchata.io.paths import PathOrUrl


def read_rows(
    place: PathOrUrl, template: str, *, id_column: str | None = None, delimiter: str | None = None
) -> list[Item]:
    """One conversation for each row of a CSV or Parquet file: the template, filled in with the row's values.

    `"Classify: {subject} {body}"` names columns; `{{` and `}}` are braces. An item is called `mails.csv:17` after its
    line (in a Parquet file after its row, from 1), or by what stands in `id_column`. The first line of a CSV file names
    its columns; its delimiter is the one of `,` `;` tab `|` with which it has the columns that are wanted, unless it is
    given. A cell without anything in it is empty text; one that is not there, or is null, is missing.

    Raises InputError that names every row that lacks a value, and for a column that is not there; StorageError.
    """
    parsed = template_of(template)
    if not parsed.columns:
        raise InputError("the `template` names no column, so that every row would ask the same; write {column}")
    wanted = list(dict.fromkeys([*parsed.columns, *([] if id_column is None else [id_column])]))
    with opened(place) as file:
        return _items(str(place), _rows(file, wanted, delimiter, str(place)), parsed, id_column)


def _rows(file: IO[bytes], wanted: Sequence[str], delimiter: str | None, place: str) -> Iterator[Row]:
    is_parquet = file.read(len(MAGIC)) == MAGIC
    file.seek(0)
    return parquet_rows(file, wanted, place) if is_parquet else csv_rows(file, wanted, delimiter, place)


def _items(place: str, rows: Iterable[Row], template: Template, id_column: str | None) -> list[Item]:
    name = PurePosixPath(place).name
    items: list[Item] = []
    problems: list[Problem] = []
    first: dict[str, int] = {}
    for row in rows:
        reason = row.problem or _name_problem(row, id_column, first)
        text = "" if reason else template.filled(row.values)
        if not text.strip():
            problems.append(Problem(f"{name}:{row.number}", reason or "filled in with it, the template is empty"))
            continue
        source = f"{name}:{row.number}" if id_column is None else row.values[id_column].strip()
        items.append(Item([{"role": "user", "content": text}], source=source))
    if problems:
        raise InputError.of_items(problems, len(items) + len(problems))
    if not items:
        raise InputError(f"{place} has no rows")
    return items


def _name_problem(row: Row, id_column: str | None, first: dict[str, int]) -> str | None:
    """Why the row has no name of its own; `first` are the names so far."""
    if id_column is None:
        return None
    name = row.values[id_column].strip()
    if not name:
        return f"its {id_column} is empty"
    known = first.setdefault(name, row.number)
    return None if known == row.number else f"its {id_column} {name!r} is that of row {known} too"
