import { mkdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { openLake } from '../pipelines/lake/open-lake.ts'
import type { Lake } from '../pipelines/lake/lake.ts'
import { randomIds, systemClock } from '../tables/clock.ts'
import type { Session } from '../tables/engine/engine.ts'
import { sqlString } from '../tables/engine/sql-text.ts'
import { startBenchStores, type BenchStore } from './bench-stores.ts'
import type { Benchmark, BenchmarkContext } from './benchmark.ts'
import { percentile } from './percentile.ts'
import { measure } from './process-cost.ts'
import { dayOfTrades } from './query-lake.ts'
import { copyRanges, rangesOf, type WantedChunks } from './ranged-copy.ts'
import { readCounts } from './read-counts.ts'
import { readStoreNames } from './read-store-names.ts'

interface RangeCase {
  readonly name: string
  readonly sql: string
  readonly wanted: WantedChunks
}

const cases: readonly RangeCase[] = [
  {
    name: 'one column of all rows',
    sql: 'SELECT max(price), count(*) FROM $F',
    wanted: { columns: ['price'] },
  },
  {
    name: 'three columns of all rows',
    sql: 'SELECT venue_symbol, sum(price * quantity) FROM $F GROUP BY ALL ORDER BY ALL',
    wanted: { columns: ['venue_symbol', 'price', 'quantity'] },
  },
  {
    name: 'three columns of one symbol of a hundred',
    sql: `SELECT count(*), max(price), max(event_ts) FROM $F WHERE venue_symbol = 'SYM042'`,
    wanted: { columns: ['venue_symbol', 'price', 'event_ts'], symbol: 'SYM042' },
  },
]

/** What a copy of the needed column chunks would save of a copy of the whole file. */
export const rangesBenchmark: Benchmark = {
  name: 'ranges',
  about: 'a narrow query over a large remote file: its column chunks alone, or a whole copy',
  run: async (context) => {
    const { stores: names, rest } = readStoreNames(context.args, ['minio', 'hdfs'])
    const { counts } = readCounts(rest, { rows: 4_000_000, runs: 5 })
    const stores = await startBenchStores(names)
    try {
      for (const store of stores.all) await measureStore(context, store, counts)
    } finally {
      await stores.stop()
    }
  },
}

async function measureStore(
  { scratchFolder, report }: BenchmarkContext,
  { name, storesOf }: BenchStore,
  { rows, runs }: { readonly rows: number; readonly runs: number },
): Promise<void> {
  const folder = join(scratchFolder, name)
  await mkdir(folder)
  const { warehouse = pathToFileURL(folder).href, ...others } = storesOf('ranges')
  const lake = await openLake({
    ...{ directory: join(folder, 'lake'), clock: systemClock, ids: randomIds },
    ...{ createIfMissing: true, stores: { warehouse, ...others } },
  })
  const session = await lake.engine.connect()
  try {
    const path = join(folder, 'original.parquet')
    await writeTrades(session, rows, path)
    const runOf = createRun(lake, session, { path, folder, warehouse })
    for (const each of cases) {
      const times = { whole: [] as number[], ranges: [] as number[] }
      let facts = { file_mb: 0, read_mb: 0, requests: 0 }
      // In turn, so that other load falls on both.
      for (let run = 0; run < runs; run += 1) {
        times.whole.push((await runOf(each, 'whole')).wallMs)
        const { wallMs, ...read } = await runOf(each, 'ranges')
        times.ranges.push(wallMs)
        facts = read
      }
      report({
        name: `${name}: ${each.name}, chunks copied, p50`,
        value: percentile(times.ranges, 0.5),
        unit: 'ms',
        peer: { name: 'the whole file copied', value: percentile(times.whole, 0.5) },
        facts: { rows, runs, ...facts },
      })
    }
  } finally {
    session.close()
    await lake.close()
  }
}

/** One file as silver has them: sorted, in row groups of the usual size. */
async function writeTrades(session: Session, rows: number, path: string): Promise<void> {
  await session.run(
    `COPY (SELECT * FROM (${dayOfTrades(0, rows)}) ORDER BY venue_symbol, event_ts)
     TO ${sqlString(path)} (FORMAT parquet, COMPRESSION zstd)`,
  )
}

interface RunResult {
  readonly wallMs: number
  readonly file_mb: number
  readonly read_mb: number
  readonly requests: number
}

/** Copies what a statement needs from a file that nobody has read before, and runs it. */
function createRun(
  { fileIO, ids }: Lake,
  session: Session,
  place: { readonly path: string; readonly folder: string; readonly warehouse: string },
): (each: RangeCase, how: 'whole' | 'ranges') => Promise<RunResult> {
  return async ({ sql, wanted }, how) => {
    const { size } = await stat(place.path)
    const rowsOf = async (path: string): Promise<string> => {
      const rows = await session.rows(sql.replace('$F', `read_parquet(${sqlString(path)})`))
      return JSON.stringify(rows, (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      )
    }
    const location = `${place.warehouse}/${ids.uuid()}.parquet`
    await fileIO.write(location, await readFile(place.path))
    const sparse = join(place.folder, `${ids.uuid()}.parquet`)
    let read = { bytesRead: size, requestCount: 1 }
    const { result, wallSeconds } = await measure(async () => {
      if (how === 'whole') return rowsOf(await fileIO.localPath(location, size))
      const ranges = await rangesOf(session, place.path, wanted)
      read = await copyRanges(fileIO, location, size, ranges, sparse)
      return rowsOf(sparse)
    })
    const expected = await rowsOf(place.path)
    if (result !== expected) throw new Error(`The copy of ${how} gave other rows: ${result}`)
    await fileIO.delete(location)
    await rm(sparse, { force: true })
    return {
      wallMs: wallSeconds * 1000,
      file_mb: Math.round(size / 1e4) / 100,
      read_mb: Math.round(read.bytesRead / 1e4) / 100,
      requests: read.requestCount,
    }
  }
}
