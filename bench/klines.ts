import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Benchmark } from './benchmark.ts'
import { startChild } from './child-process.ts'
import { hundredths } from './hundredths.ts'
import { readCounts } from './read-counts.ts'
import type { TicksReport, TicksTask } from './ticks-task.ts'

/** Years of one-minute klines into a new lake, up to its daily bars, by the loop of `backfill`. */
export const klinesBenchmark: Benchmark = {
  name: 'klines',
  about: 'seven years of Bitfinex BTCUSD minutes into a new lake, to daily bars ([FILE…])',
  run: async ({ args, scratchFolder, report }) => {
    const { words } = readCounts(args, {})
    const files = words.length > 0 ? words : bitfinexFiles()
    const lakeDirectory = join(scratchFolder, 'lake')
    const task: TicksTask = { lakeDirectory, format: 'bitfinex-klines', files }
    const done = await startChild<never, TicksReport>('ticks', task).report
    const facts = {
      rows: done.messages,
      silver_rows: done.silverRows,
      cuts: done.cuts,
      cpu_seconds: hundredths(done.totalCpuSeconds),
      derive_seconds: hundredths(done.deriveSeconds),
      write_seconds: hundredths(done.writeSeconds),
      commit_seconds: hundredths(done.commitSeconds),
    }
    report({ name: 'klines to daily bars', value: done.totalSeconds, unit: 's', facts })
    report({
      name: 'klines to daily bars',
      value: done.messages / done.totalSeconds,
      unit: 'rows/s',
      facts,
    })
    report({ name: 'peak RSS', value: done.rssMbPeak, unit: 'MB', facts })
  },
}

/** BTCUSD, 2013 to 2019, below SLUICE_DATA, else ../shared/data beside the checkout. */
function bitfinexFiles(): string[] {
  const beside = fileURLToPath(new URL('../../shared/data', import.meta.url))
  const folder = join(process.env['SLUICE_DATA'] ?? beside, 'bitfinex-1m')
  return [2013, 2014, 2015, 2016, 2017, 2018, 2019].map((year) =>
    join(folder, `BTCUSD-1m-${year}.csv.gz`),
  )
}
