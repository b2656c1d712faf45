import { duckdbDialect, type Dialect } from '../dialect.ts'
import { framedColumns } from '../frame.ts'
import { deeperThan, jsonFieldsSql } from '../json-fields.ts'
import type { Kind } from '../kind.ts'
import { sqlLiteral } from '../sql-literal.ts'
import { epochTimeUsSql, looseTimeUsSql } from '../time-text.ts'
import { typedQuote, typedTrade } from '../typed-kinds.ts'
import { typedRowsSql } from '../typed-row.ts'
import { csvFieldsSql } from './csv-fields.ts'
import type { Format } from './format.ts'
import type { FieldPlace, MappedFile, Mapping } from './mapping.ts'

/** Of all mapped formats. Goes up with every change that can change a row of any mapping. */
export const MAPPED_VERSION = 1

const NO_TEXT = 'CAST(NULL AS VARCHAR)'
const defaultSides = {
  buy: ['buy', 'Buy', 'BUY', 'b', 'B'],
  sell: ['sell', 'Sell', 'SELL', 's', 'S'],
}

/**
 * The format of records that a mapping reads. `csv`: a message is a record, the quotes and line
 * ends in it untouched. `ndjson`: a message is a line, a JSON object. `parquet`: a message is a row
 * as a JSON object whose values are texts. An empty text is taken for no text.
 */
export function createMappedFormat(name: string, file: MappedFile, mapping: Mapping): Format {
  const { fields, kind } = mapping
  const hasId = fields[`${kind}_id`] !== undefined
  const hasSeq = fields[`${kind}_seq`] !== undefined
  const isHeader = file === 'csv' && mapping.csv?.hasHeader === true ? 'source_offset = 0' : 'false'
  const idKind = hasSeq ? 'increasing' : 'opaque'
  return {
    name,
    version: MAPPED_VERSION,
    kinds: [kind],
    idKind: () => (hasId ? idKind : 'none'),
    isEventTimeReceived: () => false,
    routeSql: (framed) =>
      `SELECT ${framedColumns.join(', ')}, ${sqlLiteral(name)} AS format, '${kind}' AS kind, ` +
      `${isHeader} AS is_ignored FROM ${framed} AS f`,
    decodeSql: (_kind, routed, dialect = duckdbDialect) =>
      typedRowsSql(
        kind === 'trade' ? typedTrade : typedQuote,
        timedSql(mapping, readSql(file, mapping, routed, dialect), dialect),
        { hasId, hasSeq },
        dialect,
      ),
  }
}

/** All that is read from records, by the name of the column that takes the text. */
function placesOf({ fields, time }: Mapping): readonly (readonly [string, FieldPlace])[] {
  const parts = time.places.map((place, index) => [`time_${index}`, place] as const)
  return [...Object.entries(fields), ...parts]
}

/** One column `read_<name>` for each place, `screen_reason` and `is_odd`. */
function readSql(file: MappedFile, mapping: Mapping, routed: string, dialect: Dialect): string {
  const kind: Kind = mapping.kind
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

function timedSql(mapping: Mapping, read: string, dialect: Dialect): string {
  const { kind, time } = mapping
  const { prices, quantities, idColumn } = kind === 'trade' ? typedTrade : typedQuote
  const text = (name: string): string => {
    const place = mapping.fields[name]
    if (place === undefined) return NO_TEXT
    return 'constant' in place ? sqlLiteral(place.constant) : `nullif(read_${name}, '')`
  }
  const framed = [...framedColumns, 'format', 'kind'].join(', ')
  const columns = [
    ...['venue', 'venue_symbol', idColumn].map((name) => `${text(name)} AS ${name}`),
    `${text(`${kind}_seq`)} AS seq_text`,
    ...[...prices, ...quantities].map((name) => `${text(name)} AS ${name}_text`),
    ...(kind === 'trade'
      ? [
          `${sideSql(mapping, text('taker_side'))} AS taker_side`,
          `${text('conditions')} AS conditions`,
        ]
      : []),
    `${time.places.map((_, part) => `nullif(read_time_${part}, '')`).join(" || ' ' || ")} AS time_text`,
  ]
  const us =
    time.unit === 'iso'
      ? looseTimeUsSql('time_text', time.zone, dialect)
      : epochTimeUsSql('time_text', time.unit, dialect)
  const fields = `SELECT ${framed}, is_odd, screen_reason, 0 AS source_row, ${columns.join(', ')} FROM (${read})`
  return (
    `SELECT *, CASE WHEN event_us_read IS NOT NULL THEN NULL WHEN time_text IS NULL ` +
    `THEN 'missing-field' ELSE 'bad-time' END AS time_reason ` +
    `FROM (SELECT *, ${us} AS event_us_read FROM (${fields}))`
  )
}

function sideSql({ sides = defaultSides }: Mapping, side: string): string {
  const isIn = (texts: readonly string[]): string =>
    texts.length === 0 ? 'false' : `${side} IN (${texts.map(sqlLiteral).join(', ')})`
  return `CASE WHEN ${isIn(sides.buy)} THEN 'buy' WHEN ${isIn(sides.sell)} THEN 'sell' ELSE 'unknown' END`
}
