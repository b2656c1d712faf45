import { duckdbDialect, type Dialect } from './dialect.ts'
import { orderKeySql } from './order-key.ts'
import { quotientSql } from './quotient.ts'
import { mergeStatesSql, partialStatesSql, windowSteps, type WindowAlgebra } from './window-step.ts'

/**
 * Bars as an algebra. A state has gold's columns but for the quotients (vwap, avg_price,
 * price_stddev) and is_sealed, revision; merging states is associative, commutative and exact.
 * States of trades outrank those of klines ('trades' > 'klines'): whatever came first, a window of
 * which one trade is known is of trades alone.
 */
const MAX_SQUARED_PRICE = '10000000'
const square = 'CAST(CAST(price AS DECIMAL(19, 8)) * CAST(price AS DECIMAL(19, 8))'

function algebra(dialect: Dialect): WindowAlgebra {
  return {
    rowsSql: (rows) => rowsSql(rows, dialect),
    partial: [
      ['open', 'min_by(price, order_key)'],
      ['high', 'max(price)'],
      ['low', 'min(price)'],
      ['close', 'max_by(price, order_key)'],
      ['volume', total('quantity', 8)],
      ['notional', total('product', 16)],
      ['trade_count', 'count(*)'],
      ['buy_volume', total(`CASE WHEN taker_side = 'buy' THEN quantity ELSE ${ZERO} END`, 8)],
      ['sell_volume', total(`CASE WHEN taker_side = 'sell' THEN quantity ELSE ${ZERO} END`, 8)],
      ['sum_price', total('price', 8)],
      [
        'sum_price_sq',
        `CASE WHEN max(price) <= ${MAX_SQUARED_PRICE} THEN ` +
          `${total(`CASE WHEN price <= ${MAX_SQUARED_PRICE} THEN ${square} AS DECIMAL(38, 16)) END`, 16)} END`,
      ],
      ['open_key', 'min(order_key)'],
      ['close_key', 'max(order_key)'],
      ['bar_source', `CAST('trades' AS VARCHAR)`],
    ],
    merge,
    rank: 'bar_source',
  }
}

const merge: WindowAlgebra['merge'] = [
  ['open', 'min_by(open, open_key)'],
  ['high', 'max(high)'],
  ['low', 'min(low)'],
  ['close', 'max_by(close, close_key)'],
  ['volume', total('volume', 8)],
  ['notional', ifTold('notional', total('notional', 16))],
  ['trade_count', ifTold('trade_count', 'CAST(sum(trade_count) AS BIGINT)')],
  ['buy_volume', ifTold('buy_volume', total('buy_volume', 8))],
  ['sell_volume', ifTold('sell_volume', total('sell_volume', 8))],
  ['sum_price', ifTold('sum_price', total('sum_price', 8))],
  ['sum_price_sq', ifTold('sum_price_sq', total('sum_price_sq', 16))],
  ['open_key', 'min(open_key)'],
  ['close_key', 'max(close_key)'],
  ['bar_source', 'max(bar_source)'],
]

/**
 * States of one-minute klines, each of which is a whole minute already. What any of them does not
 * tell, the window does not tell.
 */
function klineAlgebra(dialect: Dialect): WindowAlgebra {
  const keyText = (us: string) => `lpad(CAST(${us} AS VARCHAR), 16, '0')`
  return {
    rowsSql: (rows) =>
      `SELECT *, ${dialect.epochUs('open_ts')} AS us FROM ${rows} AS k ` +
      `WHERE step = '${windowSteps[0].step}'`,
    partial: [
      ['open', 'min_by(open, us)'],
      ['high', 'max(high)'],
      ['low', 'min(low)'],
      ['close', 'max_by(close, us)'],
      ['volume', total('volume', 8)],
      ['notional', ifTold('notional', total('notional', 16))],
      ['trade_count', ifTold('trade_count', 'CAST(sum(trade_count) AS BIGINT)')],
      ['buy_volume', ifTold('buy_volume', total('buy_volume', 8))],
      ['sell_volume', ifTold('buy_volume', total('volume - buy_volume', 8))],
      ['sum_price', 'CAST(NULL AS DECIMAL(38, 8))'],
      ['sum_price_sq', 'CAST(NULL AS DECIMAL(38, 16))'],
      ['open_key', 'min(us)'],
      ['close_key', 'max(us)'],
      ['bar_source', `CAST('klines' AS VARCHAR)`],
    ],
    merge,
    single: [
      ['open', 'open'],
      ['high', 'high'],
      ['low', 'low'],
      ['close', 'close'],
      ['volume', 'CAST(volume AS DECIMAL(38, 8))'],
      ['notional', 'CAST(notional AS DECIMAL(38, 16))'],
      ['trade_count', 'CAST(trade_count AS BIGINT)'],
      ['buy_volume', 'CAST(buy_volume AS DECIMAL(38, 8))'],
      ['sell_volume', 'CAST(volume - buy_volume AS DECIMAL(38, 8))'],
      ['sum_price', 'CAST(NULL AS DECIMAL(38, 8))'],
      ['sum_price_sq', 'CAST(NULL AS DECIMAL(38, 16))'],
      ['open_key', 'us'],
      ['close_key', 'us'],
      ['bar_source', `CAST('klines' AS VARCHAR)`],
    ],
    // Numbers compare faster than their texts, whose order is the same.
    told: { open_key: keyText('open_key'), close_key: keyText('close_key') },
  }
}

