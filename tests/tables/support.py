"""What is read from a table, as what was written into it."""

import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from batchata import Citation
from batchata.core.outcomes import Succeeded
from batchata.core.records import record_of
from batchata.tables.arrow import write_parquet
from batchata.tables.gathering import Description

USAGE = {"input_tokens": 10, "output_tokens": 5}


def record(index, result, citations=None, cost="0.0001"):
    outcome = Succeeded(custom_id=f"run-{index}", model="claude-haiku-5-5", usage=USAGE, result=result,
                        citations=citations)  # fmt: skip
    return record_of(outcome, index, f"in/{index}.pdf", "msgbatch_1", None if cost is None else Decimal(cost))


def parquet_of(records, response_model=None, **described):
    sink = pa.BufferOutputStream()
    assert write_parquet(iter(records), Description(response_model, **described), sink).rows == len(records)
    return pq.read_table(pa.BufferReader(sink.getvalue()))


def plainly(field, value):
    """A value of a column, with the JSON in it read."""
    if value is None:
        return None
    if (field.metadata or {}).get(b"batchata") == b"json":
        return json.loads(value)
    if pa.types.is_struct(field.type):
        return {each.name: plainly(each, value[each.name]) for each in field.type.fields}
    if pa.types.is_list(field.type):
        return [plainly(field.type.value_field, each) for each in value]
    return value


def column(table, name):
    field = table.schema.field(name)
    return [plainly(field, value) for value in table.column(name).to_pylist()]


def citations_of(entries):
    """What the entries of a row were made of."""
    if entries is None:
        return None
    if all(each["field"] is None for each in entries):
        return [Citation(**{name: each[name] for name in each if name != "field"}) for each in entries]
    found: dict[str, Any] = {each["field"]: [] for each in entries}
    for each in entries:
        if each.get("cited_text") is not None:
            found[each["field"]].append(Citation(**{name: each[name] for name in each if name != "field"}))
    return found
