"""Records as a data frame of pandas or polars, or as a table of pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, overload

from batchata.core.records import Record
from batchata.errors import InputError, OutputError
from batchata.tables.gathering import Description

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

Library = Literal["pandas", "polars", "arrow"]


@overload
def to_dataframe(
    records: Iterable[Record[Any]],
    response_model: Any = None,
    *,
    library: Literal["pandas"] = "pandas",
    flat: bool = False,
) -> pd.DataFrame: ...


@overload
def to_dataframe(
    records: Iterable[Record[Any]], response_model: Any = None, *, library: Literal["polars"], flat: bool = False
) -> pl.DataFrame: ...


@overload
def to_dataframe(
    records: Iterable[Record[Any]], response_model: Any = None, *, library: Literal["arrow"], flat: bool = False
) -> pa.Table: ...


def to_dataframe(
    records: Iterable[Record[Any]], response_model: Any = None, *, library: Library = "pandas", flat: bool = False
) -> Any:
    """One row a record, such as `outcomes()` of a job or a manager gives, with the columns of an exported Parquet file.

    `library` is "pandas" (with Arrow's own types, so that whole numbers with gaps stay whole), "polars" or "arrow" (a
    `pyarrow.Table`). With `flat` each field of a nested object is a column of its own: `result.vendor.name`.
    `response_model` gives the columns their types; without it they are as the values are. Raises InputError for a
    library that is not installed.
    """
    return frame_of(records, Description(response_model), library=library, flat=flat)


def frame_of(records: Iterable[Record[Any]], description: Description, *, library: Library, flat: bool) -> Any:
    """As `to_dataframe`."""
    convert = _converter(library)
    from batchata.tables.arrow import arrow_table

    try:
        return convert(arrow_table(records, description, flat=flat))
    except OSError as error:
        raise OutputError(f"the rows cannot be kept while they are read: {error}") from error


def _converter(library: str) -> Callable[[pa.Table], Any]:
    from batchata.tables.arrow import check_pyarrow

    if library not in _CONVERTERS:
        raise InputError(f"library is {library!r}; it is one of {', '.join(_CONVERTERS)}")
    check_pyarrow()
    try:
        return _CONVERTERS[library]()
    except ImportError as error:
        raise InputError(f'{library} is not installed ({error}): pip install "batchata[{library}]"') from error


def _pandas() -> Callable[[pa.Table], pd.DataFrame]:
    import pandas as pd

    return lambda table: table.to_pandas(types_mapper=pd.ArrowDtype)


def _polars() -> Callable[[pa.Table], Any]:
    import polars as pl

    return pl.from_arrow


def _arrow() -> Callable[[pa.Table], pa.Table]:
    return lambda table: table


_CONVERTERS: Mapping[str, Callable[[], Callable[[pa.Table], Any]]] = {
    "pandas": _pandas, "polars": _polars, "arrow": _arrow,
}  # fmt: skip
