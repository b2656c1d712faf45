import { join } from 'node:path'
import type { Clock, IdSource } from '../../tables/clock.ts'
import type { EngineLimits } from '../../tables/engine/engine.ts'
import type { Lake } from '../lake/lake.ts'
import { readTableSummaries } from '../lake/table-summary.ts'
import { withWritableLake } from '../lake/with-writable-lake.ts'
import { openLocalLog, type LocalLog } from '../producers/local-log.ts'
import { createDemoReport, type DemoReport } from './demo-report.ts'
import { startMonitor } from './monitor.ts'
import type { LoopHooks } from '../loop/loop-hooks.ts'
import { createRunStatistics } from '../loop/run-statistics.ts'
import type { Terminal } from './screen.ts'
import { streamDemo } from './stream-demo.ts'

export interface DemoOptions {
  readonly lakeDirectory: string
  readonly clock: Clock
  readonly ids: IdSource
  readonly engine?: EngineLimits
  readonly port: number
  readonly eventsPerSecond: number
  readonly seed: number
  /** Until the signal where absent. */
  readonly durationMs: number | undefined
  readonly output: Terminal
  readonly isScreen: boolean
  readonly hasColour: boolean
  readonly hooks?: LoopHooks | undefined
}

/**
 * A whole lakehouse in one process: a catalog that other engines attach to, a simulator, a log on
 * disk, the live loop and a monitor. Resolves after `signal` or the duration, with everything
 * that was produced committed.
 * @throws SluiceError `commit-conflict` where another process writes to the lake.
 */
export async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<DemoReport> {
  const { clock, ids, port } = options
  return withWritableLake(
    {
      directory: options.lakeDirectory,
      purpose: 'sluice demo',
      roles: ['stream'],
      clock,
      ids,
      serve: { host: '127.0.0.1', port, tokens: [] },
      engine: options.engine,
    },
    async ({ lake, directory, catalogUrl = '' }) => {
      const log = await openLocalLog({ directory: join(directory, 'log'), name: 'demo' })
      try {
        return await runOnLog(options, { lake, directory, catalogUrl, log }, signal)
      } finally {
        await log.close()
      }
    },
  )
}

interface DemoGround {
  readonly lake: Lake
  readonly directory: string
  readonly catalogUrl: string
  readonly log: LocalLog
}

async function runOnLog(
  options: DemoOptions,
  { lake, directory, catalogUrl, log }: DemoGround,
  signal: AbortSignal,
): Promise<DemoReport> {
  const startedUs = options.clock.nowUs()
  const statistics = createRunStatistics(startedUs)
  const firstOffset = log.endOffset()
  const producedCount = (): number => Number(log.endOffset() - firstOffset)
  const monitor = await startMonitor({
    lake,
    lakeDirectory: directory,
    catalogUrl,
    startedUs,
    statistics,
    producedCount,
    output: options.output,
    isScreen: options.isScreen,
    hasColour: options.hasColour,
  })
  try {
    const { eventsPerSecond, seed, durationMs, hooks } = options
    const stream = { lake, log, eventsPerSecond, seed, durationMs, hooks, onCut: statistics.add }
    await streamDemo(stream, signal)
  } finally {
    await monitor.stop()
  }
  return createDemoReport({
    producedCount: producedCount(),
    totals: statistics.totals(),
    tables: await readTableSummaries(lake),
    catalogUrl,
    lakeDirectory: directory,
  })
}
