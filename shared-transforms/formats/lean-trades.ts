import { duckdbDialect, type Dialect } from '../dialect.ts'
import { framedColumns } from '../frame.ts'
import type { Kind } from '../kind.ts'
import { screenSql } from '../payload-screen.ts'
import { typedTrade } from '../typed-kinds.ts'
import { typedRowsSql } from '../typed-row.ts'
import type { Format } from './format.ts'

const NAME = 'lean-trades'
const ZONE = 'America/New_York'
const HOUR_US = 3_600_000_000
const ENTRY = '^(?:.*/)?([0-9]{8})_([A-Za-z0-9.-]{1,32})_[Tt]rade_[Tt]ick\\.csv\\z'
/** Texts of an exchange and of a hex condition. */
const CODE = '^[A-Za-z0-9]{0,16}\\z'

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
  const framed = framedColumns.map((column) => `l.${column}`).join(', ')
  const { matches } = dialect
  const isInDay = `us_of_day < ${24 * HOUR_US}`
  const isLine =
    `length(c1) <= 32 AND ${matches('c4', CODE)} AND ${matches('c5', CODE)} ` +
    `AND c6 IN ('0', '1')`
  const reason =
    `CASE WHEN pre_reason IS NOT NULL THEN pre_reason ` +
    `WHEN NOT coalesce(${isLine}, false) THEN 'bad-line' ` +
    `WHEN entry_symbol IS NULL THEN 'bad-entry-name' END`
  const conditions = `'exchange=' || c4 || ' sale=' || c5 || CASE c6 WHEN '1' THEN ' suspicious' ELSE '' END`
  const fields =
    `SELECT ${framed}, l.format, l.kind, 0 AS source_row, false AS is_odd, ` +
    `${reason} AS screen_reason, 'us-equity' AS venue, entry_symbol AS venue_symbol, ` +
    `CAST(NULL AS VARCHAR) AS trade_id, c1 AS time_text, ${priceTextSql('c2', dialect)} AS price_text, ` +
    `c3 AS quantity_text, 'unknown' AS taker_side, ${conditions} AS conditions, ` +
    `hour_start_us + CASE WHEN ${isInDay} THEN us_of_day % ${HOUR_US} END AS event_us_read ` +
    `FROM (${linesSql(kind, routed, dialect)}) AS l LEFT JOIN (${hoursSql(kind, routed, dialect)}) AS h ` +
    `ON l.headers = h.headers AND h.us_of_hour = ` +
    `CASE WHEN ${isInDay} THEN us_of_day - us_of_day % ${HOUR_US} ELSE 0 END`
  const timed = `SELECT *, CASE WHEN event_us_read IS NULL THEN 'bad-time' END AS time_reason FROM (${fields})`
  return typedRowsSql(typedTrade, timed, { hasId: false, hasSeq: false }, dialect)
}

/** Lines split into exactly six cells, all null otherwise, with the time of day in µs. */
function linesSql(kind: Kind, routed: string, dialect: Dialect): string {
  const cells = [1, 2, 3, 4, 5, 6].map((cell) => `cells[${cell}] AS c${cell}`)
  const six = `CASE WHEN ${dialect.sizeOf('split_cells')} = 6 THEN split_cells END`
  const fraction = `rpad(regexp_extract(c1, '\\.([0-9]{1,3})', 1), 3, '0')`
  const us =
    `CASE WHEN ${dialect.matches('c1', '^[0-9]{1,8}\\z')} THEN TRY_CAST(c1 AS BIGINT) * 1000 ` +
    `WHEN ${dialect.matches('c1', '^[0-9]{1,8}\\.[0-9]+\\z')} ` +
    `THEN TRY_CAST(split_part(c1, '.', 1) AS BIGINT) * 1000 + TRY_CAST(${fraction} AS BIGINT) END`
  return (
    `SELECT *, ${us} AS us_of_day FROM (SELECT *, ${cells.join(', ')} ` +
    `FROM (SELECT *, ${six} AS cells FROM (SELECT *, ` +
    `CASE WHEN pre_reason IS NULL THEN ${dialect.split('payload', ',')} END AS split_cells ` +
    `FROM (SELECT *, ${screenSql(dialect)} AS pre_reason ` +
    `FROM ${routed} AS r WHERE kind = '${kind}' AND NOT is_ignored))))`
  )
}

/**
 * For each file and hour of its day: the symbol, and the start of the hour in UTC. New York's
 * offset only changes on the hour, so 24 conversions a file stand for one a line.
 */
function hoursSql(kind: Kind, routed: string, dialect: Dialect): string {
  const file = `regexp_extract(entry, '${ENTRY}', `
  const day = `substr(day_text, 1, 4) || '-' || substr(day_text, 5, 2) || '-' || substr(day_text, 7, 2)`
  const hours = Array.from({ length: 24 }, (_, hour) => `(${hour})`)
  const entries = dialect.withJsonTexts({
    relation: `(SELECT DISTINCT headers FROM ${routed} AS r WHERE kind = '${kind}' AND NOT is_ignored)`,
    json: 'headers',
    paths: ['$.entry'],
  })
  const wall = `midnight + h.number * INTERVAL '1' HOUR`
  return (
    `SELECT headers, symbol AS entry_symbol, CAST(h.number AS BIGINT) * ${HOUR_US} AS us_of_hour, ` +
    `${dialect.wallTimeUs(`(${wall})`, ZONE)} AS hour_start_us FROM (` +
    `SELECT headers, upper(symbol_text) AS symbol, ${dialect.timestampOfText(day)} AS midnight FROM (` +
    `SELECT headers, ${file}1) AS day_text, ${file}2) AS symbol_text FROM (` +
    `SELECT headers, texts[1] AS entry FROM (${entries})) ` +
    `WHERE ${dialect.matches('entry', ENTRY)})) ` +
    `CROSS JOIN (VALUES ${hours.join(', ')}) AS h(number) WHERE midnight IS NOT NULL`
  )
}

/**
 * A price x10000 as text of the price: zeros are put before it and the point is set, nothing is
 * computed. A price with a fraction of its own goes the slower way of an exponent.
 */
function priceTextSql(text: string, dialect: Dialect): string {
  const padded = `('0000' || ${text})`
  return (
    `CASE WHEN ${dialect.matches(text, '^[0-9]{1,17}\\z')} ` +
    `THEN substr(${padded}, 1, length(${text})) || '.' || ` +
    `substr(${padded}, length(${text}) + 1) ELSE ${text} || 'e-4' END`
  )
}
