"""The rows of a table, and which of its columns are wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batchata.errors import InputError

_SHOWN = 20
_ONE_CELL = ". Its first line came out as one cell: say with `delimiter` what parts the cells"


@dataclass(frozen=True, slots=True)
class Row:
    """The values of a row by column, or why it has none. `number` is what a reader finds it by: its line in a CSV file,
    its number from 1 in a Parquet file.
    """

    number: int
    values: Mapping[str, str]
    problem: str | None = None


def column_places(wanted: Sequence[str], names: Sequence[str], place: str, *, is_csv: bool = False) -> dict[str, int]:
    """Where the wanted columns are. Raises InputError for one that is not there, or is there twice."""
    missing = [name for name in wanted if name not in names]
    if missing:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        has = ", ".join(names[:_SHOWN]) + more if names else "none"
        hint = _ONE_CELL if is_csv and len(names) == 1 and any(name in names[0] for name in missing) else ""
        raise InputError(f"{place} has no column {', '.join(missing)}; it has {has} (nothing was sent){hint}")
    twice = [name for name in wanted if names.count(name) > 1]
    if twice:
        raise InputError(f"{place} has {names.count(twice[0])} columns named {twice[0]}; rename all but one")
    return {name: names.index(name) for name in wanted}
