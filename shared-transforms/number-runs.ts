import { duckdbDialect, type Dialect } from './dialect.ts'

/**
 * Which trades are missing, told by numbers that a venue gives one after the other. An algebra: a
 * run is a range of numbers (`low_seq` to `high_seq`) of one venue symbol of which none is missing,
 * with the earliest event time of its first and its last number (`low_us`, `high_us`). Merging runs
 * is associative, commutative and exact, so what is missing hangs on no order and on no cut.
 */
export const RUN_COLUMNS = 'venue, venue_symbol, low_seq, high_seq, low_us, high_us'

/** A longer leap is another numbering, and nothing is missing. */
const MAX_GAP = 10_000_000

/** So much earlier a later number may bear: venues number by another clock than they time by. */
const CLOCK_STEP_US = 1_000_000

/** The runs of rows of silver.trades; rows whose numbers need not be contiguous make none. */
export function numberRunsPartialSql(rows: string, dialect: Dialect = duckdbDialect): string {
  const numbers =
    `SELECT venue, venue_symbol, trade_seq, min(${dialect.epochUs('event_ts')}) AS us ` +
    `FROM ${rows} AS t WHERE seq_is_contiguous GROUP BY venue, venue_symbol, trade_seq`
  // Numbers in a row keep their distance to their place.
  return (
    `SELECT venue, venue_symbol, min(trade_seq) AS low_seq, max(trade_seq) AS high_seq, ` +
    `min_by(us, trade_seq) AS low_us, max_by(us, trade_seq) AS high_us FROM (SELECT n.*, ` +
    `trade_seq - row_number() OVER (PARTITION BY venue, venue_symbol ORDER BY trade_seq) AS run ` +
    `FROM (${numbers}) AS n) AS r GROUP BY venue, venue_symbol, run`
  )
}

/** The fewest runs that hold the numbers of all: those that touch or overlap become one. */
export function numberRunsMergeSql(runs: string): string {
  const before = 'PARTITION BY venue, venue_symbol ORDER BY low_seq, high_seq'
  const reached =
    `SELECT ${RUN_COLUMNS}, max(high_seq) OVER (${before} ROWS BETWEEN UNBOUNDED PRECEDING ` +
    `AND 1 PRECEDING) AS reach FROM ${runs} AS a`
  const numbered =
    `SELECT ${RUN_COLUMNS}, sum(CASE WHEN low_seq <= reach + 1 THEN 0 ELSE 1 END) ` +
    `OVER (${before} ROWS UNBOUNDED PRECEDING) AS run FROM (${reached}) AS b`
  const ends =
    `SELECT ${RUN_COLUMNS}, run, min(low_seq) OVER (PARTITION BY venue, venue_symbol, run) ` +
    `AS first_seq, max(high_seq) OVER (PARTITION BY venue, venue_symbol, run) AS last_seq ` +
    `FROM (${numbered}) AS c`
  return (
    `SELECT venue, venue_symbol, min(low_seq) AS low_seq, max(high_seq) AS high_seq, ` +
    `min(CASE WHEN low_seq = first_seq THEN low_us END) AS low_us, ` +
    `min(CASE WHEN high_seq = last_seq THEN high_us END) AS high_us ` +
    `FROM (${ends}) AS d GROUP BY venue, venue_symbol, run`
  )
}

/**
 * What is missing between merged runs: silver.gaps' content. Two runs far apart, and two of which
 * the higher one is earlier, are of two numberings (the venue began again at a lower number), and
 * nothing is missing between them.
 */
export function gapsSql(runs: string, dialect: Dialect = duckdbDialect): string {
  const order = 'OVER (PARTITION BY venue, venue_symbol ORDER BY low_seq)'
  const neighbours =
    `SELECT venue, venue_symbol, low_seq, low_us, lag(high_seq) ${order} AS before_seq, ` +
    `lag(high_us) ${order} AS before_us FROM ${runs} AS r`
  return (
    `SELECT venue, venue_symbol, before_seq + 1 AS from_seq, low_seq - 1 AS to_seq, ` +
    `${dialect.timestampOfUs('least(before_us, low_us)')} AS from_ts, ` +
    `${dialect.timestampOfUs('greatest(before_us, low_us)')} AS to_ts FROM (${neighbours}) AS n ` +
    `WHERE low_seq - before_seq - 1 <= ${MAX_GAP} AND before_us <= low_us + ${CLOCK_STEP_US}`
  )
}
