"""Reads every table of a served lake at several states and says what is there.

Argument: a JSON file {url, states: {state: {table: snapshot id as text}}}. Prints one JSON object
{schemas, reads: {state: {table: ...}}, problems: [...]}. A problem is a bound, count, partition or
size in a manifest that the files contradict.
"""

import hashlib
import json
import os
import sys
from urllib.parse import unquote, urlparse

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.conversions import from_bytes
from pyiceberg.expressions import AlwaysTrue, GreaterThanOrEqual, IsNull, LessThan
from pyiceberg.manifest import DataFileContent
from pyiceberg.types import DecimalType, DoubleType, LongType, StringType, TimestamptzType

PATH_ID, POSITION_ID = 2147483546, 2147483545
DELETE_TYPES = {PATH_ID: StringType(), POSITION_ID: LongType()}

with open(sys.argv[1]) as file:
    request = json.load(file)
catalog = RestCatalog("sluice", uri=request["url"])
problems = []
parquet_columns = {}


def comparable(column):
    """The column's values as the bounds decode: timestamps are microseconds."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return column.to_pylist()


def canonical(value):
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:f}" if hasattr(value, "as_tuple") else str(value)


def digest(rows, doubles):
    """Sum of the first 60 bits of md5 over each row's text: hangs on no order."""
    columns = [comparable(rows.column(name)) for name in rows.column_names if name not in doubles]
    total = 0
    for row in zip(*columns):
        text = "|".join(canonical(value) for value in row)
        total += int(hashlib.md5(text.encode()).hexdigest()[:15], 16)
    return str(total)


def sums(rows, schema):
    found = {}
    for field in schema.fields:
        if isinstance(field.field_type, (DecimalType, LongType)):
            total = pc.sum(rows.column(field.name).cast(pa.decimal128(38, 0))
                           if isinstance(field.field_type, LongType)
                           else rows.column(field.name)).as_py()
            found[field.name] = None if total is None else f"{total:f}"
    return found


def read_file(path):
    """Columns of a Parquet file by field id, read once."""
    if path not in parquet_columns:
        local = unquote(urlparse(path).path)
        table = pq.ParquetFile(local).read()
        parquet_columns[path] = (
            os.path.getsize(local),
            table.num_rows,
            {
                int(field.metadata[b"PARQUET:field_id"]): comparable(table.column(index))
                for index, field in enumerate(table.schema)
            },
        )
    return parquet_columns[path]


def check_column(where, field_type, values, file, field_id):
    present = [value for value in values if value is not None]
    nulls = (file.null_value_counts or {}).get(field_id)
    if nulls is not None and nulls != len(values) - len(present):
        problems.append(f"{where}: null count {nulls}")
    counts = (file.value_counts or {}).get(field_id)
    if counts is not None and counts != len(values):
        problems.append(f"{where}: value count {counts}")
    for bounds, holds, name in (
        (file.lower_bounds, lambda bound: bound <= min(present), "lower"),
        (file.upper_bounds, lambda bound: bound >= max(present), "upper"),
    ):
        raw = (bounds or {}).get(field_id)
        if raw is not None and present and not holds(from_bytes(field_type, raw)):
            problems.append(f"{where}: {name} bound {raw!r}")
    return len([bounds for bounds in (file.lower_bounds, file.upper_bounds)
                if bounds is not None and field_id in bounds])


def check_file(table, file):
    size, row_count, columns = read_file(file.file_path)
    where = f"{table.name()} {file.file_path}"
    if (file.file_size_in_bytes, file.record_count) != (size, row_count):
        problems.append(f"{where}: {file.file_size_in_bytes} bytes, {file.record_count} rows")
    is_data = file.content == DataFileContent.DATA
    types = {field.field_id: field.field_type for field in table.schema().fields}
    if set(columns) != set(types if is_data else DELETE_TYPES):
        problems.append(f"{where}: field ids {sorted(columns)}")
    bound_count = sum(
        check_column(f"{where} field {field_id}", (types if is_data else DELETE_TYPES)[field_id],
                     values, file, field_id)
        for field_id, values in columns.items()
    )
    if is_data:
        for index, field in enumerate(table.spec().fields):
            transform = field.transform.transform(types[field.source_id])
            if {transform(value) for value in columns[field.source_id]} != {file.partition[index]}:
                problems.append(f"{where}: partition {file.partition}")
    return bound_count


