"""Tables as Arrow: Parquet files, data frames. Nothing here is imported without pyarrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any

from batchata.core.cells import Column, Convert, converter
from batchata.core.records import Record
from batchata.core.rows import Written
from batchata.core.shapes import MOST_DIGITS, Json, ListOf, Scalar, ScalarKind, Shape, Struct
from batchata.errors import InputError
from batchata.tables.gathering import Description, Row, Table, gathered

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_ROWS, GROUP_BYTES = 5_000, 16 << 20
"""What is a row group of a Parquet file, whichever comes first."""

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


def write_parquet(records: Iterable[Record[Any]], description: Description, file: IO[bytes]) -> Written:
    """Nested columns, some thousand rows a row group."""
    import pyarrow as pa
    from pyarrow import parquet

    with gathered(records, description) as table:
        columns = table.columns(flat=False)
        schema = schema_of(columns)
        with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            for group in _row_groups(_batches(table, columns, schema)):
                writer.write_table(pa.Table.from_batches(group, schema))
        return table.written


def arrow_table(records: Iterable[Record[Any]], description: Description, *, flat: bool) -> pa.Table:
    """All of it in memory."""
    import pyarrow as pa

    with gathered(records, description) as table:
        columns = table.columns(flat=flat)
        schema = schema_of(columns)
        return pa.Table.from_batches(_batches(table, columns, schema), schema)


def _row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    group: list[pa.RecordBatch] = []
    for batch in batches:
        group.append(batch)
        if sum(each.num_rows for each in group) >= GROUP_ROWS or sum(each.nbytes for each in group) >= GROUP_BYTES:
            yield group
            group = []
    if group:
        yield group


def _batches(table: Table, columns: Sequence[Column], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    converts = [converter(each.shape) for each in columns]
    for chunk in table.chunks():
        values = [_values(column, convert, chunk) for column, convert in zip(columns, converts, strict=True)]
        arrays = [pa.array(each, kind) for each, kind in zip(values, schema.types, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def schema_of(columns: Iterable[Column]) -> pa.Schema:
    """The Arrow schema of these columns. All may be null."""
    import pyarrow as pa

    return pa.schema([_field(each.name, each.shape) for each in columns])


def _values(column: Column, convert: Convert | None, rows: Iterable[Row]) -> list[Any]:
    found = map(column.of, rows)
    return list(found) if convert is None else [None if each is None else convert(each) for each in found]


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
