import type { Dialect } from './dialect.ts'

/** Windows that gold keeps, each made of the one before it. All begin at whole steps in UTC. */
export const windowSteps = [
  { step: '1m', lengthUs: 60_000_000 },
  { step: '5m', lengthUs: 300_000_000 },
  { step: '1h', lengthUs: 3_600_000_000 },
  { step: '1d', lengthUs: 86_400_000_000 },
] as const

export type WindowStep = (typeof windowSteps)[number]['step']

/** An algebra of window states, as SQL text: what turns rows into states, and states into one. */
export interface WindowAlgebra {
  /** Columns of the raw relation that `partial` reads beside venue, venue_symbol, open_us. */
  readonly rowsSql: (rows: string) => string
  /** Aggregates over rows, and over states, each with its column's name. */
  readonly partial: readonly (readonly [name: string, aggregate: string])[]
  readonly merge: readonly (readonly [name: string, aggregate: string])[]
  /**
   * What `partial` gives of one row, where most rows are alone in their minute: then only those
   * that are not are grouped. The same columns in the same order and types.
   */
  readonly single?: readonly (readonly [name: string, expression: string])[]
  /** Columns of the states that `partial` holds in another form, and how they are made of it. */
  readonly told?: Readonly<Record<string, string>>
  /**
   * A column of the states by which they outrank each other: of one window only states of the
   * greatest value are merged, the others count for nothing. Merging stays associative,
   * commutative and exact.
   */
  readonly rank?: string
}

/**
 * States of all steps over silver rows: one minute from the rows, each coarser step from the
 * states before it. The four are equal to what the rows alone would give, as merge is exact.
 */
export function partialStatesSql(algebra: WindowAlgebra, rows: string, dialect: Dialect): string {
  const levels = windowSteps.map(({ step, lengthUs }, index) => {
    const finer = windowSteps[index - 1]
    const from = finer === undefined ? `(${algebra.rowsSql(rows)}) AS r` : `level_${finer.step}`
    const aggregates = finer === undefined ? algebra.partial : algebra.merge
    if (finer === undefined && algebra.single !== undefined && dialect.name === 'duckdb') {
      return singlesSql(algebra, algebra.single, from)
    }
    return `level_${step} AS (${groupedSql(aggregates, from, lengthUs)})`
  })
  const names = algebra.merge
    .map(([name]) => {
      const told = algebra.told?.[name]
      return told === undefined ? name : `${told} AS ${name}`
    })
    .join(', ')
  const states = windowSteps.map(
    ({ step, lengthUs }) =>
      `SELECT '${step}' AS step, venue, venue_symbol, instrument_id, ` +
      `${dialect.timestampOfUs('us')} AS open_ts, ` +
      `${dialect.timestampOfUs(`us + ${lengthUs}`)} AS close_ts, ${names} FROM level_${step}`,
  )
  return `WITH ${levels.join(', ')} ${states.join(' UNION ALL ')}`
}

function groupedSql(aggregates: WindowAlgebra['merge'], from: string, lengthUs: number): string {
  const columns = aggregates.map(([name, aggregate]) => `${aggregate} AS ${name}`)
  return (
    `SELECT venue, venue_symbol, min(instrument_id) AS instrument_id, us - us % ${lengthUs} AS us, ` +
    `${columns.join(', ')} FROM ${from} GROUP BY venue, venue_symbol, us - us % ${lengthUs}`
  )
}

/** The first level of rows that are mostly alone: counting them is cheap, grouping them is not. */
function singlesSql(
  { partial }: WindowAlgebra,
  single: WindowAlgebra['merge'],
  rows: string,
): string {
  const [{ step, lengthUs }] = windowSteps
  const start = `us - us % ${lengthUs}`
  const columns = single.map(([name, expression]) => `${expression} AS ${name}`)
  const isRepeated = (join: string) =>
    `${rows} ${join} JOIN repeated AS d ON r.venue = d.venue AND r.venue_symbol = d.venue_symbol ` +
    `AND ${start} = d.start_us`
  return (
    `repeated AS MATERIALIZED (SELECT venue, venue_symbol, ${start} AS start_us FROM ${rows} ` +
    `GROUP BY ALL HAVING count(*) > 1), level_${step} AS (SELECT venue, venue_symbol, ` +
    `instrument_id, ${start} AS us, ${columns.join(', ')} FROM ${isRepeated('ANTI')} UNION ALL ` +
    `${groupedSql(partial, `(SELECT * FROM ${isRepeated('SEMI')})`, lengthUs)})`
  )
}

/** One state per window out of any number of states per window. */
export function mergeStatesSql(algebra: WindowAlgebra, states: string): string {
  const { merge, rank } = algebra
  const columns = merge.map(([name, aggregate]) => `${aggregate} AS ${name}`)
  const ruling =
    rank === undefined
      ? states
      : `(SELECT * FROM (SELECT *, max(${rank}) OVER (PARTITION BY step, venue, venue_symbol, ` +
        `open_ts) AS ruling_rank FROM ${states} AS a) AS b WHERE ${rank} = ruling_rank)`
  return (
    `SELECT step, venue, venue_symbol, min(instrument_id) AS instrument_id, open_ts, ` +
    `min(close_ts) AS close_ts, ${columns.join(', ')} FROM ${ruling} AS s ` +
    `GROUP BY step, venue, venue_symbol, open_ts`
  )
}
