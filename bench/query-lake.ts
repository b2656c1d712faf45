import type { Lake } from '../pipelines/lake/lake.ts'
import { openLake } from '../pipelines/lake/open-lake.ts'
import { randomIds, systemClock } from '../tables/clock.ts'
import { commitChange } from '../tables/commit/commit-change.ts'
import { planAppend } from '../tables/commit/plan-append.ts'
import { planScan } from '../tables/scan/plan-scan.ts'
import { tableId } from '../tables/spec/table-identifier.ts'

/** A lake with trades in it, committed day by day. */
export interface QueryLake {
  readonly lake: Lake
  /** The snapshot when half of the days were in. */
  readonly halfSnapshotId: bigint
  /** Paths of the data files, of the head and of the half. */
  readonly paths: readonly string[]
  readonly halfPaths: readonly string[]
  readonly rows: number
}

const trades = tableId('silver.trades')
const SYMBOL_COUNT = 100

/** Each commit adds one day as one file, sorted by symbol and time. */
export async function makeQueryLake(
  directory: string,
  rows: number,
  files: number,
): Promise<QueryLake> {
  const options = { directory, clock: systemClock, ids: randomIds, createIfMissing: true }
  const lake = await openLake(options)
  const session = await lake.engine.connect()
  const { catalog, fileIO, clock, ids, manifestCache, scratchDir } = lake
  const context = { catalog, fileIO, clock, ids, manifestCache, scratchDir, session }
  const rowsPerFile = Math.ceil(rows / files)
  let halfSnapshotId = 0n
  try {
    for (let day = 0; day < files; day += 1) {
      const table = await catalog.loadTable(trades)
      if (table === undefined) throw new Error('The lake has no table silver.trades.')
      const change = await planAppend(context, table, dayOfTrades(day, rowsPerFile))
      const { snapshotId } = await commitChange(context, trades, change)
      if (day === Math.floor((files - 1) / 2)) halfSnapshotId = snapshotId ?? 0n
    }
  } finally {
    session.close()
  }
  return {
    lake,
    halfSnapshotId,
    paths: await pathsOf(lake),
    halfPaths: await pathsOf(lake, halfSnapshotId),
    rows: rowsPerFile * files,
  }
}

async function pathsOf(lake: Lake, snapshotId?: bigint): Promise<readonly string[]> {
  const table = await lake.catalog.loadTable(trades)
  if (table === undefined) throw new Error('The lake has no table silver.trades.')
  const { fileIO } = lake
  const { tasks } = await planScan({
    fileIO,
    metadata: table.metadata,
    ...(snapshotId === undefined ? {} : { snapshotId }),
  })
  return Promise.all(tasks.map(({ file }) => fileIO.localPath(file.filePath)))
}

/** Prints of 100 symbols over one day of 2025, column for column silver.trades. */
export function dayOfTrades(day: number, rows: number): string {
  const ts = `TIMESTAMPTZ '2025-01-01 00:00:00+00' + to_days(${day}) + to_microseconds(us)`
  return (
    `SELECT 'us-equity' AS venue, symbol AS venue_symbol, 'us-equity:' || symbol AS instrument_id, ` +
    `CAST(${day * 1_000_000_000} + i AS VARCHAR) AS trade_id, NULL::BIGINT AS trade_seq, ` +
    `${ts} AS event_ts, (100 + hash(i) % 100000 / 1000)::DECIMAL(18, 8) AS price, ` +
    `(1 + hash(i + 1) % 500)::DECIMAL(28, 8) AS quantity, ` +
    `CASE hash(i + 2) % 3 WHEN 0 THEN 'buy' WHEN 1 THEN 'sell' ELSE 'unknown' END AS taker_side, ` +
    `NULL::VARCHAR AS conditions, false AS is_rounded, 'bench' AS source, ` +
    `0::INTEGER AS source_partition, i::BIGINT AS source_offset, 0::INTEGER AS source_row, ` +
    `NULL::TIMESTAMPTZ AS received_ts, ${ts} AS ingested_ts, ` +
    `NULL::BOOLEAN AS seq_is_contiguous FROM (SELECT i, ` +
    `'SYM' || lpad(CAST(hash(i + 3) % ${SYMBOL_COUNT} AS VARCHAR), 3, '0') AS symbol, ` +
    `i * (86400000000 // ${rows}) AS us FROM range(${rows}) rows(i))`
  )
}
