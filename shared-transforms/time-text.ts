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

/** The microseconds where they lie in 1970-2200, else null. */
export function inRangeSql(us: string): string {
  return `CASE WHEN ${us} >= ${MIN_EVENT_US} AND ${us} < ${MAX_EVENT_US} THEN ${us} END`
}
