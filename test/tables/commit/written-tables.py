"""Checks tables of ours by PyIceberg and fastavro, from their metadata files alone.

Argument: a JSON file {tables: {name: metadata location}, repack: folder, summaries: folder}.
Prints one JSON object:
  rows       {table: sorted rows as canonical texts}
  problems   what PyIceberg finds wrong: partitions, statistics, counts, unreadable manifests
  repacked   {path of a manifest of ours: the same as fastavro writes it}
  summaries  {operation: snapshot summary} of PyIceberg's own commits
"""

import datetime
import json
import os
import sys
from decimal import Decimal
from urllib.parse import unquote, urlparse

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import EqualTo, GreaterThanOrEqual
from pyiceberg.io.pyarrow import (
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    parquet_path_to_id_mapping,
)
from pyiceberg.manifest import DataFileContent
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import StaticTable
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import LongType, NestedField, StringType

with open(sys.argv[1]) as file:
    request = json.load(file)
problems = []


def local(location):
    return unquote(urlparse(location).path)


def canonical(value):
    """One text for a value, the same that the engine's own is turned into."""
    if value is None:
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, datetime.datetime):
        return value.replace(tzinfo=None).isoformat(timespec="microseconds")
    if isinstance(value, datetime.time):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: canonical(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [canonical(each) for each in value]
    if isinstance(value, list):
        return [canonical(each) for each in value]
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def arrow_rows(rows):
    texts = []
    for row in rows.to_pylist():
        texts.append(json.dumps({name: canonical(value) for name, value in row.items()}))
    return sorted(texts)


def internal(value):
    """A partition value as the transforms of PyIceberg leave it in arrow."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return (value - datetime.date(1970, 1, 1)).days
    return value


def check_partition(where, table, data_file, columns):
    spec = table.specs()[data_file.spec_id]
    for index, field in enumerate(spec.fields):
        source = table.schema().find_field(field.source_id)
        name = str(field.transform)
        told = data_file.partition[index]
        if name == "void":
            found = {None}
        else:
            column = columns.column(source.name)
            if pa.types.is_fixed_size_binary(column.type) or name == "identity":
                if name == "identity":
                    found = {internal(value) for value in column.to_pylist()}
                    told = internal(told)
                    found = {canonical(value) for value in found}
                    told = canonical(told)
                    if str(source.field_type) in ("timestamp", "timestamptz", "time", "uuid"):
                        continue
                else:
                    continue
            else:
                change = field.transform.pyarrow_transform(source.field_type)
                changed = change(column.combine_chunks())
                if pa.types.is_date(changed.type):
                    changed = changed.cast(pa.int32())
                found = set(changed.to_pylist())
        if found != {told}:
            problems.append(f"{where}: {field.name} {name} is {told!r}, not {found!r}")


def check_statistics(where, table, data_file, metadata):
    """Against what PyIceberg itself would say of the same file in the same table."""
    told = data_file_statistics_from_parquet_metadata(
        parquet_metadata=metadata,
        stats_columns=compute_statistics_plan(table.schema(), table.properties),
        parquet_column_mapping=parquet_path_to_id_mapping(table.schema()),
    )
    pairs = [
        ("sizes", data_file.column_sizes, told.column_sizes),
        ("value counts", data_file.value_counts, told.value_counts),
        ("null counts", data_file.null_value_counts, told.null_value_counts),
    ]
    for name, ours, theirs in pairs:
        if dict(ours or {}) != dict(theirs or {}):
            problems.append(f"{where}: {name} {ours} != {theirs}")
    serialized = told.to_serialized_dict()
    for name in ("lower_bounds", "upper_bounds"):
        ours = dict(getattr(data_file, name) or {})
        theirs = dict(serialized.get(name) or {})
        kinds = {i: str(table.schema().find_type(i)) for i in set(ours) | set(theirs)}
        # Ours are wider for what readers order in two ways; theirs know no members of structs.
        top = {field.field_id for field in table.schema().fields}
        skipped = {i for i, kind in kinds.items() if kind in ("uuid", "float", "double")
                   or i not in top}
        differing = {i for i in set(ours) | set(theirs)
                     if i not in skipped and ours.get(i) != theirs.get(i)}
        if differing:
            problems.append(
                f"{where}: {name} of {[(i, kinds[i], ours.get(i), theirs.get(i)) for i in differing]}"
            )
    if data_file.split_offsets is not None:
        if list(data_file.split_offsets) != list(told.split_offsets):
            problems.append(f"{where}: split offsets {data_file.split_offsets}")


def field_ids(schema, ids):
    if isinstance(schema, list):
        for branch in schema:
            field_ids(branch, ids)
    elif isinstance(schema, dict):
        for field in schema.get("fields", []):
            ids.append(field.get("field-id"))
            field_ids(field["type"], ids)
        if "items" in schema:
            field_ids(schema["items"], ids)
    return ids


def read_avro(path):
    with open(local(path), "rb") as stream:
        reader = fastavro.reader(stream)
        records = list(reader)
        if None in field_ids(reader.writer_schema, []):
            problems.append(f"{path}: a field has no id")
        return reader.writer_schema, reader.metadata, records


def without_ids(schema):
    if isinstance(schema, list):
        return [without_ids(branch) for branch in schema]
    if isinstance(schema, dict):
        return {
            key: without_ids(value)
            for key, value in schema.items()
            if key not in ("field-id", "element-id")
        }
    return schema


def repack(path, schema, metadata, records, keeps_ids):
    """The same manifest as another writer makes it: zstandard, with or without field ids."""
    kept = {key: value for key, value in metadata.items()
            if not key.startswith("avro.") and not key.startswith("sluice.")}
    target = os.path.join(request["repack"], f"{keeps_ids}-{os.path.basename(path)}")
    parsed = fastavro.parse_schema(schema if keeps_ids else without_ids(schema))
    with open(target, "wb") as stream:
        fastavro.writer(stream, parsed, records, codec="zstandard", metadata=kept)
    return target


def check_table(name, location):
    table = StaticTable.from_metadata(location)
    snapshot = table.current_snapshot()
    _, _, manifest_records = read_avro(snapshot.manifest_list)
    manifests = snapshot.manifests(table.io)
    if len(manifest_records) != len(manifests):
        problems.append(f"{name}: fastavro finds {len(manifest_records)} manifests")
    repacked = {}
    for manifest in manifests:
        if os.path.getsize(local(manifest.manifest_path)) != manifest.manifest_length:
            problems.append(f"{name}: {manifest.manifest_path} is not {manifest.manifest_length}")
        schema, metadata, records = read_avro(manifest.manifest_path)
        entries = manifest.fetch_manifest_entry(table.io, discard_deleted=False)
        if len(records) != len(entries):
            problems.append(f"{name}: fastavro finds {len(records)} of {len(entries)} entries")
        repacked[manifest.manifest_path] = [
            repack(manifest.manifest_path, schema, metadata, records, keeps)
            for keeps in (True, False)
        ]
        for entry in entries:
            file = entry.data_file
            if entry.status == 2 or file.content != DataFileContent.DATA:
                continue
            where = f"{name} {file.file_path}"
            parquet = pq.ParquetFile(local(file.file_path))
            if (file.file_size_in_bytes, file.record_count) != (
                os.path.getsize(local(file.file_path)), parquet.metadata.num_rows):
                problems.append(f"{where}: size or rows")
            if len(table.spec().fields) > 0:
                check_partition(where, table, file, parquet.read())
            # PyIceberg does not know the columns of moved rows as columns of a file.
            if "_row_id" not in parquet.schema_arrow.names:
                check_statistics(where, table, file, parquet.metadata)
    return arrow_rows(table.scan().to_arrow()), repacked


def own_summaries():
    """PyIceberg's summaries of an append, an overwrite and deletes of whole and partial files."""
    folder = request["summaries"]
    catalog = SqlCatalog("own", uri=f"sqlite:///{folder}/own.db", warehouse=f"file://{folder}")
    catalog.create_namespace("db")
    schema = Schema(
        NestedField(1, "id", LongType(), required=False),
        NestedField(2, "part", StringType(), required=False),
    )
    spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "part"))
    table = catalog.create_table("db.t", schema, partition_spec=spec,
                                 properties={"write.summary.partition-limit": "10"})

    def rows(ids, part):
        return pa.table({"id": pa.array(ids, pa.int64()), "part": [part] * len(ids)})

    summaries = {}

    def note(name):
        table.refresh()
        summary = table.current_snapshot().summary
        summaries[name] = {"operation": summary.operation.value, **summary.additional_properties}

    table.append(pa.concat_tables([rows([1, 2, 3], "a"), rows([4, 5], "b")]))
    note("append")
    table.delete(EqualTo("part", "a"))
    note("delete whole")
    table.delete(GreaterThanOrEqual("id", 5))
    note("delete part")
    return summaries


answer = {"rows": {}, "repacked": {}}
for table_name, location in request["tables"].items():
    answer["rows"][table_name], answer["repacked"][table_name] = check_table(table_name, location)
answer["summaries"] = own_summaries()
answer["problems"] = problems
print(json.dumps(answer))
