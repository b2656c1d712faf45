import { SluiceError } from '../errors.ts'
import { FIRST_PARTITION_FIELD_ID } from './create-table-metadata.ts'
import type { PartitionSpec, PartitionTransform } from './partition-spec.ts'
import { transformShape } from './partition-transform.ts'
import { normalizePrimitiveType } from './primitive-type.ts'
import type { Schema } from './schema.ts'
import type { SortOrder } from './sort-order.ts'
import type { ColumnDefinition, TableDefinition } from './table-definition.ts'

export interface TableSchema {
  readonly schema: Schema
  readonly partitionSpec: PartitionSpec
  readonly sortOrder: SortOrder
}

/**
 * What the catalog needs to create a declared table. Partition fields are named as other engines
 * name them (`event_ts_day`, `symbol_bucket`, an identity field as its column). Throws
 * `invalid-input` where the definition names a column that it does not have, or one id twice.
 */
export function tableSchemaOf(definition: TableDefinition): TableSchema {
  checkColumns(definition)
  const partitionFields = definition.partition.map(({ column, transform }, index) => ({
    'source-id': columnOf(definition, column).fieldId,
    'field-id': FIRST_PARTITION_FIELD_ID + index,
    name: partitionFieldName(column, transform),
    transform,
  }))
  const sortFields = definition.sort.map((column) => ({
    transform: 'identity' as const,
    'source-id': columnOf(definition, column).fieldId,
    direction: 'asc' as const,
    'null-order': 'nulls-first' as const,
  }))
  return {
    schema: {
      type: 'struct',
      'schema-id': 0,
      fields: definition.columns.map(({ fieldId, name, type, isRequired, doc }) => ({
        id: fieldId,
        name,
        required: isRequired,
        type: normalizePrimitiveType(type),
        doc,
      })),
    },
    partitionSpec: { 'spec-id': 0, fields: partitionFields },
    sortOrder: { 'order-id': sortFields.length === 0 ? 0 : 1, fields: sortFields },
  }
}

function partitionFieldName(column: string, transform: PartitionTransform): string {
  const { kind } = transformShape(transform)
  if (kind === 'identity') return column
  return `${column}_${kind === 'truncate' ? 'trunc' : kind === 'void' ? 'null' : kind}`
}

function checkColumns(definition: TableDefinition): void {
  const names = new Set(definition.columns.map((column) => column.name))
  const ids = new Set(definition.columns.map((column) => column.fieldId))
  const count = definition.columns.length
  if (names.size === count && ids.size === count) return
  throw new SluiceError(
    'invalid-input',
    `The definition of ${definition.name} gives two columns one name or one field id. ` +
      'No table was made of it; give each column its own.',
  )
}

function columnOf(definition: TableDefinition, name: string): ColumnDefinition {
  const column = definition.columns.find((candidate) => candidate.name === name)
  if (column !== undefined) return column
  throw new SluiceError(
    'invalid-input',
    `The definition of ${definition.name} partitions or sorts by ${name}, which is no column of ` +
      'it. No table was made of it; correct the name.',
  )
}
