"""Plans a whole table some times with PyIceberg; prints files, milliseconds and MB as JSON."""
import json
import resource
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
# Linux counts the most memory that was ever held in KiB.
rss_mb_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
print(json.dumps({"files": files, "times": times, "rss_mb_peak": rss_mb_peak}))
