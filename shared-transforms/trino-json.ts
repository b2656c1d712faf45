import type { JsonTexts } from './json-texts.ts'

/**
 * JSON in Trino as DuckDB reads it: `NaN`, `Infinity` and a comma before a closing bracket are
 * read, lone surrogates are refused, of equal keys the first one counts, a value that is an object
 * or an array is its short text, and a number without quotes has the text that a double has.
 */

/** Written so that an engine which goes back and forth never goes back in a long text. */
const STRING = '"[^"\\\\]*(?:\\\\.[^"\\\\]*)*"'
const SPACE = '[ \\t\\r\\n]*'
const NUMBER = '^-?[0-9]+(?:\\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\\z'

/** json_parse fails the whole statement where it nests too deep for the server's stack. */
const MAX_DEPTH = 1000

/** Whether a text is JSON. Never null. */
export function trinoIsJson(json: string): string {
  return `((${readableSql(json)}) IS NOT NULL)`
}

/** See Dialect.withJsonTexts. What one step computes is a column of the next: computed once. */
export function trinoWithJsonTexts(input: JsonTexts): string {
  const { relation, json, only = 'true' } = input
  const paths = input.paths.map(trinoPath)
  const scalars = paths.map(
    (path, index) => `json_extract_scalar(read_json, '${path}') AS scalar_${index}`,
  )
  const wholes = paths.map((path, index) => {
    const isPlain =
      `NOT regexp_like(scalar_${index}, '[.eE]|^-0\\z') ` +
      `OR NOT regexp_like(scalar_${index}, '${NUMBER}')`
    return `CASE WHEN ${isPlain} THEN NULL ELSE ${wholeSql(path)} END AS whole_${index}`
  })
  const texts = paths.map((_, index) => textSql(`scalar_${index}`, `whole_${index}`))
  return (
    `SELECT *, CASE WHEN read_json IS NOT NULL THEN ARRAY[${texts.join(', ')}] END AS texts ` +
    `FROM (SELECT *, ${wholes.join(', ')} FROM (SELECT *, ${scalars.join(', ')} ` +
    `FROM (SELECT *, CASE WHEN ${only} THEN ${readableSql(json)} END AS read_json ` +
    `FROM ${relation})))`
  )
}

/** A name in quotes stands in brackets in Trino. */
function trinoPath(path: string): string {
  return path.replaceAll(/\."([^"]*)"/g, '["$1"]')
}

function wholeSql(path: string): string {
  return `json_format(json_extract(read_json, '${path}'))`
}

/** The JSON, or a strict form of it, or null. What comes out makes no JSON function throw. */
function readableSql(json: string): string {
  return (
    `CASE WHEN ${json} IS NULL OR ${isTooDeepSql(json)} OR ${hasLoneSurrogateSql(json)} ` +
    `THEN NULL WHEN ${isStrictSql(json)} THEN ${json} ELSE ${lenientSql(json)} END`
  )
}

/** Exponents that overflow Java's integers are cut to three digits first: DuckDB takes them. */
function isStrictSql(json: string): string {
  const short = `regexp_replace(${json}, '([eE][-+]?[0-9]{3})[0-9]+', '$1')`
  return `TRY(json_parse(${short})) IS NOT NULL`
}

/** What DuckDB reads beyond strict JSON, made strict: words become texts, odd commas vanish. */
function lenientSql(json: string): string {
  const mark = 'chr(1)'
  const word = '-?(?:[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?)'
  const marked =
    `regexp_replace(${json}, '(?s)(${STRING})|(${word})|,(${SPACE}[}\\]])', ` +
    `'$1' || ${mark} || '$2' || ${mark} || '$3')`
  const fixed = `replace(replace(${marked}, ${mark} || ${mark}, ''), ${mark}, '"')`
  const isAlone = `regexp_like(${bareSql(json)}, '[\\[{]${SPACE},')`
  const isRead = `strpos(${json}, ${mark}) = 0 AND NOT ${isAlone} AND ${isStrictSql(fixed)}`
  return `CASE WHEN ${isRead} THEN ${fixed} END`
}

/** The JSON with every text in it empty. */
function bareSql(json: string): string {
  return `regexp_replace(${json}, '(?s)${STRING}', '""')`
}

function isTooDeepSql(json: string): string {
  const few = `length(regexp_replace(${json}, '[^\\[{]', '')) <= ${MAX_DEPTH}`
  const runs = `regexp_extract_all(${bareSql(json)}, '[\\[{]+|[\\]}]+')`
  const change = `IF(regexp_like(run, '^[\\[{]'), length(run), -length(run))`
  const start = 'CAST(ROW(0, 0) AS ROW(depth bigint, deepest bigint))'
  const next =
    `CAST(ROW(s.depth + ${change}, greatest(s.deepest, s.depth + ${change})) ` +
    `AS ROW(depth bigint, deepest bigint))`
  const deepest = `reduce(${runs}, ${start}, (s, run) -> ${next}, s -> s.deepest)`
  return `IF(${few}, false, ${deepest} > ${MAX_DEPTH})`
}

/** Pairs of backslashes stand for one and are put aside first, then whole pairs of surrogates. */
function hasLoneSurrogateSql(json: string): string {
  const single = `replace(${json}, '\\\\', 'x')`
  const pair = '\\\\u[dD][89abAB][0-9a-fA-F]{2}\\\\u[dD][c-fC-F][0-9a-fA-F]{2}'
  const rest = `regexp_replace(${single}, '${pair}', 'x')`
  return `IF(strpos(${json}, '\\u') = 0, false, regexp_like(${rest}, '\\\\u[dD][89a-fA-F]'))`
}

/**
 * The text at one path. The scalar is a number as it is written, and null where the value is
 * nested; the whole, read where the scalar leaves it open, has texts in quotes.
 */
function textSql(scalar: string, whole: string): string {
  return (
    `CASE WHEN ${scalar} IS NULL THEN IF(regexp_like(${whole}, '^[\\[{]'), ${whole}) ` +
    `WHEN ${whole} IS NULL OR starts_with(${whole}, '"') THEN ${scalar} ` +
    `ELSE ${doubleTextSql(whole)} END`
  )
}

/** Java's text of a double as DuckDB writes it: an exponent from 1e21 on, and below 1e-6. */
function doubleTextSql(text: string): string {
  const exponent = `CAST(regexp_extract(${text}, 'E(.*)', 1) AS integer)`
  const digits = (scale: number): string =>
    `regexp_replace(regexp_replace(CAST(CAST(${text} AS decimal(38, ${scale})) AS varchar), ` +
    `'0+\\z', ''), '\\.\\z', '.0')`
  return (
    `CASE WHEN strpos(${text}, 'E') = 0 THEN ${text} ` +
    `WHEN ${exponent} BETWEEN 0 AND 20 THEN ${digits(17)} ` +
    `WHEN ${exponent} BETWEEN -6 AND -1 THEN ${digits(30)} ` +
    `ELSE replace(replace(${text}, '.0E', 'e'), 'E', 'e') END`
  )
}
