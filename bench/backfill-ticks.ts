import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startBenchStores } from './bench-stores.ts'
import type { Benchmark, BenchmarkContext } from './benchmark.ts'
import { besideFirst } from './beside-first.ts'
import { startChild } from './child-process.ts'
import { filesACut } from './files-a-cut.ts'
import type { PlainTicksReport, PlainTicksTask } from './plain-ticks-task.ts'
import { hundredths } from './hundredths.ts'
import { readCounts } from './read-counts.ts'
import { readStoreNames } from './read-store-names.ts'
import type { TicksReport, TicksTask } from './ticks-task.ts'

const PEER = 'plain DuckDB, three layers of plain Parquet, same level, sort and fsync'

/** History at full speed, beside the engine alone on the same input. */
export const backfillTicksBenchmark: Benchmark = {
  name: 'backfill-ticks',
  about: 'five days of SPY trade ticks into a new lake, beside plain DuckDB ([ZIP…] --store)',
  run: async ({ args, scratchFolder, report }) => {
    const { stores: names, rest } = readStoreNames(args)
    const { words } = readCounts(rest, {})
    const files = words.length > 0 ? words : spyZips()
    const format = 'lean-trades'
    const folder = join(scratchFolder, 'plain')
    await mkdir(folder)
    const plainTask: PlainTicksTask = { folder, files }
    const plain = await startChild<never, PlainTicksReport>('plain-ticks', plainTask).report
    const stores = await startBenchStores(names)
    try {
      const reportOf = besideFirst(report, stores.all)
      for (const store of stores.all) {
        const lakeDirectory = join(scratchFolder, store.name, 'lake')
        const task: TicksTask = { lakeDirectory, stores: store.storesOf('ticks'), format, files }
        const done = await startChild<never, TicksReport>('ticks', task).report
        reportTicks(reportOf(store), done, plain)
        reportOf(store)(await filesACut(lakeDirectory, done.cuts))
      }
    } finally {
      await stores.stop()
    }
  },
}

function reportTicks(
  report: BenchmarkContext['report'],
  done: TicksReport,
  plain: PlainTicksReport,
): void {
  const facts = {
    rows: done.messages,
    silver_rows: done.silverRows,
    cuts: done.cuts,
    wall_seconds: hundredths(done.totalSeconds),
    cpu_seconds: hundredths(done.totalCpuSeconds),
    check_seconds: hundredths(done.checkSeconds),
    derive_seconds: hundredths(done.deriveSeconds),
    write_seconds: hundredths(done.writeSeconds),
    commit_seconds: hundredths(done.commitSeconds),
    peer_rows: plain.rows,
    peer_wall_seconds: hundredths(plain.wallSeconds),
    peer_cpu_seconds: hundredths(plain.cpuSeconds),
  }
  report({
    name: 'ticks to three committed layers, wall',
    value: done.messages / done.totalSeconds,
    unit: 'rows/s',
    peer: { name: PEER, value: plain.rows / plain.wallSeconds },
    facts,
  })
  report({
    name: 'ticks to three committed layers, per CPU-second of the process',
    value: done.messages / done.totalCpuSeconds,
    unit: 'rows/CPU-s',
    peer: { name: PEER, value: plain.rows / plain.cpuSeconds },
    facts,
  })
  report({
    name: 'peak RSS',
    value: done.rssMbPeak,
    unit: 'MB',
    peer: { name: PEER, value: plain.rssMbPeak },
    facts,
  })
}

/** SPY, 7 to 11 October 2013, below SLUICE_DATA, else ../shared/data beside the checkout. */
function spyZips(): string[] {
  const beside = fileURLToPath(new URL('../../shared/data', import.meta.url))
  const folder = join(process.env['SLUICE_DATA'] ?? beside, 'lean-us-equity', 'tick')
  return [7, 8, 9, 10, 11].map((day) =>
    join(folder, `spy_201310${String(day).padStart(2, '0')}_trade.zip`),
  )
}
