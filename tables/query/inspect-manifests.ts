import type { FieldSummary, Manifest } from '../spec/manifest.ts'
import type { PartitionField } from '../spec/partition-spec.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { partitionValueText } from '../spec/partition-path.ts'
import { fromSingleValue } from '../spec/single-value.ts'
import { specById } from '../write/current-layout.ts'
import { partitionFieldType } from './inspect-partitions.ts'
import type { MetadataCell, MetadataTable } from './metadata-table.ts'
import { readableValue } from './readable-value.ts'

/** `$manifests`: the manifests of a snapshot. Bounds of partitions are texts as in paths. */
export function inspectManifests(
  metadata: TableMetadata,
  manifests: readonly Manifest[],
): MetadataTable {
  return {
    columns: [
      ['content', 'TINYINT'],
      ['path', 'VARCHAR'],
      ['length', 'BIGINT'],
      ['partition_spec_id', 'INTEGER'],
      ['added_snapshot_id', 'BIGINT'],
      ['added_data_files_count', 'INTEGER'],
      ['existing_data_files_count', 'INTEGER'],
      ['deleted_data_files_count', 'INTEGER'],
      ['added_delete_files_count', 'INTEGER'],
      ['existing_delete_files_count', 'INTEGER'],
      ['deleted_delete_files_count', 'INTEGER'],
      [
        'partition_summaries',
        'STRUCT(contains_null BOOLEAN, contains_nan BOOLEAN, ' +
          'lower_bound VARCHAR, upper_bound VARCHAR)[]',
      ],
    ],
    rows: manifests.map((manifest) => {
      const isData = manifest.content === 'data'
      const fields = specById(metadata, manifest.partitionSpecId).fields
      return {
        content: isData ? 0 : 1,
        path: manifest.manifestPath,
        length: manifest.manifestLength,
        partition_spec_id: manifest.partitionSpecId,
        added_snapshot_id: manifest.addedSnapshotId,
        added_data_files_count: isData ? manifest.addedFilesCount : 0,
        existing_data_files_count: isData ? manifest.existingFilesCount : 0,
        deleted_data_files_count: isData ? manifest.deletedFilesCount : 0,
        added_delete_files_count: isData ? 0 : manifest.addedFilesCount,
        existing_delete_files_count: isData ? 0 : manifest.existingFilesCount,
        deleted_delete_files_count: isData ? 0 : manifest.deletedFilesCount,
        partition_summaries: manifest.partitions.map((summary, index) =>
          summaryCell(metadata, fields[index], summary),
        ),
      }
    }),
  }
}

function summaryCell(
  metadata: TableMetadata,
  field: PartitionField | undefined,
  summary: FieldSummary,
): MetadataCell {
  return {
    contains_null: summary.containsNull,
    contains_nan: summary.containsNan ?? null,
    lower_bound: boundText(metadata, field, summary.lowerBound),
    upper_bound: boundText(metadata, field, summary.upperBound),
  }
}

function boundText(
  metadata: TableMetadata,
  field: PartitionField | undefined,
  bytes: Uint8Array | undefined,
): string | null {
  if (field === undefined || bytes === undefined) return null
  try {
    const type = partitionFieldType(metadata, field)
    const value = fromSingleValue(type, bytes)
    const readable = readableValue(type, value)
    return typeof readable === 'string' ? readable : partitionValueText(field, value)
  } catch {
    // A type that was changed in a way that we do not know.
    return null
  }
}
