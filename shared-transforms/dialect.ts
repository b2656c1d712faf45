import { greedyFirstsByFold, greedyFirstsByRecursion, type GreedyFirsts } from './greedy-firsts.ts'
import { trinoProduct } from './trino-product.ts'
import type { JsonTexts } from './json-texts.ts'
import { trinoIsJson, trinoWithJsonTexts } from './trino-json.ts'

/**
 * The functions that DuckDB and Trino spell differently. Everything else in the steps is text that
 * both read alike. Sessions of both run with the time zone UTC.
 */
export interface Dialect {
  readonly name: 'duckdb' | 'trino'
  /** Microseconds since 1970 of a timestamptz or a timestamp. */
  epochUs(timestamp: string): string
  /** The timestamptz of microseconds since 1970. */
  timestampOfUs(microseconds: string): string
  /** The UTC date of microseconds since 1970. */
  dateOfUs(microseconds: string): string
  /** Whether a pattern (RE2 and Java alike) is found in a text. */
  matches(text: string, pattern: string): string
  /** A text with all matches replaced; `\\1` stands for the first group, `\\2` for the second. */
  replaceAll(text: string, pattern: string, replacement: string): string
  /** An SQL literal of one control character, by its number. */
  character(code: number): string
  /** Whether a text is JSON. */
  isJson(text: string): string
  /**
   * A query with all columns of a relation and `texts`, an array of the texts at the paths: null
   * where it is no JSON, an element null where nothing or null is there. It may have more columns.
   */
  withJsonTexts(input: JsonTexts): string
  /**
   * An expression that reads a value by a name. For what few rows need and what would name the value
   * again and again: engines prepare every expression for each statement, needed or not, but the
   * inner one of these (a lambda) only where it is run.
   */
  letIn(name: string, value: string, expression: string): string
  /**
   * The same for what every row needs. DuckDB works a value that is written out again and again out
   * as often where a CASE or a TRY_CAST stands between, and takes a lambda. Trino works it out once,
   * and a lambda takes it longer than all of that: the value is put in wherever the name stands.
   */
  letOften(name: string, value: string, expression: string): string
  /** Parts of a text between separators, as an array. */
  split(text: string, separator: string): string
  /** Number of elements of an array. */
  sizeOf(array: string): string
  /** The plain timestamp of `YYYY-MM-DD`, alone or with `T` or a space and `hh:mm:ss`, or null. */
  timestampOfText(text: string): string
  /** Microseconds since 1970 of ISO text that ends in Z, digits past the microsecond cut off. */
  utcTextUs(text: string): string
  /**
   * Microseconds since 1970 UTC of a plain timestamp that a clock on a wall of `zone` shows: the
   * later one where it shows it twice, an hour on where it never does.
   */
  wallTimeUs(timestamp: string, zone: string): string
  /**
   * The exact product, decimal(38,16), of a decimal(18,8) and a decimal(38,8) or narrower. Below
   * 1e22 it is there; beyond that the engine may throw.
   */
  product(left: string, right: string): string
  /** First 60 bits of the md5 of a text, as a bigint. */
  md5Bits(text: string): string
  /** The word after AS of a CTE that is read more than once, where the engine takes one. */
  readonly materialized: string
  /** All columns of a query but some. */
  without(query: string, columns: readonly string[]): string
  /** A value that orders rows by columns that are never null, no two rows alike. */
  rowOrder(columns: readonly string[]): string
  /** A query with all columns of a relation, each row once for each number: see NumberedRows. */
  eachNumber(input: NumberedRows): string
  /** See GreedyFirsts: the `order` of every chosen row, as one column of that name. */
  greedyFirsts(input: GreedyFirsts): string
}

/** Numbers (bigint) `from`, `from` + `by`, … up to `until`, at most 10,000 a row, as a column. */
export interface NumberedRows {
  readonly relation: string
  readonly column: string
  readonly from: string
  readonly until: string
  readonly by: string
}

const HOUR_US = 3_600_000_000
const EPOCH_UTC = "TIMESTAMP '1970-01-01 00:00:00 UTC'"