def check_manifest(table, manifest, entries):
    where = f"{table.name()} {manifest.manifest_path}"
    by_status = [[e.data_file.record_count for e in entries if e.status == s] for s in (0, 1, 2)]
    told = [
        (manifest.existing_files_count, manifest.existing_rows_count),
        (manifest.added_files_count, manifest.added_rows_count),
        (manifest.deleted_files_count, manifest.deleted_rows_count),
    ]
    if [(len(records), sum(records)) for records in by_status] != told:
        problems.append(f"{where}: counts {told}")
    for index, field in enumerate(table.spec().partition_type(table.schema()).fields):
        summary = manifest.partitions[index]
        low = from_bytes(field.field_type, summary.lower_bound)
        high = from_bytes(field.field_type, summary.upper_bound)
        if not all(low <= e.data_file.partition[index] <= high for e in entries):
            problems.append(f"{where}: partitions {low} to {high}")


def check_snapshot(table, snapshot):
    data, deletes, bound_count = 0, 0, 0
    for manifest in snapshot.manifests(table.io):
        entries = manifest.fetch_manifest_entry(table.io, discard_deleted=False)
        check_manifest(table, manifest, entries)
        for entry in entries:
            if entry.status == 2:
                continue
            bound_count += check_file(table, entry.data_file)
            if entry.data_file.content == DataFileContent.DATA:
                data += 1
            else:
                deletes += 1
    inspected = table.inspect.files(snapshot.snapshot_id).num_rows
    if inspected != data + deletes:
        problems.append(f"{table.name()}: inspect.files has {inspected} of {data + deletes}")
    return {"data_files": data, "delete_files": deletes, "has_bounds": bound_count > 0}


def check_pruning(table, snapshot_id, rows):
    """Filters, by which files are left out, and the same rows without a filter."""
    for field in table.schema().fields:
        values = rows.column(field.name)
        if isinstance(field.field_type, (TimestamptzType, StringType, LongType)):
            present = values.drop_null()
            if len(present) == 0:
                continue
            if pa.types.is_timestamp(present.type):
                middle = pc.sort_indices(present)[len(present) // 2].as_py()
                pivot = present[middle].as_py()
                literal = pivot.isoformat()
            else:
                pivot = sorted(present.to_pylist())[len(present) // 2]
                literal = pivot
            parts = [GreaterThanOrEqual(field.name, literal), LessThan(field.name, literal)]
            if not field.required:
                parts.append(IsNull(field.name))
            counts = [count(table, snapshot_id, part) for part in parts]
            at_least = pc.sum(pc.greater_equal(values, pa.scalar(pivot, values.type))).as_py()
            if counts[0] != at_least or sum(counts) != rows.num_rows:
                problems.append(f"{table.name()} {field.name} {literal}: {counts}, not {at_least}")


def count(table, snapshot_id, row_filter=AlwaysTrue()):
    return table.scan(row_filter, snapshot_id=snapshot_id).to_arrow().num_rows


def read(name, snapshot_id, with_pruning):
    table = catalog.load_table(name)
    snapshot = table.snapshot_by_id(snapshot_id)
    rows = table.scan(snapshot_id=snapshot_id).to_arrow()
    schema = table.schema()
    doubles = [f.name for f in schema.fields if isinstance(f.field_type, DoubleType)]
    if with_pruning:
        check_pruning(table, snapshot_id, rows)
    return {
        **check_snapshot(table, snapshot),
        "operation": snapshot.summary.operation.value,
        "row_count": rows.num_rows,
        "sums": sums(rows, schema),
        "digest": digest(rows, doubles),
        "doubles": sorted(v for name in doubles for v in rows.column(name).to_pylist()
                          if v is not None),
    }


def describe(name):
    table = catalog.load_table(name)
    return {
        "columns": [[f.field_id, f.name, str(f.field_type), f.required, f.doc]
                    for f in table.schema().fields],
        "partition": [[f.source_id, f.name, str(f.transform)] for f in table.spec().fields],
        "sort": [[f.source_id, f.direction.value] for f in table.sort_order().fields],
        "doc": table.properties.get("comment"),
        "operations": sorted({s.summary.operation.value for s in table.snapshots()}),
    }


states = request["states"]
answer = {
    "schemas": {name: describe(name) for name in states["head"]},
    "reads": {
        state: {name: read(name, int(snapshot_id), state == "head")
                for name, snapshot_id in tables.items()}
        for state, tables in states.items()
    },
    "problems": problems,
}
print(json.dumps(answer))
