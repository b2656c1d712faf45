import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import type { DuckDBConnection } from '@duckdb/node-api'
import { unzipSync } from 'fflate'
import { LIVE_COMPRESSION_LEVEL } from '../pipelines/loop/loop-context.ts'
import type { ChildSide } from './child.ts'
import { plainBarsSql, plainLinesSql, plainRawSql, plainTradesSql } from './plain-ticks-sql.ts'
import type { TickFile } from './plain-ticks-sql.ts'
import { measure, readProcessCost } from './process-cost.ts'

export interface PlainTicksTask {
  readonly folder: string
  readonly files: readonly string[]
}

export interface PlainTicksReport {
  readonly rows: number
  readonly bars: number
  readonly wallSeconds: number
  readonly cpuSeconds: number
  readonly rssMbPeak: number
}

/**
 * What Sluice is compared with: DuckDB alone writes the same three layers of the same ticks as
 * plain Parquet, three files a day, each made durable. No metadata, no commit, no checks of a
 * line, no duplicates, no late rows; and the zips are unpacked before the clock starts.
 */
export async function runPlainTicksTask(side: ChildSide): Promise<PlainTicksReport> {
  const { folder, files } = side.task as PlainTicksTask
  const scratch = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluice-'))
  try {
    const days: TickFile[] = []
    for (const file of files) days.push(...(await unpack(file, scratch)))
    const instance = await DuckDBInstance.create(':memory:', { threads: '2' })
    const connection = await instance.connect()
    await connection.run("SET TimeZone='UTC'")
    const { result, wallSeconds, cpuSeconds } = await measure(async () => {
      let [rows, bars] = [0, 0]
      for (const day of days) {
        rows += await writeDay(connection, day, folder)
        bars += await countRows(connection, 'bars')
      }
      return { rows, bars }
    })
    connection.closeSync()
    instance.closeSync()
    return { ...result, wallSeconds, cpuSeconds, rssMbPeak: readProcessCost().rssMbPeak }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** The CSV files of a zip, in memory-backed storage like Sluice's own scratch files. */
async function unpack(file: string, scratch: string): Promise<TickFile[]> {
  const days: TickFile[] = []
  for (const [entry, bytes] of Object.entries(unzipSync(await readFile(file)))) {
    const match = /^(\d{4})(\d{2})(\d{2})_(\w+)_Trade_Tick\.csv$/i.exec(entry)
    if (match === null) throw new Error(`${file} holds ${entry}: no trade ticks. Nothing measured.`)
    const [, year, month, day, symbol] = match
    const path = join(scratch, entry)
    await writeFile(path, bytes)
    days.push({ path, entry, date: `${year}-${month}-${day}`, symbol: symbol?.toUpperCase() ?? '' })
  }
  return days
}

async function writeDay(
  connection: DuckDBConnection,
  day: TickFile,
  folder: string,
): Promise<number> {
  await connection.run(`CREATE OR REPLACE TABLE lines AS ${plainLinesSql(day)}`)
  await connection.run(`CREATE OR REPLACE TABLE trades AS ${plainTradesSql(day)}`)
  await connection.run(`CREATE OR REPLACE TABLE bars AS ${plainBarsSql()}`)
  const layers = {
    raw: `${plainRawSql(day)} ORDER BY source, source_partition, source_offset`,
    trades: 'SELECT * FROM trades ORDER BY venue_symbol, event_ts',
    bars: 'SELECT * FROM bars ORDER BY step, venue_symbol, open_ts',
  }
  for (const [layer, query] of Object.entries(layers)) {
    const path = join(folder, `${layer}-${day.date}.parquet`)
    await connection.run(
      `COPY (${query}) TO '${path}' (FORMAT parquet, COMPRESSION zstd, ` +
        `COMPRESSION_LEVEL ${LIVE_COMPRESSION_LEVEL})`,
    )
    const file = await open(path, 'r')
    await file.sync()
    await file.close()
  }
  return countRows(connection, 'trades')
}

async function countRows(connection: DuckDBConnection, table: string): Promise<number> {
  const reader = await connection.runAndReadAll(`SELECT count(*) FROM ${table}`)
  return Number(reader.getRows()[0]?.[0] ?? 0)
}
