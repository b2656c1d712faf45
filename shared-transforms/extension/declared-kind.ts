import { tradeMessages } from '../../bronze/trade-messages.ts'
import { klines } from '../../silver/klines.ts'
import { content, contentOrNull } from '../../tables/spec/column-definition.ts'
import type { ColumnDefinition, TableDefinition } from '../../tables/spec/table-definition.ts'
import type { TypedKind } from '../typed-row.ts'
import type { ColumnContent, DeclaredKind } from './lake-extension.ts'

const types = {
  price: 'decimal(18, 8)',
  quantity: 'decimal(28, 8)',
  rate: 'decimal(18, 8)',
  count: 'long',
  text: 'string',
} as const

const lineageNames = [
  ...['source', 'source_partition', 'source_offset', 'source_row', 'received_ts', 'ingested_ts'],
]

/** Bronze is the same for every kind. */
export function bronzeTableOf({ name }: DeclaredKind): TableDefinition {
  return {
    ...tradeMessages,
    name: `bronze.${name}_messages`,
    doc: `Messages of kind ${name} as they were received: each one exactly once, ignored ones too.`,
  }
}

/**
 * The kind's own columns come last, so that one that is added later takes no field id of another.
 */
export function silverTableOf(kind: DeclaredKind): TableDefinition {
  const { name, doc, columns, identity, partition = 'day' } = kind
  const idDoc =
    identity === 'id' ? "The venue's id of the row." : 'Event time in µs: a symbol has one a time.'
  const common: ColumnDefinition[] = [
    ...['venue', 'venue_symbol', 'instrument_id'].map(commonColumn),
    content(0, `${name}_id`, 'string', idDoc),
    content(0, 'event_ts', 'timestamptz', 'Time at the venue, UTC, microseconds.'),
    ...['is_rounded', ...lineageNames].map(commonColumn),
  ]
  const own = columns.map(({ name, holds, doc, isOptional }) => {
    const define = isOptional === true ? contentOrNull : content
    return define(0, name, types[holds], doc)
  })
  return {
    name: `silver.${name}s`,
    doc,
    columns: [...common, ...own].map((column, index) => ({ ...column, fieldId: index + 1 })),
    key: ['venue', 'venue_symbol', `${name}_id`, 'event_ts'],
    partition: [{ column: 'event_ts', transform: partition }],
    sort: ['venue_symbol', 'event_ts'],
  }
}

function commonColumn(name: string): ColumnDefinition {
  const column = klines.columns.find((one) => one.name === name)
  if (column === undefined) throw new RangeError(`silver has no column ${name}`)
  return column
}

/** How the numbers and texts of the kind are read and judged. */
export function typedKindOf(kind: DeclaredKind): TypedKind {
  const named = (holds: ColumnContent) =>
    kind.columns.filter((column) => column.holds === holds).map(({ name }) => name)
  const needed = kind.columns.filter(({ isOptional }) => isOptional !== true)
  return {
    kind: kind.name,
    idColumn: `${kind.name}_id`,
    prices: named('price'),
    quantities: named('quantity'),
    rates: named('rate'),
    counts: named('count'),
    required: needed.filter(({ holds }) => holds !== 'text').map(({ name }) => name),
    products: [],
    asGiven: named('text'),
    plainTexts: {
      required: needed.filter(({ holds }) => holds === 'text').map(({ name }) => name),
      optional: named('text').filter((name) => !needed.some((one) => one.name === name)),
    },
    ...(kind.impossible === undefined ? {} : { impossible: kind.impossible }),
  }
}
