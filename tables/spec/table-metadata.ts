import type { PartitionSpec } from './partition-spec.ts'
import type { Schema } from './schema.ts'
import type { Snapshot, SnapshotRef } from './snapshot.ts'
import type { SortOrder } from './sort-order.ts'

/**
 * Table metadata, wire names kept. Snapshot ids are always `bigint`, all other longs `number`.
 * Fields that a newer writer added are kept in the object as they came.
 * Source: https://iceberg.apache.org/spec/#table-metadata-fields
 */
export interface TableMetadata {
  readonly 'format-version': 1 | 2 | 3
  readonly 'table-uuid': string
  readonly location: string
  readonly 'last-sequence-number': number
  readonly 'last-updated-ms': number
  readonly 'last-column-id': number
  readonly schemas: readonly Schema[]
  readonly 'current-schema-id': number
  readonly 'partition-specs': readonly PartitionSpec[]
  readonly 'default-spec-id': number
  readonly 'last-partition-id': number
  readonly 'sort-orders': readonly SortOrder[]
  readonly 'default-sort-order-id': number
  readonly properties: Readonly<Record<string, string>>
  /** Absent where the table has no snapshot yet. */
  readonly 'current-snapshot-id'?: bigint
  readonly snapshots: readonly Snapshot[]
  readonly refs: Readonly<Record<string, SnapshotRef>>
  readonly 'snapshot-log': readonly SnapshotLogEntry[]
  readonly 'metadata-log': readonly MetadataLogEntry[]
  readonly statistics?: readonly StatisticsFile[]
  readonly 'partition-statistics'?: readonly StatisticsFile[]
  /** Format version 3 only: the row id that the next new row gets. */
  readonly 'next-row-id'?: number
  /** Format version 3: keys that encrypt others or manifest lists; kept, never used here. */
  readonly 'encryption-keys'?: readonly EncryptedKey[]
}

export interface EncryptedKey {
  readonly 'key-id': string
  /** Base64. */
  readonly 'encrypted-key-metadata': string
  readonly 'encrypted-by-id'?: string
  readonly properties?: Readonly<Record<string, string>>
}

export interface SnapshotLogEntry {
  readonly 'snapshot-id': bigint
  readonly 'timestamp-ms': number
}

export interface MetadataLogEntry {
  readonly 'metadata-file': string
  readonly 'timestamp-ms': number
}

export interface StatisticsFile {
  readonly 'snapshot-id': bigint
  readonly 'statistics-path': string
  readonly 'file-size-in-bytes': number
  readonly [key: string]: unknown
}
