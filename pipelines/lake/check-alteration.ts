import { tableOfModel, type HasModel } from '../../shared-transforms/lake-model.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { SchemaChange } from '../../tables/evolve/schema-change.ts'
import type { Alteration } from './alter-table.ts'

/**
 * Refuses what would break the lake's own work on a table: the loop and the backfill write the
 * columns that the table is declared with, and housekeeping relies on where files lie. Everything
 * else is the user's: further columns, partitions, orders, properties.
 * @throws SluiceError `invalid-input`
 */
export function checkAlteration(
  { model }: HasModel,
  table: string,
  alteration: Alteration,
): void {
  const definition = tableOfModel(model, table)
  const isLakeTable = definition !== undefined
  if (alteration.kind === 'set') {
    for (const [key, value] of Object.entries(alteration.properties)) {
      checkProperty(isLakeTable, key, value)
    }
  }
  if (alteration.kind === 'unset') {
    for (const name of alteration.names) checkProperty(isLakeTable, name, undefined)
  }
  if (definition === undefined || alteration.kind !== 'schema') return
  const column = changedColumn(alteration.change)
  if (definition.columns.some(({ name }) => name === column)) throw neededColumn(table, column)
}

/** The column that loses its name or type; columns that are added are nobody's yet. */
function changedColumn(change: SchemaChange): string {
  switch (change.op) {
    case 'drop-column':
    case 'rename-column':
    case 'widen-column':
      return change.column
    default:
      return ''
  }
}

/** Kept by the format itself; writers set them, and a property of that name would say it twice. */
const reservedProperties: ReadonlySet<string> = new Set([
  'format-version',
  'uuid',
  'snapshot-count',
  'current-snapshot-summary',
  'current-snapshot-id',
  'current-snapshot-timestamp-ms',
  'current-schema',
  'default-partition-spec',
  'default-sort-order',
])

/** Where files lie: what is elsewhere is found by neither housekeeping nor `sluice relocate`. */
const placeProperties: ReadonlySet<string> = new Set([
  'write.data.path',
  'write.metadata.path',
  'write.object-storage.enabled',
  'write.object-storage.path',
  'write.folder-storage.path',
  'write.location-provider.impl',
])

/** A crash between a commit and its record is made good from so many metadata files. */
const LEAST_VERSIONS = 10

function checkProperty(isLakeTable: boolean, key: string, value: string | undefined): void {
  if (reservedProperties.has(key)) throw refusedProperty(key, 'the table format keeps it itself')
  if (key.startsWith('sluice.')) throw refusedProperty(key, 'cuts set it themselves')
  if (value === undefined || !isLakeTable) return
  if (placeProperties.has(key)) {
    throw refusedProperty(key, 'files would lie where housekeeping and relocating do not look')
  }
  if (key === 'write.format.default' && value.toLowerCase() !== 'parquet') {
    throw refusedProperty(key, 'only Parquet is written and read')
  }
  if (key === 'write.metadata.previous-versions-max' && !(Number(value) >= LEAST_VERSIONS)) {
    throw refusedProperty(key, `a start after a crash needs ${LEAST_VERSIONS} versions`)
  }
}

function refusedProperty(key: string, reason: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The property ${key} cannot be set so: ${reason}. Nothing was changed. Leave it as it is.`,
    { context: { property: key } },
  )
}

function neededColumn(table: string, column: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `${table} needs its column ${column} as it is: the transforms write it, and every run would ` +
      'fail without. Nothing was changed. Add a column of your own beside it, or choose names ' +
      'and types in your queries.',
    { context: { table, column } },
  )
}
