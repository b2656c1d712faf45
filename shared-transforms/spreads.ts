import { duckdbDialect, type Dialect } from './dialect.ts'
import { orderKeySql } from './order-key.ts'
import { quotientSql } from './quotient.ts'
import { mergeStatesSql, partialStatesSql, type WindowAlgebra } from './window-step.ts'

/**
 * Spreads as an algebra. A state has gold's columns but for mid, avg_spread, is_sealed, revision.
 * The last bid and the last ask are told apart, each with the key of the row that told it, as a
 * venue may send one side only; spreads are over rows that carry both.
 */
function algebra(dialect: Dialect): WindowAlgebra {
  return {
    rowsSql: (rows) =>
      `SELECT venue, venue_symbol, instrument_id, ${dialect.epochUs('event_ts')} AS us, ` +
      `bid_price, ask_price, CAST(ask_price - bid_price AS DECIMAL(18, 8)) AS spread, ` +
      `${orderKeySql('quote', dialect)} AS order_key FROM ${rows} AS q`,
    partial: [
      ['bid_price', 'max_by(bid_price, order_key) FILTER (WHERE bid_price IS NOT NULL)'],
      ['ask_price', 'max_by(ask_price, order_key) FILTER (WHERE ask_price IS NOT NULL)'],
      ['min_spread', 'min(spread)'],
      ['max_spread', 'max(spread)'],
      ['quote_count', 'count(*)'],
      ['both_sides_count', 'count(spread)'],
      ['crossed_count', 'count(CASE WHEN spread < 0 THEN 1 END)'],
      ['sum_spread', `CAST(coalesce(sum(spread), 0) AS DECIMAL(38, 8))`],
      ['bid_key', 'max(order_key) FILTER (WHERE bid_price IS NOT NULL)'],
      ['ask_key', 'max(order_key) FILTER (WHERE ask_price IS NOT NULL)'],
    ],
    merge: [
      ['bid_price', 'max_by(bid_price, bid_key) FILTER (WHERE bid_key IS NOT NULL)'],
      ['ask_price', 'max_by(ask_price, ask_key) FILTER (WHERE ask_key IS NOT NULL)'],
      ['min_spread', 'min(min_spread)'],
      ['max_spread', 'max(max_spread)'],
      ['quote_count', 'CAST(sum(quote_count) AS BIGINT)'],
      ['both_sides_count', 'CAST(sum(both_sides_count) AS BIGINT)'],
      ['crossed_count', 'CAST(sum(crossed_count) AS BIGINT)'],
      ['sum_spread', 'CAST(sum(sum_spread) AS DECIMAL(38, 8))'],
      ['bid_key', 'max(bid_key)'],
      ['ask_key', 'max(ask_key)'],
    ],
  }
}

/** States of every step over rows of silver.quotes. No rows, no states. */
export function spreadsPartialSql(rows: string, dialect: Dialect = duckdbDialect): string {
  return partialStatesSql(algebra(dialect), rows, dialect)
}

/** One state a window out of many. */
export function spreadsMergeSql(states: string, dialect: Dialect = duckdbDialect): string {
  return mergeStatesSql(algebra(dialect), states)
}

/** States with mid and avg_spread beside them; other columns are kept. */
export function spreadsFinalizeSql(states: string, dialect: Dialect = duckdbDialect): string {
  const sum = 'CAST(bid_price AS DECIMAL(19, 8)) + CAST(ask_price AS DECIMAL(19, 8))'
  const mid = `CAST((${sum}) * CAST('0.5' AS DECIMAL(2, 1)) AS DECIMAL(18, 8))`
  const average = quotientSql('sum_spread', 'both_sides_count', dialect)
  return `SELECT s.*, ${mid} AS mid, ${average} AS avg_spread FROM ${states} AS s`
}
