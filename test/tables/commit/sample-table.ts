import { createTableMetadata } from '../../../tables/spec/create-table-metadata.ts'
import type { Schema } from '../../../tables/spec/schema.ts'
import type { Snapshot } from '../../../tables/spec/snapshot.ts'
import type { TableMetadata } from '../../../tables/spec/table-metadata.ts'
import type { TableUpdate } from '../../../tables/spec/table-update.ts'

export const sampleSchema: Schema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    { id: 1, name: 'symbol', required: true, type: 'string' },
    { id: 2, name: 'price', required: false, type: 'decimal(18, 8)' },
    { id: 3, name: 'event_ts', required: true, type: 'timestamptz' },
  ],
}

/** An empty table made at 1,000 ms. */
export function sampleTable(properties: Readonly<Record<string, string>> = {}): TableMetadata {
  return createTableMetadata({
    uuid: '9c12d441-03fe-4693-9a96-a0705ddf69c1',
    location: 'memory://lake/market/trades',
    schema: sampleSchema,
    properties,
    formatVersion: 2,
    nowMs: 1_000,
  })
}

export interface SnapshotFields {
  readonly sequenceNumber: number
  readonly timestampMs?: number
  readonly parent?: bigint
}

export function sampleSnapshot(id: bigint, fields: SnapshotFields): Snapshot {
  return {
    'snapshot-id': id,
    ...(fields.parent === undefined ? {} : { 'parent-snapshot-id': fields.parent }),
    'sequence-number': fields.sequenceNumber,
    'timestamp-ms': fields.timestampMs ?? 1_000 + fields.sequenceNumber * 1_000,
    'manifest-list': `memory://lake/market/trades/metadata/snap-${id}.avro`,
    summary: { operation: 'append' },
    'schema-id': 0,
  }
}

/** The two updates of an append: the snapshot, and `main` moved to it. */
export function append(id: bigint, fields: SnapshotFields): readonly TableUpdate[] {
  return [
    { action: 'add-snapshot', snapshot: sampleSnapshot(id, fields) },
    { action: 'set-snapshot-ref', 'ref-name': 'main', 'snapshot-id': id, type: 'branch' },
  ]
}
