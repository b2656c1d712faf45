import type { Dialect } from '../dialect.ts'
import { framedColumns } from '../frame.ts'
import type { Kind } from '../kind.ts'
import { screenSql } from '../payload-screen.ts'

const ZONE = 'America/New_York'
const HOUR_US = 3_600_000_000
/** Texts of an exchange and of a hex condition. */
const CODE = '^[A-Za-z0-9]{0,16}\\z'

/** Lines of ticks as LEAN stores them: `ms,…,exchange,condition,suspicious`. */
export interface LeanTicks {
  readonly kind: Kind
  readonly routed: string
  /** What the file's name says of them, as a pattern. */
  readonly tick: '[Tt]rade' | '[Qq]uote'
  readonly cellCount: number
  /**
   * Lines that hold nothing but what is usual, as a pattern: time and numbers of digits alone, codes
   * and flag as they must be. One look at such a line stands for a look at each of its cells.
   */
  readonly plainLine?: string
  /** Columns out of the cells `c1`, `c2`, …: the kind's id, texts and `<number>_text`. */
  readonly columns: readonly string[]
}

/**
 * Routed lines with the columns asked for and all else that typing needs. The first cell is
 * (fractional) milliseconds since midnight in New York, the last three are the exchange, a hex
 * condition and 0 or 1; the day and the symbol stand in the file's name, which comes in as header
 * `entry`. The venue is 'us-equity'.
 */
export function leanTicksSql(ticks: LeanTicks, dialect: Dialect): string {
  const framed = framedColumns.map((column) => `l.${column}`).join(', ')
  const { matches } = dialect
  const [exchange, condition, flag] = [3, 2, 1].map((back) => `c${ticks.cellCount + 1 - back}`)
  const isLine =
    `CASE WHEN is_plain THEN true ELSE length(c1) <= 32 AND ${matches(exchange ?? '', CODE)} ` +
    `AND ${matches(condition ?? '', CODE)} AND ${flag} IN ('0', '1') END`
  const reason =
    `CASE WHEN pre_reason IS NOT NULL THEN pre_reason ` +
    `WHEN NOT coalesce(${isLine}, false) THEN 'bad-line' ` +
    `WHEN entry_symbol IS NULL THEN 'bad-entry-name' END`
  const fields =
    `SELECT ${framed}, l.format, l.kind, 0 AS source_row, false AS is_odd, ` +
    `${reason} AS screen_reason, 'us-equity' AS venue, entry_symbol AS venue_symbol, ` +
    `${ticks.columns.join(', ')}, is_plain, c1 AS time_text, ` +
    `CASE WHEN us_of_day < ${24 * HOUR_US} THEN midnight_us + us_of_day + ` +
    `CASE WHEN us_of_day >= change_us THEN shift_us ELSE 0 END END AS event_us_read ` +
    `FROM (${linesSql(ticks, dialect)}) AS l LEFT JOIN (${daysSql(ticks, dialect)}) AS h ` +
    `ON l.headers = h.headers`
  return `SELECT *, CASE WHEN event_us_read IS NULL THEN 'bad-time' END AS time_reason FROM (${fields})`
}

/** Lines split into exactly so many cells, all null otherwise, with the time of day in µs. */
function linesSql({ kind, routed, cellCount, plainLine }: LeanTicks, dialect: Dialect): string {
  const cells = Array.from({ length: cellCount }, (_, cell) => `cells[${cell + 1}] AS c${cell + 1}`)
  const whole = `CASE WHEN ${dialect.sizeOf('split_cells')} = ${cellCount} THEN split_cells END`
  const fraction = `rpad(regexp_extract(c1, '\\.([0-9]{1,3})', 1), 3, '0')`
  const us =
    `CASE WHEN is_plain OR ${dialect.matches('c1', '^[0-9]{1,8}\\z')} THEN TRY_CAST(c1 AS BIGINT) * 1000 ` +
    `WHEN ${dialect.matches('c1', '^[0-9]{1,8}\\.[0-9]+\\z')} ` +
    `THEN TRY_CAST(split_part(c1, '.', 1) AS BIGINT) * 1000 + TRY_CAST(${fraction} AS BIGINT) END`
  return (
    `SELECT *, ${us} AS us_of_day FROM (SELECT *, ${cells.join(', ')} ` +
    `FROM (SELECT *, ${whole} AS cells FROM (SELECT *, ` +
    `CASE WHEN pre_reason IS NULL THEN ${dialect.split('payload', ',')} END AS split_cells, ` +
    `${plainLine === undefined ? 'false' : `coalesce(${dialect.matches('payload', plainLine)}, false)`} ` +
    `AS is_plain ` +
    `FROM (SELECT *, ${screenSql(dialect)} AS pre_reason ` +
    `FROM ${routed} AS r WHERE kind = '${kind}' AND NOT is_ignored))))`
  )
}

