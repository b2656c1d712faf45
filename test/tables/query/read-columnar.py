"""Every row of an Arrow stream or file, or of a Parquet file, as a line of JSON; the schema first."""

import json
import struct
import sys

import pyarrow as pa
import pyarrow.parquet as pq


def open_table(kind, path):
    if kind == "parquet":
        return pq.read_table(path)
    source = pa.memory_map(path)
    return (pa.ipc.open_file(source) if kind == "file" else pa.ipc.open_stream(source)).read_all()


def plain(kind):
    """Times as their integers, so that Python's own datetimes do not decide what fits."""
    if pa.types.is_timestamp(kind) or pa.types.is_time64(kind):
        return pa.int64()
    if pa.types.is_date32(kind):
        return pa.int32()
    return None


def show(value):
    if isinstance(value, float):
        return "NaN" if value != value else struct.pack(">d", value).hex()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {name: show(member) for name, member in value.items()}
    if isinstance(value, tuple):
        return [show(member) for member in value]
    if isinstance(value, list):
        return [show(member) for member in value]
    return format(value, "f") if hasattr(value, "as_tuple") else str(value)


for argument in sys.argv[1:]:
    kind, path = argument.split(":", 1)
    table = open_table(kind, path)
    table.validate(full=True)
    columns = []
    for field, column in zip(table.schema, table.columns):
        target = plain(field.type)
        columns.append((column if target is None else column.cast(target)).to_pylist())
    print(json.dumps([[field.name, str(field.type)] for field in table.schema]))
    print(json.dumps([[show(value) for value in row] for row in zip(*columns)]))
