"""Appends to a table while single commits go wrong on the way, as PyIceberg's users would.

Arguments: the URL of a catalog behind a fault proxy, and a list of faults as JSON. Prints one JSON
list: for each fault how the append that met it ended, and how the next one did.
"""

import json
import sys
import urllib.request

import pyarrow as pa
from pyiceberg.catalog.rest import RestCatalog

url, faults = sys.argv[1], json.loads(sys.argv[2])
catalog = RestCatalog("sluice", uri=url)
catalog.create_namespace_if_not_exists("market")


def rows(count):
    return pa.table({"id": pa.array(range(count), pa.int64())})


def append(name, count):
    try:
        catalog.load_table(name).append(rows(count))
        return "ok"
    except Exception as error:
        return type(error).__name__


ended = []
for number, fault in enumerate(faults):
    name = f"market.pyiceberg_{number}"
    catalog.create_table(name, rows(0).schema).append(rows(2))
    body = json.dumps(fault).encode()
    urllib.request.urlopen(urllib.request.Request(f"{url}/fault", data=body, method="POST"))
    ended.append({"met": append(name, 3), "next": append(name, 4)})
print(json.dumps(ended))
