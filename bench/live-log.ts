import { join } from 'node:path'
import type { Benchmark } from './benchmark.ts'
import { logRunDefaults, runSteadyLog, runWaitingLog } from './log-runs.ts'
import { readCounts } from './read-counts.ts'
import { reportFreshness, reportThroughput } from './report-loop.ts'

/** The whole of live but Kafka: a local log on disk, read in the process of the loop. */
export const liveLogBenchmark: Benchmark = {
  name: 'live-log',
  about: 'a local log through the loop: rate, freshness, memory (--events --rate --seconds)',
  run: async ({ args, scratchFolder, report }) => {
    const { counts } = readCounts(args, logRunDefaults)
    if (counts.events > 0) {
      const folder = join(scratchFolder, 'throughput')
      reportThroughput(report, await runWaitingLog({ folder, counts }))
    }
    if (counts.seconds > 0) {
      const folder = join(scratchFolder, 'freshness')
      const { done, freshness } = await runSteadyLog({ folder, counts })
      const clock = 'handed to the log → seen by another process through the catalog'
      const rate = { eventsPerSecond: counts.rate, seconds: counts.seconds, clock }
      reportFreshness(report, rate, done, freshness)
    }
  },
}
