import { duckdbDialect, type Dialect } from '../dialect.ts'
import { framedColumns } from '../frame.ts'
import { screenSql } from '../payload-screen.ts'
import { sqlLiteral } from '../sql-literal.ts'
import { typedKline } from '../typed-kinds.ts'
import { typedRowsSql } from '../typed-row.ts'
import type { Format } from './format.ts'
import { KLINE_STEP_US, minuteKlineSql } from './minute-kline.ts'

/** `BTCUSD-1m-2016.csv`, `btcusd_1m.csv` or `BTCUSD.csv`: the symbol, alone or before the step. */
const ENTRY = '^(?:.*/)?([A-Za-z0-9]{2,32})(?:[-_]1m(?:[-_][^/]*)?)?\\.(?:csv|txt)\\z'
const PLAIN_NAMES = '^[A-Za-z0-9 ._:/-]+\\z'

/** What tells one venue's files of klines from another's. Cells are counted from 1. */
export interface KlineLines {
  readonly name: string
  readonly version: number
  /** Where nobody says otherwise. */
  readonly venue: string
  /** The line that names the columns: it is in bronze and ignored. */
  readonly header: string
  readonly cellCount: number
  readonly openTime: number
  /** The kline's last moment, where the line says it. */
  readonly closeTime?: number
  /** The cells of the numbers of `typedKline`; those that are not here are not told. */
  readonly numbers: Readonly<Record<string, number>>
}

/**
 * A format of one-minute klines, a line each. No line says venue and symbol: they are the headers
 * `venue` and `symbol` of its message, else the venue is the format's and the symbol stands in the
 * file's name, header `entry`. Times are milliseconds since 1970, or microseconds with 16 digits.
 */
export function klineFormat(lines: KlineLines): Format {
  const { name, version, header } = lines
  return {
    name,
    version,
    kinds: ['kline'],
    idKind: () => 'opaque',
    isEventTimeReceived: () => false,
    routeSql: (framed) =>
      `SELECT ${framedColumns.join(', ')}, '${name}' AS format, 'kline' AS kind, ` +
      `coalesce(payload = ${sqlLiteral(header)}, false) AS is_ignored FROM ${framed} AS f`,
    decodeSql: (_kind, routed, dialect = duckdbDialect) => decodeSql(lines, routed, dialect),
  }
}

function decodeSql(lines: KlineLines, routed: string, dialect: Dialect): string {
  const wanted = `(SELECT * FROM ${routed} AS r WHERE kind = 'kline' AND NOT is_ignored)`
  const framed = framedColumns.map((column) => `l.${column}`).join(', ')
  const numbers = [...typedKline.prices, ...typedKline.quantities, ...typedKline.counts]
  const texts = numbers.map((number) => `${cellSql(lines.numbers[number])} AS ${number}_text`)
  const screen =
    `CASE WHEN pre_reason IS NOT NULL THEN pre_reason WHEN cells IS NULL THEN 'bad-line' ` +
    `WHEN name_symbol IS NULL THEN 'bad-entry-name' END`
  const fields =
    `SELECT ${framed}, l.format, l.kind, 0 AS source_row, coalesce(name_is_odd, false) AS is_odd, ` +
    `${screen} AS screen_reason, name_venue AS venue, name_symbol AS venue_symbol, ` +
    `is_plain, ${cellSql(lines.openTime)} AS time_text, ${timeUsSql(cellSql(lines.openTime), dialect)} ` +
    `AS event_us_read, ${isOtherStepSql(lines, dialect)} AS is_other_step, ${texts.join(', ')} ` +
    `FROM (${splitSql(lines, wanted, dialect)}) AS l ` +
    `LEFT JOIN (${namesSql(lines, wanted, dialect)}) AS n ` +
    `ON coalesce(l.headers, '') = n.name_headers`
  const timed =
    `SELECT *, ${minuteKlineSql(dialect)}, ` +
    `CASE WHEN event_us_read IS NULL THEN 'bad-time' END AS time_reason FROM (${fields})`
  const options = { hasId: false, hasSeq: false, plainIf: 'is_plain' }
  return typedRowsSql(typedKline, timed, options, dialect)
}

/** Lines split into exactly so many cells; null otherwise. */
function splitSql({ cellCount }: KlineLines, wanted: string, dialect: Dialect): string {
  // One look at a usual line, of digits and points alone, stands for a look at each of its cells.
  const plain = `^[0-9]{1,16}(?:,[0-9]{1,17}(?:\\.[0-9]{1,8})?){${cellCount - 1}}\\z`
  return (
    `SELECT *, CASE WHEN ${dialect.sizeOf('split_cells')} = ${cellCount} THEN split_cells END ` +
    `AS cells FROM (SELECT *, CASE WHEN pre_reason IS NULL ` +
    `THEN ${dialect.split('payload', ',')} END AS split_cells, ` +
    `coalesce(${dialect.matches('payload', plain)}, false) AS is_plain ` +
    `FROM (SELECT *, ${screenSql(dialect)} AS pre_reason FROM ${wanted}))`
  )
}

/** Venue and symbol for each of the few headers that there are. */
function namesSql({ venue }: KlineLines, wanted: string, dialect: Dialect): string {
  const read = dialect.withJsonTexts({
    relation: `(SELECT DISTINCT coalesce(headers, '') AS name_headers FROM ${wanted})`,
    json: 'name_headers',
    paths: ['$.venue', '$.symbol', '$.entry'],
  })
  const inEntry =
    `CASE WHEN ${dialect.matches('texts[3]', ENTRY)} ` +
    `THEN upper(regexp_extract(texts[3], '${ENTRY}', 1)) END`
  const named =
    `SELECT name_headers, coalesce(texts[1], '${venue}') AS name_venue, ` +
    `coalesce(texts[2], ${inEntry}) AS name_symbol FROM (${read})`
  return (
    `SELECT *, NOT ${dialect.matches('name_venue || name_symbol', PLAIN_NAMES)} AS name_is_odd ` +
    `FROM (${named})`
  )
}

function cellSql(cell: number | undefined): string {
  return cell === undefined ? 'CAST(NULL AS VARCHAR)' : `cells[${cell}]`
}

function timeUsSql(text: string, dialect: Dialect): string {
  return (
    `CASE WHEN ${dialect.matches(text, '^[0-9]{1,15}\\z')} THEN TRY_CAST(${text} AS BIGINT) * 1000 ` +
    `WHEN ${dialect.matches(text, '^[0-9]{16}\\z')} THEN TRY_CAST(${text} AS BIGINT) END`
  )
}

/** The last moment is told to the millisecond or to the microsecond: the one before the next step. */
function isOtherStepSql({ openTime, closeTime }: KlineLines, dialect: Dialect): string {
  if (closeTime === undefined) return 'false'
  const [from, until] = [openTime, closeTime].map((cell) => timeUsSql(cellSql(cell), dialect))
  const lengthUs = `(${until}) - (${from})`
  return `coalesce(${lengthUs} < ${KLINE_STEP_US - 1000} OR ${lengthUs} >= ${KLINE_STEP_US}, true)`
}
