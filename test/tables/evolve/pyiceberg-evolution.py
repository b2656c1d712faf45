"""Reads tables that were evolved, and evolves one of its own.

Arguments: a JSON file {name: metadata location}, a folder for its own table. Prints one JSON
object: what PyIceberg sees in each table, and the metadata location of its own after each change.
"""

import json
import sys

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadataUtil
from pyiceberg.transforms import BucketTransform, DayTransform, HourTransform
from pyiceberg.types import (
    DecimalType,
    FloatType,
    IntegerType,
    ListType,
    LongType,
    NestedField,
    StringType,
    StructType,
    TimestamptzType,
)

with open(sys.argv[1]) as file:
    locations = json.load(file)
folder = sys.argv[2]


def shown(metadata):
    """The ids and types of all fields, nested ones too, and the partition fields."""
    schema = metadata.schema()
    names = sorted(
        (schema.find_column_name(field_id), field_id)
        for field_id in schema.field_ids
    )
    return {
        "version": metadata.format_version,
        "columns": [[name, field_id, type_text(schema, field_id)] for name, field_id in names],
        "order": [field.name for field in schema.fields],
        "identifier": sorted(schema.identifier_field_names()),
        "partition": [
            [field.name, field.field_id, field.source_id, str(field.transform)]
            for field in metadata.spec().fields
        ],
        "sort": [
            [field.source_id, str(field.transform), field.direction.value, field.null_order.value]
            for field in metadata.sort_order().fields
        ],
        "last_column_id": metadata.last_column_id,
        "last_partition_id": metadata.last_partition_id,
        "specs": [spec.spec_id for spec in metadata.specs().values()],
        "schemas": [schema.schema_id for schema in metadata.schemas],
    }


def type_text(schema, field_id):
    field = schema.find_field(field_id)
    kind = str(field.field_type) if field.field_type.is_primitive else "nested"
    return f"{kind} {'required' if field.required else 'optional'}"


seen = {}
for name, path in locations.items():
    with open(path) as file:
        seen[name] = shown(TableMetadataUtil.parse_raw(file.read()))

catalog = SqlCatalog("own", uri=f"sqlite:///{folder}/own.db", warehouse=f"file://{folder}/own")
catalog.create_namespace("market")
made = []


def record(table):
    made.append({"location": table.metadata_location, **shown(table.metadata)})


schema = Schema(
    NestedField(1, "symbol", StringType(), required=True),
    NestedField(2, "size", IntegerType(), required=True),
    NestedField(3, "price", DecimalType(10, 2), required=False),
    NestedField(4, "event_ts", TimestamptzType(), required=False),
    NestedField(
        5,
        "levels",
        ListType(6, StructType(NestedField(7, "rank", FloatType(), required=False)), True),
        required=False,
    ),
    identifier_field_ids=[1],
)
table = catalog.create_table("market.own", schema)
record(table)
with table.update_schema() as update:
    update.add_column("flags", LongType(), "bits")
    update.add_column(("levels", "quantity"), IntegerType())
    update.rename_column("symbol", "ticker")
    update.update_column("size", LongType())
    update.move_first("price")
record(table)
with table.update_spec() as update:
    update.add_field("event_ts", DayTransform(), "event_ts_day")
    update.add_field("ticker", BucketTransform(16), "shard")
record(table)
with table.update_spec() as update:
    update.remove_field("event_ts_day")
    update.add_field("event_ts", HourTransform(), "event_ts_hour")
record(table)
with table.update_schema() as update:
    update.delete_column("flags")
    update.make_column_optional("size")
record(table)
print(json.dumps({"seen": seen, "made": made}))
