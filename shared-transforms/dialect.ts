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
  /** An SQL literal of one control character, by its number. */
  character(code: number): string
  /** Whether a text is JSON. */
  isJson(text: string): string
  /** Texts at case-sensitive paths of one JSON text as an array; null where it is no JSON. */
  jsonTexts(json: string, paths: readonly string[]): string
  /** Parts of a text between separators, as an array. */
  split(text: string, separator: string): string
  /** Number of elements of an array. */
  sizeOf(array: string): string
  /** Microseconds since 1970 UTC of a plain timestamp that a clock on a wall of `zone` shows. */
  wallTimeUs(timestamp: string, zone: string): string
  /** First 60 bits of the md5 of a text, as a bigint. */
  md5Bits(text: string): string
}

const EPOCH_UTC = "TIMESTAMP '1970-01-01 00:00:00 UTC'"

export const duckdbDialect: Dialect = {
  name: 'duckdb',
  epochUs: (timestamp) => `epoch_us(${timestamp})`,
  timestampOfUs: (microseconds) => `make_timestamptz(${microseconds})`,
  dateOfUs: (us) => `(DATE '1970-01-01' + CAST(${us} // 86400000000 AS INTEGER))`,
  matches: (text, pattern) => `regexp_matches(${text}, '${pattern}')`,
  character: (code) => `chr(${code})`,
  // Where DuckDB cannot read a text its functions throw; TRY makes that null.
  isJson: (text) => `coalesce(TRY(json_valid(${text})), false)`,
  // TRY goes through a block of rows one by one as soon as one of them throws, which costs three
  // times the reading: what is no JSON at all must not come so far.
  jsonTexts: (json, paths) =>
    `TRY(CASE WHEN json_valid(${json}) THEN json_extract_string(${json}, [${quoted(paths)}]) END)`,
  split: (text, separator) => `string_split(${text}, '${separator}')`,
  sizeOf: (array) => `len(${array})`,
  wallTimeUs: (timestamp, zone) => `epoch_us(timezone('${zone}', ${timestamp}))`,
  md5Bits: (text) => `CAST('0x' || substr(md5(${text}), 1, 15) AS BIGINT)`,
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
  character: (code) => `chr(${code})`,
  isJson: (text) => `coalesce(TRY(json_parse(${text})) IS NOT NULL, false)`,
  jsonTexts: (json, paths) => {
    const texts = paths.map((path) => `json_extract_scalar(${json}, '${path}')`)
    return `CASE WHEN TRY(json_parse(${json})) IS NOT NULL THEN ARRAY[${texts.join(', ')}] END`
  },
  split: (text, separator) => `split(${text}, '${separator}')`,
  sizeOf: (array) => `cardinality(${array})`,
  wallTimeUs: (timestamp, zone) =>
    trinoDialect.epochUs(`with_timezone(CAST(${timestamp} AS timestamp(6)), '${zone}')`),
  md5Bits: (text) => `from_base(substr(lower(to_hex(md5(to_utf8(${text})))), 1, 15), 16)`,
}

function quoted(paths: readonly string[]): string {
  return paths.map((path) => `'${path}'`).join(', ')
}
