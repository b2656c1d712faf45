import { join } from 'node:path'
import type { LakeStores } from '../pipelines/lake/lake-stores.ts'
import type { ProducedMessage } from '../pipelines/producers/simulator.ts'
import { startChild } from './child-process.ts'
import type { LoopReport } from './cut-meter.ts'
import { watchCuts } from './cut-watch.ts'
import { fillLog } from './fill-log.ts'
import { readFreshness } from './freshness.ts'
import type { Freshness } from './freshness.ts'
import type { LoopTask } from './loop-task.ts'
import { makeStockMessages } from './stock-messages.ts'

export const logRunDefaults = { events: 1_000_000, rate: 5000, seconds: 30, 'batch-rows': 200_000 }
export type LogRunCounts = Readonly<typeof logRunDefaults>

const BATCH_BYTES = 64 * 1024 * 1024

export interface LogRun {
  /** Gets the lake and the log. */
  readonly folder: string
  readonly counts: LogRunCounts
  /** Where the tables lie; on local disk where absent. */
  readonly stores?: LakeStores
}

/**
 * A log that waits on disk, read at full speed by a loop in a process of its own.
 * @param run `messages`: the `counts.events` messages of the log, in blocks; else the simulator's
 */
export async function runWaitingLog(
  run: LogRun & { readonly messages?: Iterable<readonly ProducedMessage[]> },
): Promise<LoopReport> {
  const { folder, counts, stores } = run
  const directory = join(folder, 'log')
  await fillLog(directory, run.messages ?? makeStockMessages(counts.events))
  const task: LoopTask = {
    lakeDirectory: join(folder, 'lake'),
    ...(stores === undefined ? {} : { stores }),
    source: { kind: 'log', directory },
    limits: limitsOf(counts),
    messageCount: counts.events,
  }
  return startChild<string, LoopReport>('loop', task).report
}

/** A log that grows at a steady rate, and when another process could see what it got. */
export async function runSteadyLog({
  folder,
  counts,
  stores,
}: LogRun): Promise<{ readonly done: LoopReport; readonly freshness: Freshness }> {
  const lakeDirectory = join(folder, 'lake')
  const task: LoopTask = {
    lakeDirectory,
    ...(stores === undefined ? {} : { stores }),
    source: { kind: 'log', directory: join(folder, 'log') },
    limits: limitsOf(counts),
    produce: { eventsPerSecond: counts.rate, durationMs: counts.seconds * 1000, seed: 1 },
  }
  const child = startChild<string, LoopReport>('loop', task)
  await child.nextNews()
  const watch = await watchCuts(lakeDirectory)
  const done = await child.report.finally(() => watch.stop())
  return { done, freshness: await readFreshness(lakeDirectory, await watch.stop()) }
}

function limitsOf(counts: LogRunCounts): LoopTask['limits'] {
  return { rows: counts['batch-rows'], bytes: BATCH_BYTES, timeMs: 1000 }
}
