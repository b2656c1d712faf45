import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openLake } from '../pipelines/lake/open-lake.ts'
import { randomIds, systemClock } from '../tables/clock.ts'
import { createLakeQuery } from '../tables/query/lake-query.ts'
import { tableId } from '../tables/spec/table-identifier.ts'
import { startBenchStores, type BenchStore } from './bench-stores.ts'
import type { Benchmark, BenchmarkContext } from './benchmark.ts'
import { besideFirst } from './beside-first.ts'
import { filesACut } from './files-a-cut.ts'
import { logRunDefaults, runSteadyLog, runWaitingLog, type LogRunCounts } from './log-runs.ts'
import { percentile } from './percentile.ts'
import { measure } from './process-cost.ts'
import { readCounts } from './read-counts.ts'

const defaults = { ...logRunDefaults, events: 500_000, runs: 9 }
const QUERY = `SELECT venue_symbol, sum(volume) AS volume, max(high) AS high, min(low) AS low
  FROM gold.bars WHERE step = '1m' GROUP BY ALL`

/** The same work on local disk, MinIO and HDFS, each beside local disk. */
export const storesBenchmark: Benchmark = {
  name: 'stores',
  about: 'a local log, freshness and queries on local disk, MinIO and HDFS, side by side',
  run: async (context) => {
    const { counts } = readCounts(context.args, defaults)
    const stores = await startBenchStores()
    try {
      const reportOf = besideFirst(context.report, stores.all)
      for (const store of stores.all) await measureStore(context, store, counts, reportOf(store))
    } finally {
      await stores.stop()
    }
  },
}

type Report = BenchmarkContext['report']

async function measureStore(
  { scratchFolder }: BenchmarkContext,
  { name, storesOf }: BenchStore,
  counts: LogRunCounts & { readonly runs: number },
  report: Report,
): Promise<void> {
  const folder = join(scratchFolder, name)
  const waiting = join(folder, 'waiting')
  const done = await runWaitingLog({ folder: waiting, counts, stores: storesOf('waiting') })
  report({
    name: 'events to three committed layers, wall',
    value: done.messages / done.wallSeconds,
    unit: 'events/s',
    facts: { events: done.messages, cuts: done.cuts, commit_seconds: done.commitSeconds },
  })
  const stores = storesOf('steady')
  const steady = await runSteadyLog({ folder: join(folder, 'steady'), counts, stores })
  const facts = { events: steady.freshness.messages, cuts: steady.done.cuts }
  const at = `freshness at ${counts.rate} events/s`
  report({ name: `${at}, p50`, value: steady.freshness.p50Ms, unit: 'ms', facts })
  report({ name: `${at}, p99`, value: steady.freshness.p99Ms, unit: 'ms', facts })
  const directory = join(folder, 'steady', 'lake')
  await measureReads(directory, counts.runs, report)
  report(await filesACut(directory, steady.done.cuts))
}

/** A statement over what the steady run left, first without copies of its files, then with. */
async function measureReads(directory: string, runs: number, report: Report): Promise<void> {
  // The loop keeps what it writes: without it a first query fetches each file.
  await rm(join(directory, '_cache'), { recursive: true, force: true })
  const lake = await openLake({
    ...{ directory, clock: systemClock, ids: randomIds, createIfMissing: false },
  })
  try {
    const { catalog, fileIO, manifestCache, engine } = lake
    const cutsTable = tableId('sluice.cuts')
    const lakeQuery = createLakeQuery({ catalog, fileIO, manifestCache, engine, cutsTable })
    const times: number[] = []
    for (let run = 0; run <= runs; run += 1) {
      const { wallSeconds } = await measure(async () => {
        const { rows } = await lakeQuery.query(QUERY)
        let rowCount = 0
        for await (const row of rows) rowCount += row.length === 0 ? 0 : 1
        return rowCount
      })
      times.push(wallSeconds * 1000)
    }
    report({ name: 'query, nothing cached', value: times[0] ?? Number.NaN, unit: 'ms' })
    report({
      name: 'query, p50',
      value: percentile(times.slice(1), 0.5),
      unit: 'ms',
      facts: { runs },
    })
  } finally {
    await lake.close()
  }
}
