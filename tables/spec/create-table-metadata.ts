import { SluiceError } from '../errors.ts'
import { assignFieldIds } from './assign-field-ids.ts'
import type { PartitionSpec } from './partition-spec.ts'
import { highestFieldId } from './schema-fields.ts'
import { schemaFaults } from './schema-rules.ts'
import type { Schema } from './schema.ts'
import type { SortOrder } from './sort-order.ts'
import type { TableMetadata } from './table-metadata.ts'

/** The first id of a partition field; `last-partition-id` of an unpartitioned table is one less. */
export const FIRST_PARTITION_FIELD_ID = 1000

/** Names that describe the metadata itself: clients send them as properties, none is stored. */
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

export interface NewTable {
  readonly uuid: string
  readonly location: string
  readonly schema: Schema
  readonly partitionSpec?: PartitionSpec | undefined
  readonly sortOrder?: SortOrder | undefined
  readonly properties: Readonly<Record<string, string>>
  readonly formatVersion: TableMetadata['format-version']
  readonly nowMs: number
}

/**
 * The first metadata of a table, as the reference catalog makes it: fresh field ids (see
 * `assignFieldIds`), schema and spec number 0, partition field ids from 1000, sort order 1 (0 where
 * unsorted). Throws `invalid-input` where the spec or the order names a column that is not there,
 * and where the schema breaks a rule or needs a newer format version.
 */
export function createTableMetadata(table: NewTable): TableMetadata {
  const { schema, newIds } = assignFieldIds(table.schema)
  checkSchema(schema, table.formatVersion)
  const spec = freshSpec(table.partitionSpec, newIds)
  const order = freshOrder(table.sortOrder, newIds)
  const metadata: TableMetadata = {
    'format-version': table.formatVersion,
    'table-uuid': table.uuid,
    location: table.location.replace(/(?<=[^/])\/+$/, ''),
    'last-sequence-number': 0,
    'last-updated-ms': table.nowMs,
    'last-column-id': highestFieldId(schema),
    schemas: [{ ...schema, 'schema-id': 0 }],
    'current-schema-id': 0,
    'partition-specs': [spec],
    'default-spec-id': 0,
    'last-partition-id': FIRST_PARTITION_FIELD_ID - 1 + spec.fields.length,
    'sort-orders': [order],
    'default-sort-order-id': order['order-id'],
    properties: withoutReserved(table.properties),
    snapshots: [],
    refs: {},
    'snapshot-log': [],
    'metadata-log': [],
  }
  return table.formatVersion === 3 ? { ...metadata, 'next-row-id': 0 } : metadata
}

function checkSchema(schema: Schema, formatVersion: number): void {
  const faults = schemaFaults(schema, formatVersion)
  if (faults.length === 0) return
  throw new SluiceError(
    'invalid-input',
    `Invalid schema for v${formatVersion}: ${faults.join('; ')}. The table was not created; ` +
      'correct the schema, or ask for a newer format version.',
  )
}

function freshSpec(
  spec: PartitionSpec | undefined,
  newIds: ReadonlyMap<number, number>,
): PartitionSpec {
  const fields = (spec?.fields ?? []).map((field, index) => ({
    ...field,
    'source-id': newSourceId(newIds, field['source-id'], `partition field ${field.name}`),
    'field-id': FIRST_PARTITION_FIELD_ID + index,
  }))
  return { 'spec-id': 0, fields }
}

function freshOrder(order: SortOrder | undefined, newIds: ReadonlyMap<number, number>): SortOrder {
  const fields = (order?.fields ?? []).map((field) => ({
    ...field,
    'source-id': newSourceId(newIds, field['source-id'], 'sort order'),
  }))
  return { 'order-id': fields.length === 0 ? 0 : 1, fields }
}

function newSourceId(newIds: ReadonlyMap<number, number>, oldId: number, owner: string): number {
  const id = newIds.get(oldId)
  if (id !== undefined) return id
  throw new SluiceError(
    'invalid-input',
    `The ${owner} names column id ${oldId}, which the schema does not have. ` +
      'The table was not created; correct the source-id.',
  )
}

function withoutReserved(
  properties: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(properties).filter(([name]) => !reservedProperties.has(name)),
  )
}
