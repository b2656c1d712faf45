import { backfillTicksBenchmark } from './backfill-ticks.ts'
import { backlogBenchmark } from './backlog.ts'
import type { Benchmark } from './benchmark.ts'
import { catalogBenchmark } from './catalog.ts'
import { commitBenchmark } from './commit.ts'
import { klinesBenchmark } from './klines.ts'
import { liveKafkaBenchmark } from './live-kafka.ts'
import { liveLogBenchmark } from './live-log.ts'
import { machineBenchmark } from './machine-benchmark.ts'
import { memoryBenchmark } from './memory.ts'
import { planBenchmark } from './plan.ts'
import { queryBenchmark } from './query.ts'
import { rangesBenchmark } from './ranges.ts'
import { storesBenchmark } from './stores.ts'

/** All benchmarks, by the name on the command line. */
export const benchmarks: readonly Benchmark[] = [
  machineBenchmark,
  liveLogBenchmark,
  liveKafkaBenchmark,
  backlogBenchmark,
  backfillTicksBenchmark,
  klinesBenchmark,
  planBenchmark,
  queryBenchmark,
  commitBenchmark,
  catalogBenchmark,
  memoryBenchmark,
  storesBenchmark,
  rangesBenchmark,
]
