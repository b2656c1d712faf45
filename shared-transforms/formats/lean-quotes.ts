import { duckdbDialect, type Dialect } from '../dialect.ts'
import { framedColumns } from '../frame.ts'
import type { Kind } from '../kind.ts'
import { typedQuote } from '../typed-kinds.ts'
import { typedRowsSql } from '../typed-row.ts'
import type { Format } from './format.ts'
import { leanPriceTextSql, leanTicksSql } from './lean-ticks.ts'

const NAME = 'lean-quotes'

/**
 * Quote ticks of US equities as LEAN stores them: a line `ms,bid,bid size,ask,ask size,exchange,
 * condition,suspicious`. Time, day, symbol, prices and venue are those of lean-trades.
 *
 * A side whose price is 0 did not change: its price and size are null. A line with neither side
 * says nothing and is refused. Exchange, condition and the suspicious flag stay in bronze: silver's
 * quotes have no column for them. Suspicious quotes are rows like all others, and there are no ids.
 * Source: https://www.quantconnect.com/docs/v2/lean-cli/datasets/format-and-storage
 */
export const leanQuotes: Format = {
  name: NAME,
  version: 1,
  kinds: ['quote'],
  idKind: () => 'none',
  isEventTimeReceived: () => false,
  routeSql: (framed) =>
    `SELECT ${framedColumns.join(', ')}, '${NAME}' AS format, 'quote' AS kind, ` +
    `false AS is_ignored FROM ${framed} AS f`,
  decodeSql,
}

function decodeSql(kind: Kind, routed: string, dialect: Dialect = duckdbDialect): string {
  const side = (name: string, price: string, size: string): readonly string[] => {
    const isThere = `NOT ${dialect.matches(price, '^0+(?:\\.0+)?\\z')}`
    return [
      `CASE WHEN ${isThere} THEN ${leanPriceTextSql(price, dialect)} END AS ${name}_price_text`,
      `CASE WHEN ${isThere} THEN ${size} END AS ${name}_quantity_text`,
    ]
  }
  const columns = [
    'CAST(NULL AS VARCHAR) AS quote_id',
    ...side('bid', 'c2', 'c3'),
    ...side('ask', 'c4', 'c5'),
  ]
  const ticks = leanTicksSql({ kind, routed, tick: '[Qq]uote', cellCount: 8, columns }, dialect)
  return typedRowsSql(typedQuote, ticks, { hasId: false, hasSeq: false }, dialect)
}
