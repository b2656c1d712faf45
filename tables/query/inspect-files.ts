import { sqlName } from '../engine/sql-text.ts'
import type { ContentFile, ManifestEntry } from '../spec/manifest.ts'
import { childFields } from '../spec/schema-fields.ts'
import type { IcebergType, PrimitiveType, StructType } from '../spec/schema.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { currentSchema } from '../write/current-layout.ts'
import { partitionStruct } from './inspect-partitions.ts'
import type { PartitionStruct } from './inspect-partitions.ts'
import type { MetadataCell, MetadataTable } from './metadata-table.ts'
import { readableBound, readableType } from './readable-value.ts'

type Columns = MetadataTable['columns']

/** `$files`, `$data_files` and `$delete_files`: the live files of a snapshot. */
export function inspectFiles(
  metadata: TableMetadata,
  entries: readonly ManifestEntry[],
): MetadataTable {
  const struct = partitionStruct(metadata)
  const metrics = readableMetrics(currentSchema(metadata))
  return {
    columns: [...fileColumns(struct), ['readable_metrics', metrics.type]],
    rows: entries
      .filter((entry) => entry.status !== 'deleted')
      .map(({ file }) => ({
        ...fileCells(struct, file),
        readable_metrics: metrics.cellOf(file),
      })),
  }
}

/** `$entries`: the lines of a snapshot's manifests, those of deleted files too. */
export function inspectEntries(
  metadata: TableMetadata,
  entries: readonly ManifestEntry[],
): MetadataTable {
  const struct = partitionStruct(metadata)
  const metrics = readableMetrics(currentSchema(metadata))
  const members = fileColumns(struct).map(([name, type]) => `${sqlName(name)} ${type}`)
  return {
    columns: [
      ['status', 'TINYINT'],
      ['snapshot_id', 'BIGINT'],
      ['sequence_number', 'BIGINT'],
      ['file_sequence_number', 'BIGINT'],
      ['data_file', `STRUCT(${members.join(', ')})`],
      ['readable_metrics', metrics.type],
    ],
    rows: entries.map((entry) => ({
      status: statusCodes[entry.status],
      snapshot_id: entry.snapshotId,
      sequence_number: entry.sequenceNumber,
      file_sequence_number: entry.fileSequenceNumber,
      data_file: fileCells(struct, entry.file),
      readable_metrics: metrics.cellOf(entry.file),
    })),
  }
}

const statusCodes = { existing: 0, added: 1, deleted: 2 } as const

/** A deletion vector is the position deletes of format version 3. */
const contentCodes = {
  data: 0,
  'position-deletes': 1,
  'deletion-vector': 1,
  'equality-deletes': 2,
} as const

function fileColumns(struct: PartitionStruct): Columns {
  return [
    ['content', 'TINYINT'],
    ['file_path', 'VARCHAR'],
    ['file_format', 'VARCHAR'],
    ['spec_id', 'INTEGER'],
    ...(struct.type === undefined ? [] : ([['partition', struct.type]] as const)),
    ['record_count', 'BIGINT'],
    ['file_size_in_bytes', 'BIGINT'],
    ['column_sizes', 'MAP(INTEGER, BIGINT)'],
    ['value_counts', 'MAP(INTEGER, BIGINT)'],
    ['null_value_counts', 'MAP(INTEGER, BIGINT)'],
    ['nan_value_counts', 'MAP(INTEGER, BIGINT)'],
    ['lower_bounds', 'MAP(INTEGER, BLOB)'],
    ['upper_bounds', 'MAP(INTEGER, BLOB)'],
    ['key_metadata', 'BLOB'],
    ['split_offsets', 'BIGINT[]'],
    ['equality_ids', 'INTEGER[]'],
    ['sort_order_id', 'INTEGER'],
    ['first_row_id', 'BIGINT'],
    ['referenced_data_file', 'VARCHAR'],
    ['content_offset', 'BIGINT'],
    ['content_size_in_bytes', 'BIGINT'],
  ]
}

function fileCells(
  struct: PartitionStruct,
  file: ContentFile,
): Readonly<Record<string, MetadataCell>> {
  const vector = file.content === 'deletion-vector' ? file : undefined
  const referencesFile = file.content === 'deletion-vector' || file.content === 'position-deletes'
  return {
    content: contentCodes[file.content],
    file_path: file.filePath,
    file_format: file.fileFormat,
    spec_id: file.specId,
    ...(struct.type === undefined ? {} : { partition: struct.cellOf(file) }),
    record_count: file.recordCount,
    file_size_in_bytes: file.fileSizeBytes,
    column_sizes: mapCell(file.columnSizes),
    value_counts: mapCell(file.valueCounts),
    null_value_counts: mapCell(file.nullValueCounts),
    nan_value_counts: mapCell(file.nanValueCounts),
    lower_bounds: mapCell(file.lowerBounds),
    upper_bounds: mapCell(file.upperBounds),
    key_metadata: null,
    split_offsets: file.splitOffsets ?? null,
    equality_ids: file.content === 'equality-deletes' ? file.equalityIds : null,
    sort_order_id: file.sortOrderId ?? null,
    first_row_id: file.content === 'data' ? (file.firstRowId ?? null) : null,
    referenced_data_file: referencesFile ? (file.referencedDataFile ?? null) : null,
    content_offset: vector?.contentOffset ?? null,
    content_size_in_bytes: vector?.contentSizeBytes ?? null,
  }
}

/** A manifest leaves out what holds nothing. */
function mapCell(map: ReadonlyMap<number, number | Uint8Array>): MetadataCell {
  return map.size === 0 ? null : Object.fromEntries(map)
}

interface ReadableMetrics {
  readonly type: string
  cellOf(file: ContentFile): MetadataCell
}

/** Sizes, counts and bounds by column name, the bounds in the columns' own types. */
function readableMetrics(schema: StructType): ReadableMetrics {
  const leaves = leavesOf(schema, '', new Set())
  const types = leaves.map(({ name, type }) => {
    const bound = readableType(type)
    return (
      `${sqlName(name)} STRUCT(column_size BIGINT, value_count BIGINT, null_value_count BIGINT, ` +
      `nan_value_count BIGINT, lower_bound ${bound}, upper_bound ${bound})`
    )
  })
  return {
    type: `STRUCT(${types.join(', ')})`,
    cellOf: (file) =>
      Object.fromEntries(
        leaves.map(({ fieldId, name, type }) => [
          name,
          {
            column_size: file.columnSizes.get(fieldId) ?? null,
            value_count: file.valueCounts.get(fieldId) ?? null,
            null_value_count: file.nullValueCounts.get(fieldId) ?? null,
            nan_value_count: file.nanValueCounts.get(fieldId) ?? null,
            lower_bound: readableBound(type, file.lowerBounds.get(fieldId)),
            upper_bound: readableBound(type, file.upperBounds.get(fieldId)),
          },
        ]),
      ),
  }
}

interface Leaf {
  readonly fieldId: number
  /** Dotted for what lies inside of another column. */
  readonly name: string
  readonly type: PrimitiveType
}

function leavesOf(type: IcebergType, prefix: string, taken: Set<string>): readonly Leaf[] {
  return childFields(type).flatMap((field): readonly Leaf[] => {
    const name = `${prefix}${field.name}`
    if (typeof field.type !== 'string') return leavesOf(field.type, `${name}.`, taken)
    // The engine's structs tell names apart without case.
    const unique = taken.has(name.toLowerCase()) ? `${name}_${field.id}` : name
    taken.add(unique.toLowerCase())
    return [{ fieldId: field.id, name: unique, type: field.type }]
  })
}
