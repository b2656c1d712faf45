import { duckdbDialect, type Dialect } from './dialect.ts'
import { quotientSql } from './quotient.ts'

const SYMBOL = 'venue, venue_symbol'
const DAY_US = '86400000000'
/** Days that one bar stands for at most: what one sequence of Trino holds. */
const MAX_DAYS = 10_000

/**
 * Rows of gold.daily_filled out of bars (a relation with gold.bars' columns): every UTC day of a
 * symbol from its first daily bar to its last one. A day without a bar repeats the close of the last
 * day before it that has one, with volume 0, and says so in `is_filled`. It never goes beyond the
 * last bar: what is filled hangs on the bars alone, and on no clock.
 *
 * `ma7` and `ma30` are the means of the closes of a day and the 6 or 29 days before it, decimals half
 * away from zero, the same in both engines; null as long as there are fewer days.
 */
export function dailyFilledSql(bars: string, dialect: Dialect = duckdbDialect): string {
  const days = dialect.eachNumber({
    relation: `(${knownDaysSql(bars, dialect)})`,
    column: 'each_us',
    from: 'day_us',
    until: `least(coalesce(next_us - ${DAY_US}, day_us), day_us + ${MAX_DAYS - 1} * ${DAY_US})`,
    by: DAY_US,
  })
  const filled = (column: string, other: string): string =>
    `CASE WHEN each_us = day_us THEN ${column} ELSE ${other} END AS ${column}`
  const rows =
    `SELECT ${SYMBOL}, instrument_id, each_us, ${filled('open', 'close')}, ` +
    `${filled('high', 'close')}, ${filled('low', 'close')}, close, ` +
    `${filled('volume', `CAST('0' AS DECIMAL(38, 8))`)}, each_us <> day_us AS is_filled ` +
    `FROM (${days}) AS d`
  const over = (length: number): string =>
    `OVER (PARTITION BY ${SYMBOL} ORDER BY each_us ROWS BETWEEN ${length - 1} PRECEDING ` +
    `AND CURRENT ROW)`
  const sums = [7, 30].map(
    (length) =>
      `CAST(sum(close) ${over(length)} AS DECIMAL(38, 8)) AS sum${length}, ` +
      `CAST(count(*) ${over(length)} AS BIGINT) AS count${length}`,
  )
  const means = [7, 30].map(
    (length) =>
      `CASE WHEN count${length} = ${length} ` +
      `THEN ${quotientSql(`sum${length}`, `count${length}`, dialect)} END AS ma${length}`,
  )
  return (
    `SELECT ${SYMBOL}, instrument_id, ${dialect.dateOfUs('each_us')} AS day, open, high, low, ` +
    `close, volume, is_filled, ${means.join(', ')} ` +
    `FROM (SELECT *, ${sums.join(', ')} FROM (${rows}) AS r) AS w`
  )
}

/** Daily bars with the start of the next one. */
function knownDaysSql(bars: string, dialect: Dialect): string {
  return (
    `SELECT *, lead(day_us) OVER (PARTITION BY ${SYMBOL} ORDER BY day_us) AS next_us FROM (` +
    `SELECT ${SYMBOL}, instrument_id, ${dialect.epochUs('open_ts')} AS day_us, ` +
    `open, high, low, close, volume FROM ${bars} AS b WHERE step = '1d') AS k`
  )
}

/** Rows of gold.forecast_input out of bars: the filled closes as forecasting libraries name them. */
export function forecastInputSql(bars: string, dialect: Dialect = duckdbDialect): string {
  return (
    `SELECT day AS ds, close AS y, venue_symbol AS symbol, venue, is_filled ` +
    `FROM (${dailyFilledSql(bars, dialect)}) AS f`
  )
}
