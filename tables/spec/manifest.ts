import type { PartitionTuple } from './partition-spec.ts'

/**
 * Data files, delete files, manifests and manifest lists in our own words; `tables/write` turns
 * them into Avro with the field ids of https://iceberg.apache.org/spec/#manifests.
 * Bounds are single-value binary (Appendix D), by field id.
 */
export interface DataFile {
  readonly content: 'data'
  readonly filePath: string
  readonly fileFormat: 'PARQUET'
  readonly specId: number
  readonly partition: PartitionTuple
  readonly recordCount: number
  readonly fileSizeBytes: number
  readonly columnSizes: ReadonlyMap<number, number>
  readonly valueCounts: ReadonlyMap<number, number>
  readonly nullValueCounts: ReadonlyMap<number, number>
  readonly nanValueCounts: ReadonlyMap<number, number>
  readonly lowerBounds: ReadonlyMap<number, Uint8Array>
  readonly upperBounds: ReadonlyMap<number, Uint8Array>
  readonly splitOffsets?: readonly number[]
  readonly sortOrderId?: number
  /** Format version 3: the row id of the file's first row. Absent where it is inherited. */
  readonly firstRowId?: number
}

/** A Parquet file of (file_path, pos). `referencedDataFile` is set where it names one file only. */
export interface PositionDelete extends Omit<DataFile, 'content'> {
  readonly content: 'position-deletes'
  readonly referencedDataFile?: string
}

/** Read from other engines' tables, never written. */
export interface EqualityDelete extends Omit<DataFile, 'content'> {
  readonly content: 'equality-deletes'
  readonly equalityIds: readonly number[]
}

/** Format version 3: the deleted positions of one data file, a blob inside a Puffin file. */
export interface DeletionVector extends Omit<DataFile, 'content' | 'fileFormat' | 'firstRowId'> {
  readonly content: 'deletion-vector'
  readonly fileFormat: 'PUFFIN'
  readonly referencedDataFile: string
  /** Where the blob (length, magic, bitmap, checksum) starts in the file, and its whole size. */
  readonly contentOffset: number
  readonly contentSizeBytes: number
}

export type DeleteFile = PositionDelete | EqualityDelete | DeletionVector
export type ContentFile = DataFile | DeleteFile

export type EntryStatus = 'existing' | 'added' | 'deleted'

/** One line of a manifest. Null numbers are inherited from the manifest (spec: inheritance). */
export interface ManifestEntry {
  readonly status: EntryStatus
  readonly snapshotId: bigint | null
  readonly sequenceNumber: number | null
  readonly fileSequenceNumber: number | null
  readonly file: ContentFile
}

export interface FieldSummary {
  readonly containsNull: boolean
  readonly containsNan?: boolean
  readonly lowerBound?: Uint8Array
  readonly upperBound?: Uint8Array
}

/** One line of a manifest list. */
export interface Manifest {
  readonly manifestPath: string
  readonly manifestLength: number
  readonly partitionSpecId: number
  readonly content: 'data' | 'deletes'
  readonly sequenceNumber: number
  readonly minSequenceNumber: number
  readonly addedSnapshotId: bigint
  readonly addedFilesCount: number
  readonly existingFilesCount: number
  readonly deletedFilesCount: number
  readonly addedRowsCount: number
  readonly existingRowsCount: number
  readonly deletedRowsCount: number
  readonly partitions: readonly FieldSummary[]
  /** Format version 3, data manifests only: the first row id of files that inherit theirs. */
  readonly firstRowId?: number
}
