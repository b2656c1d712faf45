import { duckdbDialect, type Dialect } from './dialect.ts'

const SERIES = 'venue, venue_symbol, step'

/**
 * Rows of gold.kline_gaps out of klines (a relation with silver.klines' columns): for each venue,
 * symbol and step every run of steps without a kline, from the end of the kline before it to the
 * start of the one behind it. What lies before a symbol's first kline or behind its last one is no
 * gap: nothing says that klines were to be there, and no clock takes part.
 */
export function klineGapsSql(klines: string, dialect: Dialect = duckdbDialect): string {
  const next =
    `SELECT ${SERIES}, instrument_id, open_ts, close_ts, lead(open_ts) OVER ` +
    `(PARTITION BY ${SERIES} ORDER BY open_ts) AS next_ts FROM ${klines} AS k`
  const us = (from: string, to: string): string =>
    `(${dialect.epochUs(to)} - ${dialect.epochUs(from)})`
  // Both are whole steps, so that the quotient is exact where an engine divides by doubles too.
  const count = `CAST(${us('close_ts', 'next_ts')} / ${us('open_ts', 'close_ts')} AS BIGINT)`
  return (
    `SELECT venue, venue_symbol, instrument_id, step, close_ts AS from_ts, next_ts AS to_ts, ` +
    `${count} AS missing_count FROM (${next}) AS n WHERE next_ts > close_ts`
  )
}
