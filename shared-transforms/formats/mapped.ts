import { duckdbDialect, type Dialect } from '../dialect.ts'
import { framedColumns } from '../frame.ts'
import { deeperThan, jsonFieldsSql } from '../json-fields.ts'
import { sqlLiteral } from '../sql-literal.ts'
import { epochTimeUsSql, looseTimeUsSql } from '../time-text.ts'
import { typedKline, typedQuote, typedTrade } from '../typed-kinds.ts'
import { typedRowsSql, type TypedKind } from '../typed-row.ts'
import { csvFieldsSql } from './csv-fields.ts'
import type { Format } from './format.ts'
import type { FieldPlace, MappedFile, MappedKind, Mapping, RecordMapping } from './mapping.ts'
import { minuteKlineSql } from './minute-kline.ts'

/** Of all mapped formats. Goes up with every change that can change a row of any mapping. */
export const MAPPED_VERSION = 1

const NO_TEXT = 'CAST(NULL AS VARCHAR)'
const defaultSides = {
  buy: ['buy', 'Buy', 'BUY', 'b', 'B'],
  sell: ['sell', 'Sell', 'SELL', 's', 'S'],
}

/** The silver columns that a mapping of each kind fills. */
export const mappedTypes: Readonly<Record<MappedKind, TypedKind>> = {
  trade: typedTrade,
  quote: typedQuote,
  kline: typedKline,
}

/**
 * The format of records that a mapping reads. `csv`: a message is a record, the quotes and line
 * ends in it untouched. `ndjson`: a message is a line, a JSON object. `parquet`: a message is a row
 * as a JSON object whose values are texts. An empty text is taken for no text. Klines are of one
 * minute, which begins at their event time.
 */
export function createMappedFormat(name: string, file: MappedFile, mapping: Mapping): Format {
  const isHeader = file === 'csv' && mapping.csv?.hasHeader === true
  return createRecordFormat({
    ...{ name, file, mapping, version: MAPPED_VERSION },
    id: mapping.kind === 'kline' ? 'minute' : 'field',
    typed: mappedTypes[mapping.kind],
    isIgnoredSql: isHeader ? 'source_offset = 0' : 'false',
  })
}

/** How records of one kind are read. */
export interface RecordFormat {
  readonly name: string
  readonly version: number
  readonly file: MappedFile
  readonly typed: TypedKind
  readonly mapping: RecordMapping
  /**
   * The id of a row: a field where the mapping has one; its event time, µs as text; or the minute
   * of a kline.
   */
  readonly id: 'field' | 'time' | 'minute'
  /** A condition on the framed columns: messages that are no records. */
  readonly isIgnoredSql: string
}

/** The format of records of any kind, whose fields become columns by their names. */
export function createRecordFormat(format: RecordFormat): Format {
  const { name, version, file, typed, mapping, id, isIgnoredSql } = format
  const { fields } = mapping
  const { kind } = typed
  const hasId = id === 'field' && fields[`${kind}_id`] !== undefined
  const hasSeq = fields[`${kind}_seq`] !== undefined
  const idKind = hasSeq ? 'increasing' : 'opaque'
  return {
    name,
    version,
    kinds: [kind],
    idKind: () => (hasId || id !== 'field' ? idKind : 'none'),
    isEventTimeReceived: () => false,
    routeSql: (framed) =>
      `SELECT ${framedColumns.join(', ')}, ${sqlLiteral(name)} AS format, '${kind}' AS kind, ` +
      `${isIgnoredSql} AS is_ignored FROM ${framed} AS f`,
    decodeSql: (_kind, routed, dialect = duckdbDialect) =>
      typedRowsSql(
        typed,
        timedSql(format, readSql(file, format, routed, dialect), dialect),
        { hasId, hasSeq },
        dialect,
      ),
  }
}

/** All that is read from records, by the name of the column that takes the text. */
function placesOf({ fields, time }: RecordMapping): readonly (readonly [string, FieldPlace])[] {
  const parts = time.places.map((place, index) => [`time_${index}`, place] as const)
  return [...Object.entries(fields), ...parts]
}

/** One column `read_<name>` for each place, `screen_reason` and `is_odd`. */
function readSql(
  file: MappedFile,
  { mapping, typed: { kind } }: RecordFormat,
  routed: string,
  dialect: Dialect,
): string {
  const places = placesOf(mapping)
  if (file === 'csv') {
    const cells = places.flatMap(([name, place]) =>
      'cell' in place ? [[`read_${name}`, place.cell] as const] : [],
    )
    const { delimiter = ',', width } = mapping.csv ?? {}
    return csvFieldsSql(
      { kind, routed, delimiter, width, cells: Object.fromEntries(cells) },
      dialect,
    )
  }
  const paths = places.flatMap(([name, place]) =>
    'path' in place ? [[`read_${name}`, place.path.replaceAll("'", "''")] as const] : [],
  )
  const input = { kind, routed, nested: deeperThan.root, paths: Object.fromEntries(paths) }
  return jsonFieldsSql(input, dialect)
}

function timedSql({ mapping, typed, id }: RecordFormat, read: string, dialect: Dialect): string {
  const { time } = mapping
  const { kind, prices, quantities, rates = [], counts, idColumn, asGiven } = typed
  const ids = id === 'field' ? [idColumn] : []
  const given = id === 'minute' ? [] : asGiven
  const text = (name: string): string => {
    const place = mapping.fields[name]
    if (place === undefined) return NO_TEXT
    return 'constant' in place ? sqlLiteral(place.constant) : `nullif(read_${name}, '')`
  }
  const framed = [...framedColumns, 'format', 'kind'].join(', ')
  const columns = [
    ...['venue', 'venue_symbol', ...ids].map((name) => `${text(name)} AS ${name}`),
    `${text(`${kind}_seq`)} AS seq_text`,
    ...[...prices, ...quantities, ...rates, ...counts].map(
      (name) => `${text(name)} AS ${name}_text`,
    ),
    ...given.map(
      (name) => `${name === 'taker_side' ? sideSql(mapping, text(name)) : text(name)} AS ${name}`,
    ),
    `${time.places.map((_, part) => `nullif(read_time_${part}, '')`).join(" || ' ' || ")} AS time_text`,
  ]
  const us =
    time.unit === 'iso'
      ? looseTimeUsSql('time_text', time.zone, dialect)
      : epochTimeUsSql('time_text', time.unit, dialect)
  const fields = `SELECT ${framed}, is_odd, screen_reason, 0 AS source_row, ${columns.join(', ')} FROM (${read})`
  const ofTime = {
    field: '',
    time: `CAST(event_us_read AS VARCHAR) AS ${idColumn}, `,
    minute: `${minuteKlineSql(dialect)}, false AS is_other_step, `,
  }
  return (
    `SELECT *, ${ofTime[id]}CASE WHEN event_us_read IS NOT NULL THEN NULL WHEN time_text IS NULL ` +
    `THEN 'missing-field' ELSE 'bad-time' END AS time_reason ` +
    `FROM (SELECT *, ${us} AS event_us_read FROM (${fields}))`
  )
}

function sideSql({ sides = defaultSides }: RecordMapping, side: string): string {
  const isIn = (texts: readonly string[]): string =>
    texts.length === 0 ? 'false' : `${side} IN (${texts.map(sqlLiteral).join(', ')})`
  return `CASE WHEN ${isIn(sides.buy)} THEN 'buy' WHEN ${isIn(sides.sell)} THEN 'sell' ELSE 'unknown' END`
}