export const duckdbDialect: Dialect = {
  name: 'duckdb',
  epochUs: (timestamp) => `epoch_us(${timestamp})`,
  timestampOfUs: (microseconds) => `make_timestamptz(${microseconds})`,
  dateOfUs: (us) => `(DATE '1970-01-01' + CAST(${us} // 86400000000 AS INTEGER))`,
  matches: (text, pattern) => `regexp_matches(${text}, '${pattern}')`,
  replaceAll: (text, pattern, replacement) =>
    `regexp_replace(${text}, '${pattern}', ${replacement}, 'g')`,
  character: (code) => `chr(${code})`,
  // Where DuckDB cannot read a text its functions throw; TRY makes that null.
  isJson: (text) => `coalesce(TRY(json_valid(${text})), false)`,
  // TRY goes through a block of rows one by one as soon as one of them throws, which costs three
  // times the reading: what is no JSON at all must not come so far.
  withJsonTexts: ({ relation, json, paths, only }) => {
    const list = paths.map((path) => `'${path}'`).join(', ')
    const texts = `TRY(CASE WHEN json_valid(${json}) THEN json_extract_string(${json}, [${list}]) END)`
    const wanted = only === undefined ? texts : `CASE WHEN ${only} THEN ${texts} END`
    return `SELECT *, ${wanted} AS texts FROM ${relation}`
  },
  letIn: (name, value, expression) =>
    `list_transform([${value}], lambda ${name}: ${expression})[1]`,
  letOften: (name, value, expression) => duckdbDialect.letIn(name, value, expression),
  split: (text, separator) => `string_split(${text}, '${separator}')`,
  sizeOf: (array) => `len(${array})`,
  timestampOfText: (text) => `TRY_CAST(${text} AS TIMESTAMP)`,
  utcTextUs: (text) => `epoch_us(TRY_CAST(${text} AS TIMESTAMP))`,
  wallTimeUs: (timestamp, zone) => `epoch_us(timezone('${zone}', ${timestamp}))`,
  product: (left, right) => `CAST(${left} * ${right} AS DECIMAL(38, 16))`,
  md5Bits: (text) => `CAST('0x' || substr(md5(${text}), 1, 15) AS BIGINT)`,
  materialized: ' MATERIALIZED',
  without: (query, columns) => `SELECT * EXCLUDE (${columns.join(', ')}) FROM (${query})`,
  rowOrder: (columns) => `row_number() OVER (ORDER BY ${columns.join(', ')})`,
  eachNumber: ({ relation, column, from, until, by }) =>
    `SELECT *, unnest(generate_series(${from}, ${until}, ${by})) AS ${column} ` +
    `FROM ${relation} AS n`,
  greedyFirsts: greedyFirstsByRecursion,
}

export const trinoDialect: Dialect = {
  name: 'trino',
  // date_diff knows no microseconds: the last three digits come from the text of timestamp(6).
  epochUs: (timestamp) => {
    const precise = `CAST(${timestamp} AS timestamp(6) with time zone) AT TIME ZONE 'UTC'`
    return (
      `(date_diff('millisecond', ${EPOCH_UTC}, ${precise}) * 1000 + ` +
      `CAST(substr(CAST(${precise} AS varchar), 24, 3) AS bigint))`
    )
  },
  timestampOfUs: (us) =>
    `CAST(from_unixtime_nanos((${us}) * BIGINT '1000') AS timestamp(6) with time zone)`,
  dateOfUs: (us) => `date_add('day', (${us}) / BIGINT '86400000000', DATE '1970-01-01')`,
  matches: (text, pattern) => `regexp_like(${text}, '${pattern}')`,
  replaceAll: (text, pattern, replacement) =>
    `regexp_replace(${text}, '${pattern}', ${replacement.replaceAll('\\', '$')})`,
  character: (code) => `chr(${code})`,
  isJson: trinoIsJson,
  withJsonTexts: trinoWithJsonTexts,
  letIn: (name, value, expression) => `transform(ARRAY[${value}], ${name} -> ${expression})[1]`,
  letOften: (name, value, expression) =>
    expression.replace(new RegExp(`\\b${name}\\b`, 'g'), () => `(${value})`),
  split: (text, separator) => `split(${text}, '${separator}')`,
  sizeOf: (array) => `cardinality(${array})`,
  // Trino's cast reads no T between date and time.
  timestampOfText: (text) => `TRY_CAST(replace(${text}, 'T', ' ') AS timestamp(6))`,
  utcTextUs: (text) =>
    trinoDialect.epochUs(
      `TRY_CAST(replace(substr(rtrim(${text}, 'Z'), 1, 26), 'T', ' ') AS timestamp(6))`,
    ),
  // Of the two instants that a clock shows alike when it is set back, DuckDB takes the later.
  wallTimeUs: (timestamp, zone) => {
    const wall = `CAST(${timestamp} AS timestamp(6))`
    const instant = `with_timezone(${wall}, '${zone}')`
    const later = `CAST(at_timezone(${instant} + INTERVAL '1' HOUR, '${zone}') AS timestamp(6))`
    return `(${trinoDialect.epochUs(instant)} + IF(${later} = ${wall}, ${HOUR_US}, 0))`
  },
  product: trinoProduct,
  md5Bits: (text) => `from_base(substr(lower(to_hex(md5(to_utf8(${text})))), 1, 15), 16)`,
  materialized: '',
  without: (query, columns) =>
    `SELECT * FROM TABLE(exclude_columns(input => TABLE(${query}), ` +
    `columns => DESCRIPTOR(${columns.join(', ')})))`,
  // No number, which would need a sort of all rows on one node; IN takes a row for many columns.
  rowOrder: (columns) => `ARRAY[ROW(${columns.join(', ')})]`,
  eachNumber: ({ relation, column, from, until, by }) =>
    `SELECT n.*, ${column} FROM ${relation} AS n ` +
    `CROSS JOIN UNNEST(sequence(${from}, ${until}, ${by})) AS u(${column})`,
  greedyFirsts: greedyFirstsByFold,
}
