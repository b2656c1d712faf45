import { join } from 'node:path'
import { createEngine } from '../tables/engine/engine.ts'
import type { Session } from '../tables/engine/engine.ts'
import { toResultValue } from '../tables/engine/result-value.ts'
import type { RowValue } from '../tables/engine/row-value.ts'
import { sqlStrings } from '../tables/engine/sql-text.ts'
import { createLakeQuery } from '../tables/query/lake-query.ts'
import type { LakeQuery } from '../tables/query/lake-query.ts'
import { tableId } from '../tables/spec/table-identifier.ts'
import type { Benchmark } from './benchmark.ts'
import { percentile } from './percentile.ts'
import { measure } from './process-cost.ts'
import { makeQueryLake } from './query-lake.ts'
import type { QueryLake } from './query-lake.ts'
import { readCounts } from './read-counts.ts'

const PEER = 'the same SQL over read_parquet of the same files'

interface QueryCase {
  readonly name: string
  /** Its FROM is `$T`. */
  readonly sql: string
  readonly isOfHalf?: boolean
}

const cases: readonly QueryCase[] = [
  {
    name: 'scan of three columns, a fifth of the rows kept',
    sql: `SELECT sum(price * quantity), max(event_ts), count(*) FROM $T
      WHERE price > 180 AND taker_side <> 'unknown'`,
  },
  {
    name: 'aggregate by symbol and hour',
    sql: `SELECT venue_symbol, date_trunc('hour', event_ts) AS hour, sum(quantity) AS volume,
      max(price) AS high, min(price) AS low, count(*) AS trades FROM $T GROUP BY ALL`,
  },
  {
    name: 'rows of one symbol and one day',
    sql: `SELECT event_ts, price, quantity FROM $T WHERE venue_symbol = 'SYM042'
      AND event_ts >= '2025-01-02' AND event_ts < '2025-01-03' ORDER BY event_ts`,
  },
  {
    name: 'aggregate as of an older snapshot',
    sql: `SELECT venue_symbol, sum(price * quantity) AS notional FROM $T GROUP BY ALL`,
    isOfHalf: true,
  },
]

/** Whole statements, from their text to the last row, as `sluice sql` runs them. */
export const queryBenchmark: Benchmark = {
  name: 'query',
  about: 'SQL over a lake, beside the same SQL over its plain Parquet files',
  run: async ({ args, scratchFolder, report }) => {
    const { counts } = readCounts(args, { rows: 4_000_000, files: 40, runs: 9 })
    const made = await makeQueryLake(join(scratchFolder, 'lake'), counts.rows, counts.files)
    const { lake } = made
    const engine = await createEngine({
      scratchDir: join(scratchFolder, 'sql'),
      allowedDirectories: [join(scratchFolder, 'lake')],
    })
    const session = await engine.connect()
    try {
      const { catalog, fileIO, manifestCache } = lake
      const cutsTable = tableId('sluice.cuts')
      const lakeQuery = createLakeQuery({ catalog, fileIO, manifestCache, engine, cutsTable })
      for (const queryCase of cases) {
        const done = await measureCase(lakeQuery, session, made, queryCase, counts.runs)
        report({
          name: `${queryCase.name}, p50`,
          value: percentile(done.ours, 0.5),
          unit: 'ms',
          peer: { name: PEER, value: percentile(done.plain, 0.5) },
          facts: { table_rows: made.rows, files: counts.files, runs: counts.runs, ...done.facts },
        })
      }
    } finally {
      session.close()
      await engine.close()
      await lake.close()
    }
  },
}

interface CaseTimes {
  readonly ours: readonly number[]
  readonly plain: readonly number[]
  readonly facts: Readonly<Record<string, number>>
}

/** Both in turn, so that what else the machine does falls on both; the first of each is not told. */
async function measureCase(
  lakeQuery: LakeQuery,
  session: Session,
  made: QueryLake,
  { sql, isOfHalf = false }: QueryCase,
  runs: number,
): Promise<CaseTimes> {
  const at = isOfHalf ? ` AT (VERSION => ${made.halfSnapshotId})` : ''
  const lakeSql = sql.replace('$T', `silver.trades${at}`)
  const files = sqlStrings(isOfHalf ? made.halfPaths : made.paths)
  const plainSql = sql.replace('$T', `read_parquet(${files}, hive_partitioning = false)`)
  const ours: number[] = []
  const plain: number[] = []
  let rowCount = 0
  for (let run = 0; run <= runs; run += 1) {
    const lakeRun = await measure(async () => countRows((await lakeQuery.query(lakeSql)).rows))
    const plainRun = await measure(async () => {
      const { blocks } = await session.stream(plainSql, toResultValue)
      return countRows(rowsOf(blocks))
    })
    rowCount = lakeRun.result
    if (plainRun.result !== rowCount) {
      throw new Error(`The lake gave ${rowCount} rows, its files ${plainRun.result}: ${sql}`)
    }
    if (run === 0) continue
    ours.push(lakeRun.wallSeconds * 1000)
    plain.push(plainRun.wallSeconds * 1000)
  }
  return { ours, plain, facts: { result_rows: rowCount } }
}

async function countRows(rows: AsyncIterable<readonly RowValue[]>): Promise<number> {
  let count = 0
  for await (const row of rows) count += row.length > 0 ? 1 : 0
  return count
}

async function* rowsOf(
  blocks: AsyncIterable<readonly (readonly RowValue[])[]>,
): AsyncGenerator<readonly RowValue[]> {
  for await (const block of blocks) yield* block
}