/**
 * The order key is a long text, and only the first and the last row of a minute need one: both
 * have the minute's least or greatest event time. All others get null, which min_by and max_by
 * pass over.
 */
function rowsSql(rows: string, dialect: Dialect): string {
  const us = dialect.epochUs('event_ts')
  const minute = `${us} - ${us} % ${windowSteps[0].lengthUs}`
  const ends =
    `SELECT venue AS end_venue, venue_symbol AS end_symbol, ${minute} AS minute_us, ` +
    `min(${us}) AS first_us, max(${us}) AS last_us FROM ${rows} AS t ` +
    `GROUP BY venue, venue_symbol, ${minute}`
  return (
    `SELECT venue, venue_symbol, instrument_id, ${us} AS us, price, quantity, ` +
    `${dialect.product('price', 'quantity')} AS product, taker_side, ` +
    `CASE WHEN ${us} = first_us OR ${us} = last_us THEN ${orderKeySql('trade', dialect)} END ` +
    `AS order_key FROM ${rows} AS t JOIN (${ends}) AS e ` +
    `ON venue = end_venue AND venue_symbol = end_symbol AND ${minute} = minute_us`
  )
}

const ZERO = `CAST('0' AS DECIMAL(28, 8))`

function total(expression: string, scale: 8 | 16): string {
  return `CAST(sum(${expression}) AS DECIMAL(38, ${scale}))`
}

/** The sum where all that is summed tell it, else null. */
function ifTold(column: string, sum: string): string {
  return `CASE WHEN count(${column}) = count(*) THEN ${sum} END`
}

/** States of every step over rows of silver.trades. No rows, no states. */
export function barsPartialSql(rows: string, dialect: Dialect = duckdbDialect): string {
  return partialStatesSql(algebra(dialect), rows, dialect)
}

/** The same over rows of silver.klines: states for windows of which no trade is known. */
export function klineBarsPartialSql(rows: string, dialect: Dialect = duckdbDialect): string {
  return partialStatesSql(klineAlgebra(dialect), rows, dialect)
}

/** One state a window out of many: of trades alone where a trade is known. */
export function barsMergeSql(states: string, dialect: Dialect = duckdbDialect): string {
  return mergeStatesSql(algebra(dialect), states)
}

/** States with vwap, avg_price and price_stddev beside them; other columns are kept. */
export function barsFinalizeSql(states: string, dialect: Dialect = duckdbDialect): string {
  const vwap = quotientSql('notional', 'volume', dialect)
  const average = quotientSql('sum_price', 'trade_count', dialect)
  return (
    `SELECT b.*, ${deviationSql(dialect)} AS price_stddev ` +
    `FROM (SELECT s.*, ${vwap} AS vwap, ${average} AS avg_price FROM ${states} AS s) AS b`
  )
}

/**
 * Bars with `is_complete`: false where trades are missing in the window of a bar of trades.
 * @param gaps the open rows of silver.gaps
 */
export function barsCompleteSql(bars: string, gaps: string): string {
  return (
    `SELECT b.*, NOT (b.bar_source = 'trades' AND EXISTS (SELECT 1 FROM ${gaps} AS g ` +
    `WHERE g.venue = b.venue AND g.venue_symbol = b.venue_symbol AND g.from_ts < b.close_ts ` +
    `AND g.to_ts >= b.open_ts)) AS is_complete FROM ${bars} AS b`
  )
}

/**
 * Sample deviation: sqrt(max(Σp² − 2mΣp + nm², 0) / (n − 1)) with m = avg_price. The sum is exact
 * decimal, so nothing cancels; only the root and the division are double. Null where the sum
 * could leave its decimal, far beyond any market.
 */
function deviationSql(dialect: Dialect): string {
  const cross = dialect.product('avg_price', 'sum_price')
  const means = `CAST(avg_price * CAST(trade_count AS DECIMAL(19, 0)) AS DECIMAL(38, 8))`
  const squares = `sum_price_sq - ${cross} - ${cross} + ${dialect.product('avg_price', means)}`
  const isSafe = 'CAST(trade_count AS DOUBLE) * CAST(high AS DOUBLE) * CAST(high AS DOUBLE) < 1e21'
  return (
    `CASE WHEN trade_count >= 2 AND sum_price_sq IS NOT NULL AND ${isSafe} THEN ` +
    `sqrt(greatest(CAST(${squares} AS DOUBLE), 0) / CAST(trade_count - 1 AS DOUBLE)) END`
  )
}
