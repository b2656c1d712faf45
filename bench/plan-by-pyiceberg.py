"""Plans a whole table some times with PyIceberg; prints files and milliseconds as JSON."""
import json
import sys
import time

from pyiceberg.table import StaticTable

location, runs = sys.argv[1], int(sys.argv[2])
times = []
files = 0
for _ in range(runs):
    start = time.perf_counter()
    files = len(list(StaticTable.from_metadata(location).scan().plan_files()))
    times.append((time.perf_counter() - start) * 1000)
print(json.dumps({"files": files, "times": times}))
