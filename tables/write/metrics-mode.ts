import { SluiceError } from '../errors.ts'
import { fieldsById } from '../spec/schema-fields.ts'
import type { Schema } from '../spec/schema.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { childFields } from '../spec/schema-fields.ts'
import type { SchemaField } from '../spec/schema.ts'
import { defaultSortOrder } from './current-layout.ts'

/** What a manifest says of a column: nothing but its size, counts, cut bounds, or whole bounds. */
export type MetricsMode =
  | { readonly kind: 'none' | 'counts' | 'full' }
  | { readonly kind: 'truncate'; readonly length: number }

const DEFAULT_MODE: MetricsMode = { kind: 'truncate', length: 16 }
const DEFAULT_PROPERTY = 'write.metadata.metrics.default'
const COLUMN_PREFIX = 'write.metadata.metrics.column.'
const INFERRED_PROPERTY = 'write.metadata.metrics.max-inferred-column-defaults'
/** Of wider tables only the first columns have metrics, unless the table says otherwise. */
const INFERRED_COLUMNS_MAX = 100

/**
 * The metrics mode of each field, by the table properties `write.metadata.metrics.default` and
 * `write.metadata.metrics.column.<dotted name>`. Columns that the table is sorted by have bounds
 * at least. Throws `invalid-input` for a mode that is none.
 * Source: https://iceberg.apache.org/docs/latest/configuration/#write-properties
 */
export function metricsModes(
  table: TableMetadata,
  schema: Schema,
): (fieldId: number) => MetricsMode {
  const { properties } = table
  const said = properties[DEFAULT_PROPERTY]
  const general = said === undefined ? DEFAULT_MODE : parseMode(DEFAULT_PROPERTY, said)
  const columnModes = new Map<number, MetricsMode>()
  if (said === undefined) hideLateColumns(properties, schema, columnModes)
  for (const sort of defaultSortOrder(table).fields) {
    columnModes.set(sort['source-id'], sortedMode(columnModes.get(sort['source-id']) ?? general))
  }
  if (Object.keys(properties).some((name) => name.startsWith(COLUMN_PREFIX))) {
    for (const [name, field] of fieldsByPath(schema.fields)) {
      const text = properties[`${COLUMN_PREFIX}${name}`]
      if (text !== undefined) columnModes.set(field.id, parseMode(`${COLUMN_PREFIX}${name}`, text))
    }
  }
  return (fieldId) => columnModes.get(fieldId) ?? general
}

function parseMode(property: string, text: string): MetricsMode {
  const mode = text.toLowerCase()
  if (mode === 'none' || mode === 'counts' || mode === 'full') return { kind: mode }
  const match = /^truncate\(([1-9]\d{0,5})\)$/.exec(mode)
  if (match !== null) return { kind: 'truncate', length: Number(match[1]) }
  throw new SluiceError(
    'invalid-input',
    `The table property ${property} is "${text}", which is no metrics mode. Nothing was written. ` +
      'Set it to none, counts, truncate(16) or full.',
    { context: { property } },
  )
}

function hideLateColumns(
  properties: Readonly<Record<string, string>>,
  schema: Schema,
  modes: Map<number, MetricsMode>,
): void {
  const written = Number(properties[INFERRED_PROPERTY] ?? INFERRED_COLUMNS_MAX)
  const shown = Number.isSafeInteger(written) ? written : INFERRED_COLUMNS_MAX
  for (const field of schema.fields.slice(shown)) {
    for (const id of fieldsById({ type: 'struct', fields: [field] }).keys()) {
      modes.set(id, { kind: 'none' })
    }
  }
}

function sortedMode(mode: MetricsMode): MetricsMode {
  return mode.kind === 'none' || mode.kind === 'counts' ? DEFAULT_MODE : mode
}

/** Every field with its dotted name: `order.price`, `levels.element`. */
function* fieldsByPath(
  fields: readonly SchemaField[],
  prefix = '',
): Generator<readonly [string, SchemaField]> {
  for (const field of fields) {
    const path = `${prefix}${field.name}`
    yield [path, field]
    yield* fieldsByPath(childFields(field.type), `${path}.`)
  }
}
