import { join } from 'node:path'
import { sqlStrings } from '../tables/engine/sql-text.ts'
import type { Benchmark, BenchmarkContext } from './benchmark.ts'
import { startChild } from './child-process.ts'
import type { CutsAtMark, CutsTask } from './cuts-task.ts'
import { hundredths } from './hundredths.ts'
import { planByPyIceberg } from './plan-by-pyiceberg.ts'
import type { MemoryReport, PlanMemoryTask } from './plan-memory-task.ts'
import { makePlanTable } from './plan-table.ts'
import { makeQueryLake } from './query-lake.ts'
import type { QueryMemoryTask } from './query-memory-task.ts'
import { readCounts } from './read-counts.ts'

const sizes = {
  files: 10_000,
  manifests: 100,
  cuts: 20_000,
  early: 1000,
  rows: 4_000_000,
  days: 40,
}

type Counts = Readonly<Record<keyof typeof sizes, number>>

/** The most memory that a process ever holds, each piece of work in one of its own. */
export const memoryBenchmark: Benchmark = {
  name: 'memory',
  about: 'peak memory of a plan of 10,000 files, of a query, and of 20,000 cuts',
  run: async (context) => {
    const { counts } = readCounts(context.args, sizes)
    if (counts.files > 0) await measurePlan(context, counts)
    if (counts.rows > 0) await measureQuery(context, counts)
    if (counts.cuts > 0) await measureCuts(context, counts)
  },
}

async function measurePlan(
  { scratchFolder, report }: BenchmarkContext,
  { files, manifests }: Counts,
): Promise<void> {
  const { metadataLocation } = await makePlanTable(join(scratchFolder, 'table'), files, manifests)
  const task: PlanMemoryTask = { metadataLocation }
  const own = await startChild<never, MemoryReport>('plan-memory', task).report
  const peer = await planByPyIceberg(metadataLocation, 1)
  report({
    name: 'a plan of all files, nothing cached',
    value: own.rssMbPeak,
    unit: 'MB',
    ...(peer === undefined
      ? {}
      : { peer: { name: 'PyIceberg, plan_files once', value: peer.rss_mb_peak } }),
    facts: { manifests, files_planned: own.resultCount, ...idle(own) },
  })
}

async function measureQuery(
  { scratchFolder, report }: BenchmarkContext,
  { rows, days }: Counts,
): Promise<void> {
  const lakeDirectory = join(scratchFolder, 'lake')
  const made = await makeQueryLake(lakeDirectory, rows, days)
  await made.lake.close()
  const own = await runQuery({ kind: 'lake', lakeDirectory, sql: aggregateOf('silver.trades') })
  const plain = await runQuery({
    kind: 'plain',
    scratchDir: join(scratchFolder, 'plain'),
    sql: aggregateOf(`read_parquet(${sqlStrings(made.paths)}, hive_partitioning = false)`),
  })
  report({
    name: 'an aggregate by symbol and hour',
    value: own.rssMbPeak,
    unit: 'MB',
    peer: { name: 'the same SQL over read_parquet of the same files', value: plain.rssMbPeak },
    facts: { table_rows: made.rows, files: days, result_rows: own.resultCount, ...idle(own) },
  })
}

function aggregateOf(table: string): string {
  return (
    `SELECT venue_symbol, date_trunc('hour', event_ts) AS hour, sum(quantity) AS volume, ` +
    `max(price) AS high, min(price) AS low, count(*) AS trades FROM ${table} GROUP BY ALL`
  )
}

async function measureCuts(
  { scratchFolder, report }: BenchmarkContext,
  { cuts, early }: Counts,
): Promise<void> {
  const task: CutsTask = {
    lakeDirectory: join(scratchFolder, 'cuts'),
    warmCount: 0,
    marks: [early, cuts].map((mark) => ({ mark, measuredCount: 1 })),
  }
  const child = startChild<never, readonly CutsAtMark[]>('cuts', task)
  const [before, after] = await child.report
  if (before === undefined || after === undefined) throw new Error('no cut was measured')
  report({
    name: `a process that commits ${after.mark} cuts`,
    value: after.rssMbPeak,
    unit: 'MB',
    peer: { name: `the same process after ${before.mark} cuts`, value: before.rssMbPeak },
    facts: { snapshots: after.snapshotCountMax, peer_snapshots: before.snapshotCountMax },
  })
}

function runQuery(task: QueryMemoryTask): Promise<MemoryReport> {
  return startChild<never, MemoryReport>('query-memory', task).report
}

/** What the process held before the work: Node.js and the loaded code. */
function idle({ rssMbBefore }: MemoryReport): { readonly mb_before: number } {
  return { mb_before: hundredths(rssMbBefore) }
}
