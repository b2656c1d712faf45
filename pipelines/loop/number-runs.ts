import { numberRunsMergeSql, numberRunsPartialSql } from '../../shared-transforms/number-runs.ts'
import type { ScanTask } from '../../tables/scan/plan-scan.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { sqlString } from '../../tables/engine/sql-text.ts'

/** A range of numbers of one venue symbol of which none is missing; see the step. */
export interface NumberRun {
  readonly venue: string
  readonly venue_symbol: string
  readonly low_seq: bigint
  readonly high_seq: bigint
  /** Earliest event time of the first and of the last number, µs. */
  readonly low_us: bigint
  readonly high_us: bigint
}

/** Rows of silver that are sorted at once: a few hundred megabytes. */
const SLICE_ROWS = 2_000_000

/** For the planner: files without a number of a contiguous numbering are not opened. */
export const CONTIGUOUS = [{ column: 'seq_is_contiguous', op: '=', value: true }] as const

/** A query of no runs. */
export const NO_RUNS_SQL =
  `SELECT NULL::VARCHAR AS venue, NULL::VARCHAR AS venue_symbol, NULL::BIGINT AS low_seq, ` +
  `NULL::BIGINT AS high_seq, NULL::BIGINT AS low_us, NULL::BIGINT AS high_us WHERE false`

/** An empty table for runs. */
export async function createRuns(session: Session, table: string): Promise<void> {
  await session.run(`CREATE OR REPLACE TABLE ${table} AS ${NO_RUNS_SQL}`)
}

/** Files in groups of a bounded number of rows; a larger file is a group of its own. */
export function sliceTasks(tasks: readonly ScanTask[]): readonly (readonly ScanTask[])[] {
  const slices: ScanTask[][] = []
  let rowCount = Infinity
  for (const task of tasks) {
    rowCount += task.file.recordCount
    if (rowCount > SLICE_ROWS) {
      slices.push([])
      rowCount = task.file.recordCount
    }
    slices.at(-1)?.push(task)
  }
  return slices
}

/** Fills a table with the merged runs of relations with silver.trades' rows, one after the other. */
export async function collectRuns(
  session: Session,
  table: string,
  relations: Iterable<() => Promise<string>>,
): Promise<void> {
  await createRuns(session, 'number_runs_read')
  for (const relation of relations) {
    const rows = await relation()
    await addRuns(session, 'number_runs_read', rows, await readDense(session, rows))
  }
  await session.run(`CREATE OR REPLACE TABLE ${table} AS ${numberRunsMergeSql('number_runs_read')}`)
  await session.run('DROP TABLE number_runs_read')
}

export interface DenseRuns {
  /** Of symbols whose rows are one run, each number in one row. */
  readonly dense: readonly NumberRun[]
  readonly others: readonly Pick<NumberRun, 'venue' | 'venue_symbol'>[]
}

interface FoundNumbers extends NumberRun {
  readonly row_count: bigint
  readonly number_count: bigint
}

/**
 * The runs of symbols of which no number is missing or there twice: nearly all of them in any
 * batch. Numbers are counted as bits of words, which costs a tenth of sorting them.
 */
export async function readDense(session: Session, rows: string): Promise<DenseRuns> {
  const found = await session.rowsKept<FoundNumbers>(
    `SELECT venue, venue_symbol, min(low) AS low_seq, max(high) AS high_seq, ` +
      `min_by(first_us, low) AS low_us, max_by(last_us, high) AS high_us, ` +
      `sum(n)::BIGINT AS row_count, sum(bit_count(bits))::BIGINT AS number_count FROM (` +
      `SELECT venue, venue_symbol, trade_seq >> 6 AS word, count(*) AS n, ` +
      `bit_or(1::UBIGINT << (trade_seq & 63)::UBIGINT) AS bits, ` +
      `min(trade_seq) AS low, min_by(epoch_us(event_ts), trade_seq) AS first_us, ` +
      `max(trade_seq) AS high, max_by(epoch_us(event_ts), trade_seq) AS last_us ` +
      `FROM ${rows} WHERE seq_is_contiguous GROUP BY venue, venue_symbol, word) ` +
      `GROUP BY venue, venue_symbol`,
  )
  const isDense = ({ low_seq: low, high_seq: high, ...counts }: FoundNumbers): boolean =>
    counts.number_count === high - low + 1n && counts.row_count === counts.number_count
  return { dense: found.filter(isDense), others: found.filter((one) => !isDense(one)) }
}

/** Adds the runs of rows to a table: those that are known, and those of the other symbols. */
export async function addRuns(
  session: Session,
  table: string,
  rows: string,
  { dense, others }: DenseRuns,
): Promise<void> {
  await insertRuns(session, table, dense)
  if (others.length === 0) return
  const names = others.map((one) => `(${sqlString(one.venue)}, ${sqlString(one.venue_symbol)})`)
  const some = `(SELECT * FROM ${rows} WHERE (venue, venue_symbol) IN (${names.join(', ')}))`
  await session.run(`INSERT INTO ${table} BY NAME ${numberRunsPartialSql(some)}`)
}

export async function insertRuns(
  session: Session,
  table: string,
  runs: readonly NumberRun[],
): Promise<void> {
  if (runs.length === 0) return
  const values = runs.map(
    (run) =>
      `(${sqlString(run.venue)}, ${sqlString(run.venue_symbol)}, ${run.low_seq}, ` +
      `${run.high_seq}, ${run.low_us}, ${run.high_us})`,
  )
  await session.run(`INSERT INTO ${table} VALUES ${values.join(', ')}`)
}
