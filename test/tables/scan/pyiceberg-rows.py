"""Reads tables by their metadata files: prints the rows of each as JSON, maps as {key, value}."""

import json
import sys

from pyiceberg.table import StaticTable


def plain(value):
    if isinstance(value, tuple):
        return {"key": plain(value[0]), "value": plain(value[1])}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


tables = [StaticTable.from_metadata(location) for location in sys.argv[1:]]
print(json.dumps([plain(table.scan().to_arrow().to_pylist()) for table in tables]))
