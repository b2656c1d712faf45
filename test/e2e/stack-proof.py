"""Looks at a lake again and again as PyIceberg's users do, until it is told to stop.

Argument: a JSON file with the catalog's properties, the path of a file that says
stop once it is there, and a folder. Servers that are away are waited for. At the
end it writes the rows of each asked table into the folder, as Parquet, and prints
one JSON object of what it saw.
"""

import json
import os
import sys
import time

import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.catalog.rest import RestCatalog

with open(sys.argv[1]) as file:
    request = json.load(file)


def head_of_rows(table):
    """The current snapshot, or the one whose rows it only put into other files."""
    head = table.current_snapshot()
    while head is not None and head.summary.operation.value == "replace":
        head = table.snapshot_by_id(head.parent_snapshot_id)
    return head


def cut_of(table):
    head = head_of_rows(table)
    return 0 if head is None else int(head.summary["sluice.cut"])


def total(table, column, row_filter):
    rows = table.scan(row_filter=row_filter, selected_fields=(column,)).to_arrow()
    return int(pc.sum(rows[column]).as_py() or 0)


def look(catalog):
    before = cut_of(catalog.load_table("sluice.cuts"))
    bars = catalog.load_table("gold.bars")
    spreads = catalog.load_table("gold.spreads")
    cuts = catalog.load_table("sluice.cuts")
    cut = cut_of(cuts)
    if before != cut or cut == 0:
        return None
    return {
        "cut": cut,
        "told_rows": total(cuts, "silver_count", "source is null"),
        "rows": total(bars, "trade_count", "step = '1m'")
        + total(spreads, "quote_count", "step = '1d'"),
    }


looks = []
failures = {}
catalog = None
while not os.path.exists(request["stop_file"]):
    try:
        if catalog is None:
            catalog = RestCatalog("sluice", **request["properties"])
        seen = look(catalog)
        if seen is not None:
            looks.append(seen)
    except Exception as error:  # whatever a client says of servers that are away
        name = type(error).__name__
        failures[name] = failures.get(name, 0) + 1
        failures["last"] = str(error)[:300]
    time.sleep(0.2)

catalog = RestCatalog("sluice", **request["properties"])
for name in request["tables"]:
    rows = catalog.load_table(name).scan().to_arrow()
    pq.write_table(rows, os.path.join(request["folder"], f"{name}.parquet"))
print(json.dumps({"looks": looks, "failures": failures}))
