import { duckdbDialect } from './dialect.ts'
import { sqlLiteral } from './sql-literal.ts'
import { MAX_EVENT_US } from './time-text.ts'

/**
 * Messages as the engine first sees them: the framed relation, input of every routing step.
 *
 * | column | |
 * |---|---|
 * | source, source_partition, source_offset | the position |
 * | message_key, headers | null where there are none; headers are a JSON object as text |
 * | payload, payload_encoding | null for a tombstone; 'utf-8', or 'base64' for other bytes |
 * | received_ts | null where unknown or impossible (the raw value is then in headers) |
 * | ingested_ts | one value for the whole batch |
 */
export const framedColumns = [
  'source',
  'source_partition',
  'source_offset',
  'message_key',
  'headers',
  'payload',
  'payload_encoding',
  'received_ts',
  'ingested_ts',
] as const

/** A receive time later than the ingest time by more than this is a wrong clock, µs. */
const MAX_SKEW_US = 60_000_000n

const NO_KEY = 9999
const MAX_LINE_BYTES = 4_194_304

/**
 * The framed relation of a bulk file. Each line is an ASCII prefix of fixed width (part index 4
 * digits, offset 19, received µs 16 with all zeros = unknown, key length 4 with 9999 = null,
 * headers length 6 with zeros = none), the key, the headers, the payload.
 *
 * The whole line is read as one column: splitting it by `substr` costs half of what the CSV
 * reader takes for several columns, and no byte of a payload can be taken for a separator.
 */
export function frameBulkSql(input: {
  readonly path: string
  readonly parts: readonly { readonly source: string; readonly partition: number }[]
  readonly ingestedUs: bigint
}): string {
  const sources = input.parts.map((part) => sqlLiteral(part.source)).join(', ')
  const partitions = input.parts.map((part) => String(part.partition)).join(', ')
  const lines =
    `SELECT line, CAST(substr(line, 1, 4) AS INTEGER) + 1 AS part, ` +
    `CAST(substr(line, 5, 19) AS BIGINT) AS source_offset, ` +
    `nullif(CAST(substr(line, 24, 16) AS BIGINT), 0) AS received_us, ` +
    `nullif(CAST(substr(line, 40, 4) AS INTEGER), ${NO_KEY}) AS key_length, ` +
    `CAST(substr(line, 44, 6) AS INTEGER) AS headers_length ` +
    `FROM read_csv(${sqlLiteral(input.path)}, columns = {'line': 'VARCHAR'}, ` +
    `delim = chr(1), quote = '', escape = '', header = false, auto_detect = false, ` +
    `strict_mode = false, max_line_size = ${MAX_LINE_BYTES})`
  const messages =
    `SELECT ([${sources}])[part] AS source, ` +
    `CAST(([${partitions}])[part] AS INTEGER) AS source_partition, source_offset, ` +
    `CASE WHEN key_length IS NOT NULL THEN substr(line, 50, key_length) END AS message_key, ` +
    `CASE WHEN headers_length > 0 ` +
    `THEN substr(line, 50 + coalesce(key_length, 0), headers_length) END AS headers, ` +
    `substr(line, 50 + coalesce(key_length, 0) + headers_length) AS payload, ` +
    `'utf-8' AS payload_encoding, received_us FROM (${lines})`
  return sanitizeReceivedSql({ relation: `(${messages})`, ingestedUs: input.ingestedUs })
}

/**
 * The framed relation of messages that carry `received_us` (µs, null where unknown) in place of
 * received_ts and ingested_ts. Other columns of the relation are kept. A receive time before
 * 1970, after 2199 or more than 60 s after the ingest becomes null, and its raw value goes into
 * headers as `received-ts-us`, unless they already name one.
 */
export function sanitizeReceivedSql(input: {
  readonly relation: string
  readonly ingestedUs: bigint
}): string {
  const latest = input.ingestedUs + MAX_SKEW_US
  const end = latest < MAX_EVENT_US ? latest + 1n : MAX_EVENT_US
  const isGood = `received_us >= 0 AND received_us < ${end}`
  const hasName = `strpos(coalesce(headers, ''), '"received-ts-us"') > 0`
  const pair = `'{"received-ts-us":"' || CAST(received_us AS VARCHAR) || '"'`
  const isEmpty = `coalesce(${duckdbDialect.matches('headers', '^\\s*\\{\\s*\\}\\s*$')}, true)`
  const rest = `substr(headers, strpos(headers, '{') + 1)`
  return (
    `SELECT * EXCLUDE (received_us) REPLACE (` +
    `CASE WHEN received_us IS NULL OR (${isGood}) OR ${hasName} THEN headers ` +
    `WHEN ${isEmpty} THEN ${pair} || '}' ELSE ${pair} || ',' || ${rest} END AS headers), ` +
    `CASE WHEN ${isGood} THEN make_timestamptz(received_us) END AS received_ts, ` +
    `make_timestamptz(CAST(${input.ingestedUs} AS BIGINT)) AS ingested_ts ` +
    `FROM ${input.relation}`
  )
}
