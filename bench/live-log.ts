import { join } from 'node:path'
import type { Benchmark, BenchmarkContext } from './benchmark.ts'
import { startChild } from './child-process.ts'
import type { LoopReport } from './cut-meter.ts'
import { watchCuts } from './cut-watch.ts'
import { fillLog } from './fill-log.ts'
import { readFreshness } from './freshness.ts'
import type { LoopTask } from './loop-task.ts'
import { readCounts } from './read-counts.ts'
import { reportFreshness, reportThroughput } from './report-loop.ts'

const defaults = { events: 1_000_000, rate: 5000, seconds: 30, 'batch-rows': 200_000 }
const BATCH_BYTES = 64 * 1024 * 1024

/** The whole of live but Kafka: a local log on disk, read in the process of the loop. */
export const liveLogBenchmark: Benchmark = {
  name: 'live-log',
  about: 'a local log through the loop: rate, freshness, memory (--events --rate --seconds)',
  run: async (context) => {
    const { counts } = readCounts(context.args, defaults)
    if (counts.events > 0) await measureThroughput(context, counts)
    if (counts.seconds > 0) await measureFreshness(context, counts)
  },
}

type Counts = Readonly<typeof defaults>

async function measureThroughput(context: BenchmarkContext, counts: Counts): Promise<void> {
  const folder = join(context.scratchFolder, 'throughput')
  const directory = join(folder, 'log')
  await fillLog(directory, counts.events)
  const task: LoopTask = {
    lakeDirectory: join(folder, 'lake'),
    source: { kind: 'log', directory },
    limits: { rows: counts['batch-rows'], bytes: BATCH_BYTES, timeMs: 1000 },
    messageCount: counts.events,
  }
  reportThroughput(context.report, await startChild<string, LoopReport>('loop', task).report)
}

async function measureFreshness(context: BenchmarkContext, counts: Counts): Promise<void> {
  const { rate, seconds } = counts
  const folder = join(context.scratchFolder, 'freshness')
  const lakeDirectory = join(folder, 'lake')
  const task: LoopTask = {
    lakeDirectory,
    source: { kind: 'log', directory: join(folder, 'log') },
    limits: { rows: counts['batch-rows'], bytes: BATCH_BYTES, timeMs: 1000 },
    produce: { eventsPerSecond: rate, durationMs: seconds * 1000, seed: 1 },
  }
  const child = startChild<string, LoopReport>('loop', task)
  await child.nextNews()
  const watch = watchCuts(lakeDirectory)
  const done = await child.report.finally(() => watch.stop())
  const freshness = await readFreshness(lakeDirectory, await watch.stop())
  const clock = 'handed to the log → seen by another process through the catalog'
  reportFreshness(context.report, { eventsPerSecond: rate, seconds, clock }, done, freshness)
}
