import { sqlName } from '../engine/sql-text.ts'
import { findSnapshot } from '../spec/cut-history.ts'
import type { ContentFile, ManifestEntry } from '../spec/manifest.ts'
import type { PartitionField } from '../spec/partition-spec.ts'
import { transformResultType } from '../spec/partition-transform.ts'
import { findFieldById } from '../spec/schema-fields.ts'
import type { PrimitiveType } from '../spec/schema.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { timeText } from '../spec/time-text.ts'
import { currentSchema, specById } from '../write/current-layout.ts'
import { metadataJson } from './metadata-table.ts'
import type { MetadataCell, MetadataTable } from './metadata-table.ts'
import { readableType, readableValue } from './readable-value.ts'

/** The partition fields of all specs of a table as one struct, as the reference shows them. */
export interface PartitionStruct {
  /** The engine's type; undefined for a table that never was partitioned. */
  readonly type: string | undefined
  /** A file's partition; a field that its spec does not have is null. */
  cellOf(file: ContentFile): Readonly<Record<string, MetadataCell>>
}

interface StructMember {
  readonly name: string
  readonly type: PrimitiveType
}

export function partitionStruct(metadata: TableMetadata): PartitionStruct {
  const members = structMembers(metadata)
  const types = [...members.values()].map(
    ({ name, type }) => `${sqlName(name)} ${readableType(type)}`,
  )
  return {
    type: types.length === 0 ? undefined : `STRUCT(${types.join(', ')})`,
    cellOf: (file) => {
      const cell: Record<string, MetadataCell> = {}
      for (const field of specById(metadata, file.specId).fields) {
        const member = members.get(field['field-id'])
        if (member === undefined) continue
        cell[member.name] = readableValue(member.type, file.partition[field.name] ?? null)
      }
      return cell
    },
  }
}

/** By partition field id. Names are told apart without case, as the engine does. */
function structMembers(metadata: TableMetadata): ReadonlyMap<number, StructMember> {
  const members = new Map<number, StructMember>()
  const taken = new Set<string>()
  for (const spec of metadata['partition-specs']) {
    for (const field of spec.fields) {
      const id = field['field-id']
      if (members.has(id)) continue
      const name = taken.has(field.name.toLowerCase()) ? `${field.name}_${id}` : field.name
      taken.add(name.toLowerCase())
      members.set(id, { name, type: partitionFieldType(metadata, field) })
    }
  }
  return members
}

/** The source column may have been dropped since: then an older schema has it. */
export function partitionFieldType(metadata: TableMetadata, field: PartitionField): PrimitiveType {
  const schemas = [currentSchema(metadata), ...[...metadata.schemas].reverse()]
  for (const schema of schemas) {
    const source = findFieldById(schema, field['source-id'])
    if (source !== undefined) return transformResultType(field.transform, source.type)
  }
  return transformResultType(field.transform, 'string')
}

interface PartitionTotals {
  readonly partition: Readonly<Record<string, MetadataCell>>
  readonly spec_id: number
  record_count: number
  file_count: number
  total_data_file_size_in_bytes: number
  position_delete_record_count: number
  position_delete_file_count: number
  equality_delete_record_count: number
  equality_delete_file_count: number
  last_updated_ms: number | undefined
  last_updated_snapshot_id: bigint | null
}

/** `$partitions`: counts of the live files of each partition of a snapshot. */
export function inspectPartitions(
  metadata: TableMetadata,
  entries: readonly ManifestEntry[],
): MetadataTable {
  const struct = partitionStruct(metadata)
  const totals = new Map<string, PartitionTotals>()
  for (const entry of entries) {
    if (entry.status !== 'deleted') addEntry(totals, metadata, struct, entry)
  }
  const isPartitioned = struct.type !== undefined
  return {
    columns: [
      ...(isPartitioned
        ? ([
            ['partition', struct.type],
            ['spec_id', 'INTEGER'],
          ] as const)
        : []),
      ['record_count', 'BIGINT'],
      ['file_count', 'INTEGER'],
      ['total_data_file_size_in_bytes', 'BIGINT'],
      ['position_delete_record_count', 'BIGINT'],
      ['position_delete_file_count', 'INTEGER'],
      ['equality_delete_record_count', 'BIGINT'],
      ['equality_delete_file_count', 'INTEGER'],
      ['last_updated_at', 'TIMESTAMPTZ'],
      ['last_updated_snapshot_id', 'BIGINT'],
    ],
    rows: [...totals.values()].map(({ partition, spec_id, last_updated_ms, ...counts }) => ({
      ...(isPartitioned ? { partition, spec_id } : {}),
      ...counts,
      last_updated_at:
        last_updated_ms === undefined ? null : `${timeText(BigInt(last_updated_ms) * 1000n)}Z`,
    })),
  }
}

function addEntry(
  totals: Map<string, PartitionTotals>,
  metadata: TableMetadata,
  struct: PartitionStruct,
  { file, snapshotId }: ManifestEntry,
): void {
  const partition = struct.cellOf(file)
  const key = metadataJson([{ spec_id: file.specId, partition }])
  let held = totals.get(key)
  if (held === undefined) {
    held = noTotals(partition, file.specId)
    totals.set(key, held)
  }
  const snapshot = snapshotId === null ? undefined : findSnapshot(metadata, snapshotId)
  if (snapshot !== undefined && (held.last_updated_ms ?? -1) < snapshot['timestamp-ms']) {
    held.last_updated_ms = snapshot['timestamp-ms']
    held.last_updated_snapshot_id = snapshot['snapshot-id']
  }
  switch (file.content) {
    case 'data':
      held.record_count += file.recordCount
      held.file_count += 1
      held.total_data_file_size_in_bytes += file.fileSizeBytes
      break
    case 'equality-deletes':
      held.equality_delete_record_count += file.recordCount
      held.equality_delete_file_count += 1
      break
    default:
      held.position_delete_record_count += file.recordCount
      held.position_delete_file_count += 1
  }
}

function noTotals(partition: PartitionTotals['partition'], specId: number): PartitionTotals {
  return {
    partition,
    spec_id: specId,
    record_count: 0,
    file_count: 0,
    total_data_file_size_in_bytes: 0,
    position_delete_record_count: 0,
    position_delete_file_count: 0,
    equality_delete_record_count: 0,
    equality_delete_file_count: 0,
    last_updated_ms: undefined,
    last_updated_snapshot_id: null,
  }
}
