import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openLake } from '../pipelines/lake/open-lake.ts'
import { randomIds, systemClock } from '../tables/clock.ts'
import { createLakeQuery } from '../tables/query/lake-query.ts'
import { tableId } from '../tables/spec/table-identifier.ts'
import { startBenchStores, type BenchStore } from './bench-stores.ts'
import type { Benchmark, BenchmarkContext, Measurement } from './benchmark.ts'
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
      const report = besideFirst(context.report)
      for (const store of stores.all) await measureStore(context, store, counts, report)
    } finally {
      await stores.stop()
    }
  },
}

type Report = (what: string, store: string, measured: Omit<Measurement, 'name' | 'peer'>) => void

/** Each result of a later store has that of the first one as its peer. */
function besideFirst(report: BenchmarkContext['report']): Report {
  const first = new Map<string, { readonly name: string; readonly value: number }>()
  return (what, store, measured) => {
    const peer = first.get(what)
    if (peer === undefined) first.set(what, { name: store, value: measured.value })
    const name = `${store}: ${what}`
    report({ name, ...measured, ...(peer === undefined ? {} : { peer }) })
  }
}

async function measureStore(
  { scratchFolder }: BenchmarkContext,
  { name, storesOf }: BenchStore,
  counts: LogRunCounts & { readonly runs: number },
  report: Report,
): Promise<void> {
  const folder = join(scratchFolder, name)
  const waiting = join(folder, 'waiting')
  const done = await runWaitingLog({ folder: waiting, counts, stores: storesOf('waiting') })
  report('events to three committed layers, wall', name, {
    value: done.messages / done.wallSeconds,
    unit: 'events/s',
    facts: { events: done.messages, cuts: done.cuts, commit_seconds: done.commitSeconds },
  })
  const stores = storesOf('steady')
  const steady = await runSteadyLog({ folder: join(folder, 'steady'), counts, stores })
  const facts = { events: steady.freshness.messages, cuts: steady.done.cuts }
  const at = `freshness at ${counts.rate} events/s`
  report(`${at}, p50`, name, { value: steady.freshness.p50Ms, unit: 'ms', facts })
  report(`${at}, p99`, name, { value: steady.freshness.p99Ms, unit: 'ms', facts })
  await measureReads(join(folder, 'steady', 'lake'), name, counts.runs, report, steady.done.cuts)
}

/** A statement over what the steady run left, first without copies of its files, then with. */
async function measureReads(
  directory: string,
  store: string,
  runs: number,
  report: Report,
  cuts: number,
): Promise<void> {
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
    report('query, nothing cached', store, { value: times[0] ?? Number.NaN, unit: 'ms' })
    report('query, p50', store, {
      value: percentile(times.slice(1), 0.5),
      unit: 'ms',
      facts: { runs },
    })
    let objectCount = 0
    for (const namespace of await catalog.listNamespaces()) {
      const location = (await catalog.loadNamespace(namespace))?.['location']
      const files = fileIO.list(`${location}/`)[Symbol.asyncIterator]()
      while ((await files.next()).done !== true) objectCount += 1
    }
    // Nothing is deleted in the first hour: what lies there is what was written.
    report('files written a cut', store, {
      value: objectCount / cuts,
      unit: 'files',
      facts: { cuts },
    })
  } finally {
    await lake.close()
  }
}
