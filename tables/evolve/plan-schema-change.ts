import { isDeepStrictEqual } from 'node:util'

import { findFieldById, schemaIdList } from '../spec/schema-fields.ts'
import { schemaFaults } from '../spec/schema-rules.ts'
import type { Schema } from '../spec/schema.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { applySchemaChange, type SchemaDraft } from './apply-schema-change.ts'
import { currentSchema, type MetadataChange, noChange, refused } from './metadata-change.ts'
import type { SchemaChange } from './schema-change.ts'
import { followSchema } from './follow-schema.ts'

/**
 * The commit that changes a table's schema: `changes` one after the other, as one new schema.
 * Field ids stay with their columns, so that no data file has to be written again; a name mapping
 * and settings by column name follow along. Pure.
 *
 * Throws `invalid-input` where a change breaks a rule of the specification, or would take a column
 * from under the default partition spec, the default sort order or the identifier.
 * Source: https://iceberg.apache.org/spec/#schema-evolution and the reference implementation.
 */
export function planSchemaChange(
  metadata: TableMetadata,
  changes: readonly SchemaChange[],
): MetadataChange {
  const before = currentSchema(metadata)
  const draft: SchemaDraft = {
    metadata,
    schema: before,
    lastColumnId: metadata['last-column-id'],
  }
  for (const change of changes) applySchemaChange(draft, change)
  if (isDeepStrictEqual(draft.schema, before)) return noChange
  checkResult(metadata, draft.schema)
  const schemaIds = metadata.schemas.map((schema) => schema['schema-id'])
  const schema = { ...draft.schema, 'schema-id': Math.max(...schemaIds) + 1 }
  return {
    requirements: [
      { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
      {
        type: 'assert-last-assigned-field-id',
        'last-assigned-field-id': metadata['last-column-id'],
      },
      { type: 'assert-current-schema-id', 'current-schema-id': metadata['current-schema-id'] },
    ],
    updates: [
      { action: 'add-schema', schema, 'last-column-id': draft.lastColumnId },
      { action: 'set-current-schema', 'schema-id': -1 },
      ...followSchema(metadata.properties, before, schema),
    ],
  }
}

function checkResult(metadata: TableMetadata, schema: Schema): void {
  const faults = [
    ...schemaFaults(schema, metadata['format-version']),
    ...sourceFaults(metadata, schema),
  ]
  if (faults.length > 0) throw refused(faults.join('; '))
}

/** Columns that rows to come are partitioned or sorted by have to stay. */
function sourceFaults(metadata: TableMetadata, schema: Schema): readonly string[] {
  const ids = new Set(schemaIdList(schema))
  const spec = metadata['partition-specs'].find(
    (candidate) => candidate['spec-id'] === metadata['default-spec-id'],
  )
  const order = metadata['sort-orders'].find(
    (candidate) => candidate['order-id'] === metadata['default-sort-order-id'],
  )
  const nameOf = (id: number) => findFieldById(currentSchema(metadata), id)?.name ?? `id ${id}`
  return [
    ...(spec?.fields ?? [])
      .filter((field) => field.transform !== 'void' && !ids.has(field['source-id']))
      .map((field) => {
        return `Cannot find source column for partition field: ${field.name} (${nameOf(field['source-id'])})`
      }),
    ...(order?.fields ?? [])
      .filter((field) => !ids.has(field['source-id']))
      .map((field) => `Cannot find source column for sort field: ${nameOf(field['source-id'])}`),
  ]
}
