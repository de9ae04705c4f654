"""Tables as Arrow: Parquet files, data frames. Nothing here is imported without pyarrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from batchata.core.cells import Column, typed
from batchata.core.records import Record
from batchata.core.shapes import MOST_DIGITS, Json, ListOf, Scalar, ScalarKind, Shape, Struct
from batchata.errors import InputError
from batchata.tables.gathering import Description, Row, Table, gathered

if TYPE_CHECKING:
    import pyarrow as pa

_IS_JSON = {"batchata": "json"}
"""Metadata of a text column whose texts are JSON."""


def check_pyarrow() -> None:
    """Raises InputError when it is not installed."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise InputError(
            f'this takes pyarrow, which is not installed ({error}): pip install "batchata[parquet]"'
        ) from error


def write_parquet(records: Iterable[Record[Any]], description: Description, file: IO[bytes]) -> int:
    """Nested columns, some thousand rows a row group."""
    from pyarrow import parquet

    with gathered(records, description) as table:
        columns = table.columns(flat=False)
        schema = schema_of(columns)
        with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in batches(table, columns, schema):
                writer.write_batch(batch)
        return table.count


def arrow_table(records: Iterable[Record[Any]], description: Description, *, flat: bool) -> pa.Table:
    """All of it in memory."""
    import pyarrow as pa

    with gathered(records, description) as table:
        columns = table.columns(flat=flat)
        schema = schema_of(columns)
        return pa.Table.from_batches(batches(table, columns, schema), schema)


def batches(table: Table, columns: Sequence[Column], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a table, some thousand at a time."""
    import pyarrow as pa

    for chunk in table.chunks():
        arrays = [pa.array(_values(each, chunk), kind) for each, kind in zip(columns, schema.types, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def schema_of(columns: Iterable[Column]) -> pa.Schema:
    """The Arrow schema of these columns. All may be null."""
    import pyarrow as pa

    return pa.schema([_field(each.name, each.shape) for each in columns])


def _values(column: Column, rows: Iterable[Row]) -> list[Any]:
    return [typed(column.shape, column.of(row)) for row in rows]


def _field(name: str, shape: Shape) -> pa.Field[Any]:
    import pyarrow as pa

    return pa.field(name, _type(shape), metadata=_IS_JSON if isinstance(shape, Json) else None)


def _type(shape: Shape) -> pa.DataType:
    import pyarrow as pa

    match shape:
        case Json():
            return pa.string()
        case ListOf():
            return pa.list_(_field("element", shape.element))
        case Struct():
            return pa.struct([_field(name, each) for name, each in shape.fields.items()])
        case Scalar():
            return _scalar_type(shape.kind, shape.scale)


def _scalar_type(kind: ScalarKind, scale: int) -> pa.DataType:
    import pyarrow as pa

    match kind:
        case "bool":
            return pa.bool_()
        case "int":
            return pa.int64()
        case "bigint" | "decimal":
            return pa.decimal128(MOST_DIGITS, scale)
        case "float":
            return pa.float64()
        case "date":
            return pa.date32()
        case "time":
            return pa.time64("us")
        case "instant":
            return pa.timestamp("us", tz="UTC")
        case "moment" | "datetime":
            return pa.timestamp("us")
        case "text" | "unknown":
            return pa.string()
