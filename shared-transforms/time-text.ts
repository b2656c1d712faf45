import type { Dialect } from './dialect.ts'

/** 1970-01-01 and 2200-01-01: an event time lies in [first, second), microseconds. */
export const MIN_EVENT_US = 0n
export const MAX_EVENT_US = 7_258_118_400_000_000n

const DATE_TIME = '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]'
const UTC_TIME = `^${DATE_TIME}(?:\\.[0-9]+)?Z\\z`
const OFFSET_TIME = `^${DATE_TIME}(?:\\.[0-9]+)?[+-](?:0[0-9]|1[0-4]):?[0-5][0-9]\\z`

/**
 * Microseconds since 1970 of ISO 8601 text with a zone: `Z` or an offset. Digits past the
 * microsecond are cut off. Null where it is no time or has no zone; bounds are `inRangeSql`'s.
 */
export function isoTimeUsSql(text: string, dialect: Dialect): string {
  const local = dialect.epochUs(dialect.timestampOfText(`substr(${text}, 1, 19)`))
  const fraction = `TRY_CAST(rpad(coalesce(regexp_extract(${text}, '\\.([0-9]{1,6})', 1), ''), 6, '0') AS BIGINT)`
  // The casts drop an offset without a word, so it is taken off here.
  const hours = `TRY_CAST(regexp_extract(${text}, '[+-]([0-9]{2}):?[0-9]{2}\\z', 1) AS BIGINT)`
  const minutes = `TRY_CAST(regexp_extract(${text}, '[+-][0-9]{2}:?([0-9]{2})\\z', 1) AS BIGINT)`
  const sign = `CASE WHEN ${dialect.matches(text, '-[0-9]{2}:?[0-9]{2}\\z')} THEN -1 ELSE 1 END`
  const offset = `${sign} * (${hours} * 60 + ${minutes}) * 60000000`
  return (
    `CASE WHEN ${text} IS NULL THEN NULL ` +
    `WHEN ${dialect.matches(text, UTC_TIME)} THEN ${dialect.utcTextUs(text)} ` +
    `WHEN ${dialect.matches(text, OFFSET_TIME)} ` +
    `THEN ${local} + ${fraction} - ${offset} END`
  )
}

/** Microseconds since 1970 of a text with whole milliseconds since 1970; null as above. */
export function epochMsUsSql(text: string, dialect: Dialect): string {
  return (
    `CASE WHEN ${dialect.matches(text, '^[0-9]{1,15}\\z')} ` +
    `THEN TRY_CAST(${text} AS BIGINT) * 1000 END`
  )
}

/**
 * Microseconds since 1970 of a number of units since 1970, with or without a fraction; digits past
 * the microsecond are cut off. Null as above.
 */
export function epochTimeUsSql(
  text: string,
  unit: 's' | 'ms' | 'us' | 'ns',
  dialect: Dialect,
): string {
  const { digits, shift } = epochUnits[unit]
  const number = `^[0-9]{1,${digits}}(?:\\.[0-9]+)?\\z`
  const whole = `regexp_extract(${text}, '^([0-9]+)', 1)`
  const after = `coalesce(regexp_extract(${text}, '\\.([0-9]+)', 1), '')`
  const us =
    shift < 0
      ? `TRY_CAST(substr('000' || ${whole}, 1, length(${whole})) AS BIGINT)`
      : `TRY_CAST(${whole} || substr(rpad(${after}, 6, '0'), 1, ${shift}) AS BIGINT)`
  return `CASE WHEN ${dialect.matches(text, number)} THEN ${us} END`
}

/** Digits before the point that no time within the bounds exceeds, and the power of ten to µs. */
const epochUnits = {
  s: { digits: 11, shift: 6 },
  ms: { digits: 14, shift: 3 },
  us: { digits: 17, shift: 0 },
  ns: { digits: 19, shift: -3 },
} as const

const LOOSE_TIME =
  '^([0-9]{4})-?([0-9]{2})-?([0-9]{2})' +
  '(?:[T ]([01][0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9])(?:\\.([0-9]+))?)?' +
  '(?: ?(Z|UTC|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?))?)?\\z'

/**
 * Microseconds since 1970 of ISO 8601 text: besides what `isoTimeUsSql` reads, a date alone or
 * without hyphens, no seconds, offsets of hours alone and ` UTC`. Text without an offset is
 * the time of a clock on a wall of `zone`; null where there is no zone either.
 */
export function looseTimeUsSql(text: string, zone: string | undefined, dialect: Dialect): string {
  const part = (group: number, absent: string): string =>
    `coalesce(nullif(regexp_extract(${text}, '${LOOSE_TIME}', ${group}), ''), '${absent}')`
  const date = `${part(1, '')} || '-' || ${part(2, '')} || '-' || ${part(3, '')}`
  const clock = `${part(4, '00')} || ':' || ${part(5, '00')} || ':' || ${part(6, '00')}`
  const wall = dialect.timestampOfText(`(${date} || 'T' || ${clock})`)
  const fraction = `TRY_CAST(rpad(${part(7, '0')}, 6, '0') AS BIGINT)`
  const offset = part(8, '')
  const minutes = `coalesce(nullif(replace(substr(${offset}, 4), ':', ''), ''), '0')`
  const offsetUs =
    `CASE WHEN ${offset} IN ('Z', 'UTC') THEN 0 ELSE ` +
    `CASE substr(${offset}, 1, 1) WHEN '-' THEN -60000000 ELSE 60000000 END * ` +
    `(TRY_CAST(substr(${offset}, 2, 2) AS BIGINT) * 60 + TRY_CAST(${minutes} AS BIGINT)) END`
  const wallUs = `${dialect.epochUs(wall)} + ${fraction}`
  const local =
    zone === undefined
      ? 'CAST(NULL AS BIGINT)'
      : `${zone === 'UTC' ? dialect.epochUs(wall) : dialect.wallTimeUs(wall, zone)} + ${fraction}`
  return (
    `coalesce(${isoTimeUsSql(text, dialect)}, ` +
    `CASE WHEN NOT ${dialect.matches(text, LOOSE_TIME)} THEN NULL ` +
    `WHEN ${offset} = '' THEN ${local} ELSE ${wallUs} - ${offsetUs} END)`
  )
}

/** The microseconds where they lie in 1970-2200, else null. */
export function inRangeSql(us: string): string {
  return `CASE WHEN ${us} >= ${MIN_EVENT_US} AND ${us} < ${MAX_EVENT_US} THEN ${us} END`
}
