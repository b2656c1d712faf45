import { join } from 'node:path'
import { systemClock } from '../tables/clock.ts'
import { makeBacklogMessages } from './backlog-messages.ts'
import type { Benchmark } from './benchmark.ts'
import { logRunDefaults, runWaitingLog } from './log-runs.ts'
import { readCounts } from './read-counts.ts'
import { reportThroughput } from './report-loop.ts'

const defaults = { events: 5_000_000, symbols: 1000 }

/** What a process needs that was away for a day, and has a window open for every symbol. */
export const backlogBenchmark: Benchmark = {
  name: 'backlog',
  about: 'a day of many symbols that waits in a local log: rate, memory (--events --symbols)',
  run: async ({ args, scratchFolder, report }) => {
    const { events, symbols } = readCounts(args, defaults).counts
    const nowUs = systemClock.nowUs()
    const messages = makeBacklogMessages({ count: events, symbolCount: symbols, nowUs })
    const counts = { ...logRunDefaults, events }
    reportThroughput(
      (measurement) => report({ ...measurement, facts: { symbols, ...measurement.facts } }),
      await runWaitingLog({ folder: join(scratchFolder, 'backlog'), counts, messages }),
    )
  },
}