/**
 * For each file the symbol, the start of its day in UTC, and where in the day New York's offset
 * changes, and by how much: null and 0 on most days. It changes on the hour and at most once a day,
 * so 24 conversions a file stand for one a line. One row a file and no more: of several an engine
 * takes the lines for the smaller side of the join, and holds all of them at once.
 */
function daysSql({ kind, routed, tick }: LeanTicks, dialect: Dialect): string {
  const name = `^(?:.*/)?([0-9]{8})_([A-Za-z0-9.-]{1,32})_${tick}_[Tt]ick\\.csv\\z`
  const file = `regexp_extract(entry, '${name}', `
  const day = `substr(day_text, 1, 4) || '-' || substr(day_text, 5, 2) || '-' || substr(day_text, 7, 2)`
  const hours = Array.from({ length: 24 }, (_, hour) => `(${hour})`)
  const entries = dialect.withJsonTexts({
    relation: `(SELECT DISTINCT headers FROM ${routed} AS r WHERE kind = '${kind}' AND NOT is_ignored)`,
    json: 'headers',
    paths: ['$.entry'],
  })
  const wall = `midnight + h.number * INTERVAL '1' HOUR`
  const files =
    `SELECT headers, upper(symbol_text) AS entry_symbol, ${dialect.timestampOfText(day)} AS midnight ` +
    `FROM (SELECT headers, ${file}1) AS day_text, ${file}2) AS symbol_text ` +
    `FROM (SELECT headers, texts[1] AS entry FROM (${entries})) WHERE ${dialect.matches('entry', name)})`
  const starts =
    `SELECT headers, entry_symbol, us_of_hour, ${dialect.wallTimeUs('(midnight)', ZONE)} AS midnight_us, ` +
    `${dialect.wallTimeUs('(wall)', ZONE)} - us_of_hour AS start_us FROM (` +
    `SELECT headers, entry_symbol, midnight, ${wall} AS wall, ` +
    `CAST(h.number AS BIGINT) * ${HOUR_US} AS us_of_hour FROM (${files}) AS d ` +
    `CROSS JOIN (VALUES ${hours.join(', ')}) AS h(number) WHERE midnight IS NOT NULL)`
  return (
    `SELECT headers, entry_symbol, midnight_us, ` +
    `min(CASE WHEN start_us <> midnight_us THEN us_of_hour END) AS change_us, ` +
    `max(CASE WHEN us_of_hour = ${23 * HOUR_US} THEN start_us END) - midnight_us AS shift_us ` +
    `FROM (${starts}) GROUP BY headers, entry_symbol, midnight_us`
  )
}

/**
 * A price x10000 as text of the price: zeros are put before it and the point is set, nothing is
 * computed. A price with a fraction of its own goes the slower way of an exponent.
 * @param plainIf a column that is true where the text is known to be 1 to 17 digits
 */
export function leanPriceTextSql(text: string, dialect: Dialect, plainIf = 'false'): string {
  const padded = `('0000' || ${text})`
  return (
    `CASE WHEN ${plainIf} OR ${dialect.matches(text, '^[0-9]{1,17}\\z')} ` +
    `THEN concat(substr(${padded}, 1, length(${text})), '.', ` +
    `substr(${padded}, length(${text}) + 1)) ELSE ${text} || 'e-4' END`
  )
}
