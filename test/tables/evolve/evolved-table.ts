import { applyUpdates } from '../../../tables/commit/apply-updates.ts'
import { checkRequirements } from '../../../tables/commit/requirements.ts'
import type { MetadataChange } from '../../../tables/evolve/metadata-change.ts'
import { planSchemaChange } from '../../../tables/evolve/plan-schema-change.ts'
import type { SchemaChange } from '../../../tables/evolve/schema-change.ts'
import { createTableMetadata } from '../../../tables/spec/create-table-metadata.ts'
import type { PartitionSpec, PartitionTransform } from '../../../tables/spec/partition-spec.ts'
import { fieldsByPath } from '../../../tables/spec/schema-rules.ts'
import type { Schema, SchemaField } from '../../../tables/spec/schema.ts'
import type { SortOrder } from '../../../tables/spec/sort-order.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'

/** Every form of nesting, under ids as `createTableMetadata` gives them. */
export const evolvingSchema: Schema = {
  type: 'struct',
  'schema-id': 0,
  'identifier-field-ids': [1],
  fields: [
    { id: 1, name: 'symbol', required: true, type: 'string', doc: 'what is traded' },
    { id: 2, name: 'size', required: true, type: 'int' },
    { id: 3, name: 'price', required: false, type: 'decimal(10, 2)' },
    { id: 4, name: 'event_ts', required: false, type: 'timestamptz' },
    { id: 5, name: 'day', required: false, type: 'date' },
    {
      id: 6,
      name: 'venue',
      required: false,
      type: {
        type: 'struct',
        fields: [
          { id: 9, name: 'name', required: true, type: 'string' },
          { id: 10, name: 'rank', required: false, type: 'float' },
        ],
      },
    },
    {
      id: 7,
      name: 'levels',
      required: false,
      type: {
        type: 'list',
        'element-id': 11,
        'element-required': true,
        element: {
          type: 'struct',
          fields: [{ id: 12, name: 'quantity', required: false, type: 'int' }],
        },
      },
    },
    {
      id: 8,
      name: 'tags',
      required: false,
      type: {
        type: 'map',
        'key-id': 13,
        key: 'string',
        'value-id': 14,
        'value-required': true,
        value: 'int',
      },
    },
  ],
}

export function evolvingTable(
  options: {
    readonly formatVersion?: 1 | 2 | 3
    readonly partitionSpec?: PartitionSpec
    readonly sortOrder?: SortOrder
    readonly properties?: Readonly<Record<string, string>>
  } = {},
): TableMetadata {
  return createTableMetadata({
    uuid: '9c12d441-03fe-4693-9a96-a0705ddf69c1',
    location: 'file:///lake/market/trades',
    schema: evolvingSchema,
    properties: {},
    formatVersion: 2,
    nowMs: 1_000,
    ...options,
  })
}

/** A table with the partition field `part` of one column. */
export function partitionedBy(
  column: number,
  transform: PartitionTransform,
  formatVersion: 2 | 3 = 2,
): TableMetadata {
  const fields = [{ 'source-id': column, 'field-id': 1000, name: 'part', transform }]
  return evolvingTable({ formatVersion, partitionSpec: { 'spec-id': 0, fields } })
}

/** The table after these changes of its schema. */
export function evolve(
  metadata: TableMetadata,
  ...changes: readonly SchemaChange[]
): TableMetadata {
  return commitChange(metadata, planSchemaChange(metadata, changes))
}

/** The table after the planned commit, made as a catalog makes it. */
export function commitChange(metadata: TableMetadata, change: MetadataChange): TableMetadata {
  checkRequirements(metadata, change.requirements)
  return applyUpdates(metadata, change.updates, { nowMs: metadata['last-updated-ms'] + 1_000 })
}

export function schemaOf(metadata: TableMetadata): Schema {
  const id = metadata['current-schema-id']
  const schema = metadata.schemas.find((candidate) => candidate['schema-id'] === id)
  if (schema === undefined) throw new Error(`no schema ${id}`)
  return schema
}

export function columnAt(metadata: TableMetadata, path: string): SchemaField | undefined {
  return fieldsByPath(schemaOf(metadata)).get(path)
}

export function columnNames(metadata: TableMetadata): readonly string[] {
  return schemaOf(metadata).fields.map((field) => field.name)
}
