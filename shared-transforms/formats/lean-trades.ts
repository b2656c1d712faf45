import { duckdbDialect, type Dialect } from '../dialect.ts'
import { framedColumns } from '../frame.ts'
import type { Kind } from '../kind.ts'
import { typedTrade } from '../typed-kinds.ts'
import { typedRowsSql } from '../typed-row.ts'
import type { Format } from './format.ts'
import { leanPriceTextSql, leanTicksSql } from './lean-ticks.ts'

const NAME = 'lean-trades'
const PLAIN_LINE = '^[0-9]{1,8},[0-9]{1,17},[0-9]{1,17},[A-Za-z0-9]{0,16},[A-Za-z0-9]{0,16},[01]\\z'

/**
 * Trade ticks of US equities as LEAN stores them: a line `ms,price,size,exchange,condition,
 * suspicious`. Time is (fractional) milliseconds since midnight in New York, the day and the
 * symbol stand in the file's name, which comes in as header `entry`; prices are x10000.
 *
 * The venue is 'us-equity': the file is the consolidated tape, and its bars are over all
 * exchanges. What exchange printed, the hex sale condition, and whether LEAN calls the print
 * suspicious are kept in `conditions` (`exchange=P sale=20002020 suspicious`); suspicious prints
 * are rows like all others. There are no ids: equal lines are separate prints. An hour that New
 * York's clocks skip or show twice is read as the engine's time zones read it.
 * Source: https://www.quantconnect.com/docs/v2/lean-cli/datasets/format-and-storage
 */
export const leanTrades: Format = {
  name: NAME,
  version: 1,
  kinds: ['trade'],
  idKind: () => 'none',
  isEventTimeReceived: () => false,
  routeSql: (framed) =>
    `SELECT ${framedColumns.join(', ')}, '${NAME}' AS format, 'trade' AS kind, ` +
    `false AS is_ignored FROM ${framed} AS f`,
  decodeSql,
}

function decodeSql(kind: Kind, routed: string, dialect: Dialect = duckdbDialect): string {
  const suspicious = `CASE c6 WHEN '1' THEN ' suspicious' ELSE '' END`
  const columns = [
    'CAST(NULL AS VARCHAR) AS trade_id',
    `${leanPriceTextSql('c2', dialect, 'is_plain')} AS price_text`,
    'c3 AS quantity_text',
    `'unknown' AS taker_side`,
    // One text at once; null where the line has no cells, as each of them is then.
    `CASE WHEN c6 IS NOT NULL THEN concat('exchange=', c4, ' sale=', c5, ${suspicious}) END ` +
      `AS conditions`,
  ]
  const ticks = leanTicksSql(
    { kind, routed, tick: '[Tt]rade', cellCount: 6, plainLine: PLAIN_LINE, columns },
    dialect,
  )
  return typedRowsSql(
    typedTrade,
    ticks,
    { hasId: false, hasSeq: false, plainIf: 'is_plain' },
    dialect,
  )
}
