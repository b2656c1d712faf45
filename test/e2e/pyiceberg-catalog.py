"""Uses a served catalog as PyIceberg's users do, then opens the same SQLite file directly.

Arguments: the catalog's URL, the path of its SQLite file, its
warehouse. Prints one JSON object of what it saw.
"""

import json
import sys
import urllib.request

import pyarrow as pa
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import (
    NamespaceAlreadyExistsError,
    NamespaceNotEmptyError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import DayTransform
from pyiceberg.types import DecimalType, LongType, NestedField, StringType, TimestamptzType

url, database, warehouse = sys.argv[1:4]
rest = RestCatalog("sluice", uri=url)
seen = {}


def refused(error, work):
    try:
        work()
    except error:
        return True
    return False


def rows(count, symbol="AAPL"):
    return pa.table(
        {
            "symbol": [symbol] * count,
            "event_ts": pa.array(
                [1_723_075_200_000_000 + n for n in range(count)], pa.timestamp("us", tz="UTC")
            ),
            "price": pa.array(["1.25000000"] * count).cast(pa.decimal128(18, 8)),
        },
        schema=pa.schema(
            [
                pa.field("symbol", pa.string(), nullable=False),
                pa.field("event_ts", pa.timestamp("us", tz="UTC")),
                pa.field("price", pa.decimal128(18, 8)),
            ]
        ),
    )


schema = Schema(
    NestedField(1, "symbol", StringType(), required=True),
    NestedField(2, "event_ts", TimestamptzType(), required=False),
    NestedField(3, "price", DecimalType(18, 8), required=False),
)
by_day = PartitionSpec(PartitionField(2, 1000, DayTransform(), "day"))

rest.create_namespace("market", {"owner": "desk"})
rest.create_namespace(("market", "eu"))
seen["namespaces"] = rest.list_namespaces()
seen["children"] = rest.list_namespaces("market")
seen["nested"] = rest.load_namespace_properties(("market", "eu"))
seen["refusals"] = [
    refused(NamespaceAlreadyExistsError, lambda: rest.create_namespace("market")),
    refused(NamespaceNotEmptyError, lambda: rest.drop_namespace("market")),
    refused(NoSuchNamespaceError, lambda: rest.list_tables("none")),
    refused(NoSuchTableError, lambda: rest.load_table("market.none")),
]
rest.update_namespace_properties("market", {"owner"}, {"note": "x"})
seen["properties"] = rest.load_namespace_properties("market")
rest.drop_namespace(("market", "eu"))

table = rest.create_table("market.trades", schema, partition_spec=by_day)
seen["refusals"].append(
    refused(TableAlreadyExistsError, lambda: rest.create_table("market.trades", schema))
)
table.append(rows(10))
first = table.current_snapshot().snapshot_id
table.append(rows(5, "MSFT"))
table.overwrite(rows(3, "TSLA"))
table.delete("symbol = 'none'")
with table.update_schema() as update:
    update.add_column("size", LongType())
with table.update_spec() as update:
    update.add_identity("symbol")
with table.transaction() as transaction:
    transaction.set_properties({"a": "b", "c": "d"})
    transaction.remove_properties("c")
table.manage_snapshots().create_tag(first, "first").commit()

table = rest.load_table("market.trades")
seen["head"] = table.scan().count()
seen["first"] = table.scan(snapshot_id=first).count()
seen["columns"] = [field.name for field in table.schema().fields]
seen["specs"] = len(table.specs())
seen["tag"] = table.metadata.refs["first"].snapshot_id == first
seen["note"] = table.properties

with rest.create_table_transaction("market.staged", schema) as transaction:
    transaction.append(rows(4))
seen["staged"] = rest.load_table("market.staged").scan().count()

rest.rename_table("market.staged", "market.prints")
seen["tables"] = sorted(name for _, name in rest.list_tables("market"))
seen["exists"] = [rest.table_exists("market.prints"), rest.table_exists("market.staged")]
location = rest.load_table("market.prints").metadata_location
rest.drop_table("market.prints")
rest.register_table("market.back", location)
seen["back"] = rest.load_table("market.back").scan().count()
rest.purge_table("market.back")

view = {
    "name": "symbols",
    "schema": {
        "type": "struct",
        "fields": [{"id": 1, "name": "symbol", "required": False, "type": "string"}],
    },
    "view-version": {
        "version-id": 1,
        "timestamp-ms": 1_723_075_200_000,
        "schema-id": 0,
        "summary": {},
        "default-namespace": ["market"],
        "representations": [
            {"type": "sql", "dialect": "duckdb", "sql": "SELECT DISTINCT symbol FROM market.trades"},
            {"type": "sql", "dialect": "trino", "sql": "SELECT DISTINCT symbol FROM market.trades"},
        ],
    },
}
request = urllib.request.Request(
    f"{url}/v1/namespaces/market/views",
    data=json.dumps(view).encode(),
    headers={"content-type": "application/json"},
)
with urllib.request.urlopen(request) as answer:
    seen["view_made"] = answer.status
seen["views"] = rest.list_views("market")
seen["view_exists"] = [rest.view_exists("market.symbols"), rest.view_exists("market.trades")]

sql = SqlCatalog("sluice", uri=f"sqlite:///{database}", warehouse=warehouse)
seen["sql_tables"] = sql.list_tables("market")
seen["sql_view"] = refused(NoSuchTableError, lambda: sql.load_table("market.symbols"))
seen["sql_head"] = sql.load_table("market.trades").scan().count()
sql.load_table("market.trades").append(
    sql.load_table("market.trades").scan().to_arrow().slice(0, 2)
)
sql.create_namespace("python")
sql.create_table("python.made", schema).append(rows(6))
seen["after_sql"] = rest.load_table("market.trades").scan().count()
seen["sql_made"] = rest.load_table("python.made").scan().count()
seen["sql_namespace"] = "location" in rest.load_namespace_properties("python")
rest.drop_view("market.symbols")
seen["view_gone"] = not rest.view_exists("market.symbols")
print(json.dumps(seen))
