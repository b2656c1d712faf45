import type { SchemaField } from '../spec/schema.ts'
import { engineColumns } from './file-layout.ts'
import { ownSnapshots } from './own-snapshots.ts'
import type { ScanPlan } from './plan-scan.ts'

/** Types that the engine reads from a file of ours as they are in the table. */
const sameTypes =
  /^(boolean|int|long|float|double|date|timestamp|timestamptz|string|decimal\(.*\))$/

/**
 * Locations of the files that can be read by the names of their columns, which the engine does
 * quicker than by field id. Those are the files that our own writer made of a table that never had
 * another schema: they hold every column, by its name and in its type.
 *
 * Nothing is taken for granted of a table that was ever altered, since schemas can be removed from
 * metadata, nor of format version 3, whose files may hold the lineage of rows beside.
 */
export function filesOfTableNames(plan: ScanPlan): ReadonlySet<string> {
  const { metadata, schema, tasks } = plan
  if (metadata['format-version'] > 2 || !isFirstSchema(plan)) return new Set()
  const own = new Set(
    ownSnapshots(metadata)
      .filter((snapshot) => snapshot['schema-id'] === schema['schema-id'])
      .map((snapshot) => snapshot['snapshot-id']),
  )
  const files = tasks.filter(({ addedBy }) => addedBy !== null && own.has(addedBy))
  return new Set(files.map(({ file }) => file.filePath))
}

function isFirstSchema({ metadata, schema }: ScanPlan): boolean {
  const { schemas, 'last-column-id': lastColumnId } = metadata
  const ids = schema.fields.map(({ id }) => id)
  return (
    schemas.length === 1 &&
    schemas[0] === schema &&
    schema['schema-id'] === 0 &&
    lastColumnId === Math.max(0, ...ids) &&
    ids.length === lastColumnId &&
    schema.fields.every(isReadAsWritten) &&
    new Set(schema.fields.map(({ name }) => name.toLowerCase())).size === schema.fields.length
  )
}

function isReadAsWritten({ name, type }: SchemaField): boolean {
  return (
    typeof type === 'string' && sameTypes.test(type) && !engineColumns.includes(name.toLowerCase())
  )
}
