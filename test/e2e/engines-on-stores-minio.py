"""Reads tables of a served lake that lie on an S3 store, and writes one there.

Argument: a JSON file {url, properties, tables: {name: {columns: [[name, type]], snapshots: [id as
text]}}, make: name}. `properties` are the catalog's, beside its address: empty where the catalog
gives the account. Prints one JSON object {reads: {name: {id: [row count, digest]}}, made: [row
count, digest], location}.
"""

import hashlib
import json
import sys

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.expressions import EqualTo
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import DayTransform
from pyiceberg.types import DecimalType, LongType, NestedField, StringType, TimestamptzType

with open(sys.argv[1]) as file:
    request = json.load(file)
catalog = RestCatalog("sluice", uri=request["url"], **request["properties"])
PRINTS = [["id", "long"], ["symbol", "string"], ["price", "decimal(18, 8)"], ["ts", "timestamptz"]]


def text(value, kind):
    if value is None:
        return "\\N"
    if kind == "string":
        return f"{len(value)}:{value}"
    if kind == "boolean":
        return "true" if value else "false"
    return f"{value:f}" if kind.startswith("decimal") else str(value)


def digest(rows, columns):
    """Row count, and the sum of the first 60 bits of the md5 of each row's canonical text."""
    kinds = [kind for _, kind in columns]
    values = [
        rows.column(name).cast(pa.int64() if kind == "timestamptz" else rows.schema.field(name).type)
        for name, kind in columns
    ]
    total = 0
    for row in zip(*(column.to_pylist() for column in values)):
        line = "|".join(text(value, kind) for value, kind in zip(row, kinds))
        total += int(hashlib.md5(line.encode()).hexdigest()[:15], 16)
    return [str(rows.num_rows), str(total)]


def prints(first, last):
    ids = pa.array(range(first, last), pa.int64())
    symbols = [None if n % 7 == 0 else f"sÿm{n % 5}" for n in range(first, last)]
    prices = pc.cast(pa.array([f"{n}.00000001" for n in range(first, last)]), pa.decimal128(18, 8))
    times = [1_735_689_600_000_001 + n * 1_200_000_000 for n in range(first, last)]
    return pa.table(
        {
            "id": ids,
            "symbol": pa.array(symbols, pa.string()),
            "price": prices,
            "ts": pa.array(times, pa.timestamp("us", tz="UTC")),
        }
    )


reads = {}
for name, wanted in request["tables"].items():
    table = catalog.load_table(name)
    reads[name] = {
        snapshot: digest(table.scan(snapshot_id=int(snapshot)).to_arrow(), wanted["columns"])
        for snapshot in wanted["snapshots"]
    }

schema = Schema(
    NestedField(1, "id", LongType(), required=False),
    NestedField(2, "symbol", StringType(), required=False),
    NestedField(3, "price", DecimalType(18, 8), required=False),
    NestedField(4, "ts", TimestamptzType(), required=False),
)
by_day = PartitionSpec(PartitionField(4, 1000, DayTransform(), "ts_day"))
made = catalog.create_table(request["make"], schema, partition_spec=by_day)
made.append(prints(0, 100))
made.append(prints(100, 150))
made.delete(EqualTo("id", 7))
made.overwrite(prints(200, 210), overwrite_filter=EqualTo("id", 8))
print(
    json.dumps(
        {
            "reads": reads,
            "made": digest(made.scan().to_arrow(), PRINTS),
            "location": made.location(),
        }
    )
)
