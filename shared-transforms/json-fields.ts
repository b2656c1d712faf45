import type { Dialect } from './dialect.ts'
import { framedColumns } from './frame.ts'
import type { Kind } from './kind.ts'
import { screenSql } from './payload-screen.ts'
import type { RejectReason } from './reject-reason.ts'

/** What the engine's JSON reader takes without a word, or reads as double: see `odd`. */
const SPACE = ' \\t\\r\\n\\f'
const NO_NUMBER = '[nN][aA][nN]|[iI][nN][fF]'
const NOT_A_NUMBER = `[:,\\[${SPACE}][-+]?(?:${NO_NUMBER})`
const TRAILING_COMMA = `,[${SPACE}]*[}\\]]`
const LONG_NUMBER = `[:,\\[${SPACE}]-?(?:[0-9.]{16}|[0-9]+(?:\\.[0-9]+)?[eE][-+]?[0-9]{3})`
/** Written so that an engine which goes back and forth never goes back in a long text. */
const STRING = '"[^"\\\\]*(?:\\\\.[^"\\\\]*)*"'

/**
 * A pattern of all that makes a payload odd: tested once, so that a plain payload pays for none
 * of the careful checks. `nested` finds objects and arrays where the format has none.
 */
function odd(nested: string): string {
  return `(?s)${NOT_A_NUMBER}|${TRAILING_COMMA}|${LONG_NUMBER}|\\\\|${nested}`
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
  /** Columns that tell the kind: where all of them are null, nothing in the message does. */
  readonly telling?: readonly string[]
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
  const names = Object.keys(input.paths)
  const place = (name: string): string => `texts[${names.indexOf(name) + 1}]`
  const columns = names.map((name) => `${place(name)} AS ${name}`)
  const telling = input.telling?.map((name) => `${place(name)} IS NULL`) ?? ['false']
  const isOdd = `coalesce(${dialect.matches('payload', odd(input.nested))}, false)`
  const documents =
    `(SELECT *, CASE WHEN pre_reason IS NOT NULL THEN NULL WHEN NOT is_odd THEN payload ` +
    `ELSE ${carefulSql(dialect)} END AS document FROM (` +
    `SELECT *, ${screenSql(dialect)} AS pre_reason, ${isOdd} AS is_odd ` +
    `FROM ${input.routed} AS r WHERE kind = '${input.kind}' AND NOT is_ignored))`
  const paths = Object.values(input.paths)
  const read = dialect.withJsonTexts({ relation: documents, json: 'document', paths })
  const isObject = dialect.matches('payload', '^[ \\t\\r\\n]*\\{')
  const refusal =
    `CASE WHEN pre_reason IS NOT NULL THEN pre_reason ` +
    `WHEN texts IS NULL THEN ${reason('bad-json')} ` +
    `WHEN NOT ${isObject} THEN ${reason('not-an-object')} ` +
    `WHEN ${telling.join(' AND ')} THEN ${reason('unknown-kind')} END`
  return `SELECT ${framed}, is_odd, ${refusal} AS screen_reason, ${columns.join(', ')} FROM (${read})`
}

/** The payload of an odd message, its long numbers quoted; null where it is no strict JSON. */
function carefulSql(dialect: Dialect): string {
  const { character, matches } = dialect
  const bare = dialect.replaceAll('payload', `(?s)${STRING}`, `'""'`)
  const isLenient = matches(bare, `${NO_NUMBER}|${TRAILING_COMMA}`)
  // Marks around every match; a string's marks meet and vanish, a number's become quotes.
  // Strict JSON holds no control character, so the mark cannot be part of the payload.
  const mark = character(1)
  const number = '-?[0-9]+(?:\\.[0-9]+)?(?:[eE][-+]?[0-9]+)?'
  const marked = dialect.replaceAll(
    'payload',
    `(?s)(${STRING})|(${number})`,
    `'\\1' || ${mark} || '\\2' || ${mark}`,
  )
  const quoted = `replace(replace(${marked}, ${mark} || ${mark}, ''), ${mark}, '"')`
  return (
    `CASE WHEN NOT ${dialect.isJson('payload')} THEN NULL WHEN ${isLenient} THEN NULL ` +
    `WHEN ${matches('payload', LONG_NUMBER)} THEN ${quoted} ELSE payload END`
  )
}

function reason(name: RejectReason): string {
  return `'${name}'`
}
