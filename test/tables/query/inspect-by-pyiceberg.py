"""What PyIceberg's table.inspect says of a table, as JSON: bytes as hex, decimals as text."""
import datetime
import decimal
import json
import sys

from pyiceberg.table import StaticTable


def plain(value):
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, list):
        if value and all(isinstance(item, tuple) and len(item) == 2 for item in value):
            return {str(key): plain(member) for key, member in value}
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime.datetime):
        zone = value.replace(tzinfo=value.tzinfo or datetime.timezone.utc)
        return zone.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, (decimal.Decimal, datetime.date)):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


location, older = sys.argv[1], int(sys.argv[2])
inspect = StaticTable.from_metadata(location).inspect
answers = {
    name: getattr(inspect, name)()
    for name in [
        "snapshots", "history", "refs", "metadata_log_entries", "files", "data_files",
        "delete_files", "manifests", "partitions",
    ]
}
# Of the current snapshot entries() fails: it takes no delete file without column sizes.
answers["older files"] = inspect.files(snapshot_id=older)
answers["older entries"] = inspect.entries(snapshot_id=older)
answers["older partitions"] = inspect.partitions(snapshot_id=older)
print(json.dumps({name: plain(table.to_pylist()) for name, table in answers.items()}))
