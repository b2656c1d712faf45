import type { Dialect } from './dialect.ts'
import { framedColumns } from './frame.ts'
import type { Kind } from './kind.ts'
import { screenSql } from './payload-screen.ts'
import type { RejectReason } from './reject-reason.ts'

/** What the engine's JSON reader takes without a word, or reads as double: see `odd`. */
const NOT_A_NUMBER = '[:,\\[\\s][-+]?(?:nan|inf)'
const TRAILING_COMMA = ',\\s*[}\\]]'
const LONG_NUMBER = '[:,\\[\\s]-?(?:[0-9.]{16}|[0-9]+(?:\\.[0-9]+)?e[-+]?[0-9]{3})'
const STRING = '"(?:[^"\\\\]|\\\\.)*"'

/**
 * A pattern of all that makes a payload odd: tested once, so that a plain payload pays for none
 * of the careful checks. `nested` finds objects and arrays where the format has none.
 */
function odd(nested: string): string {
  return `(?is)${NOT_A_NUMBER}|${TRAILING_COMMA}|${LONG_NUMBER}|\\\\|${nested}`
}

/** Patterns of JSON nested deeper than its format is. */
export const deeperThan = {
  root: '\\[|\\{.*\\{',
  oneObject: '\\[|\\{.*\\{.*\\{',
} as const

export interface JsonFields {
  readonly kind: Kind
  readonly routed: string
  /** Finds nesting that the format has not: an entry of `deeperThan`. */
  readonly nested: string
  /** Case-sensitive paths, by the name of the column that takes the text. */
  readonly paths: Readonly<Record<string, string>>
}

/**
 * Routed messages with the fields of their JSON as text columns, `screen_reason`, and `is_odd`:
 * whether texts may hold escapes or nested values and must be looked at.
 *
 * All fields come out of ONE parse, numbers as text. A number without quotes would be read as a
 * double, so where one of more than 15 digits (or a three-digit exponent) stands in the payload
 * every number is put into quotes first: strings are matched whole and keep what is in them.
 */
export function jsonFieldsSql(input: JsonFields, dialect: Dialect): string {
  const framed = [...framedColumns, 'format', 'kind'].join(', ')
  const columns = Object.keys(input.paths).map((name, index) => `texts[${index + 1}] AS ${name}`)
  const isOdd = `coalesce(${dialect.matches('payload', odd(input.nested))}, false)`
  const texts = dialect.jsonTexts('document', Object.values(input.paths))
  const isObject = dialect.matches('payload', '^[ \\t\\r\\n]*\\{')
  const refusal =
    `CASE WHEN pre_reason IS NOT NULL THEN pre_reason ` +
    `WHEN texts IS NULL THEN ${reason('bad-json')} ` +
    `WHEN NOT ${isObject} THEN ${reason('not-an-object')} END`
  return (
    `SELECT ${framed}, is_odd, ${refusal} AS screen_reason, ${columns.join(', ')} FROM (` +
    `SELECT *, ${texts} AS texts FROM (` +
    `SELECT *, CASE WHEN pre_reason IS NOT NULL THEN NULL WHEN NOT is_odd THEN payload ` +
    `ELSE ${carefulSql(dialect)} END AS document FROM (` +
    `SELECT *, ${screenSql(dialect)} AS pre_reason, ${isOdd} AS is_odd ` +
    `FROM ${input.routed} AS r WHERE kind = '${input.kind}' AND NOT is_ignored)))`
  )
}

/** The payload of an odd message, its long numbers quoted; null where it is no strict JSON. */
function carefulSql(dialect: Dialect): string {
  const { character, matches } = dialect
  const bare = `regexp_replace(payload, '(?s)${STRING}', '""'${allOf(dialect)})`
  const isLenient = matches(bare, `(?i)nan|inf|${TRAILING_COMMA}`)
  // Marks around every match; a string's marks meet and vanish, a number's become quotes.
  // Strict JSON holds no control character, so the mark cannot be part of the payload.
  const mark = character(1)
  const number = '-?[0-9]+(?:\\.[0-9]+)?(?:[eE][-+]?[0-9]+)?'
  const group = dialect.name === 'duckdb' ? '\\' : '$'
  const marked =
    `regexp_replace(payload, '(?s)(${STRING})|(${number})', ` +
    `'${group}1' || ${mark} || '${group}2' || ${mark}${allOf(dialect)})`
  const quoted = `replace(replace(${marked}, ${mark} || ${mark}, ''), ${mark}, '"')`
  return (
    `CASE WHEN NOT ${dialect.isJson('payload')} THEN NULL WHEN ${isLenient} THEN NULL ` +
    `WHEN ${matches('payload', `(?i)${LONG_NUMBER}`)} THEN ${quoted} ELSE payload END`
  )
}

/** Trino's regexp_replace takes all matches; DuckDB's the first, unless it is told otherwise. */
function allOf(dialect: Dialect): string {
  return dialect.name === 'duckdb' ? ", 'g'" : ''
}

function reason(name: RejectReason): string {
  return `'${name}'`
}
