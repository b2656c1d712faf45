import { SluiceError } from '../errors.ts'
import type { ContentFile, EntryStatus, ManifestEntry } from '../spec/manifest.ts'
import type { PartitionSpec } from '../spec/partition-spec.ts'
import type { Schema } from '../spec/schema.ts'
import { writeAvroContainer } from './avro-container.ts'
import { exactLong } from './avro-codec.ts'
import type { AvroValues } from './avro-codec.ts'
import { manifestCodec } from './manifest-codec.ts'
import type { PartitionConverter } from './partition-converter.ts'

export interface NewManifest {
  readonly schema: Schema
  /** The spec of every file in it. */
  readonly spec: PartitionSpec
  readonly entries: readonly ManifestEntry[]
  readonly content: 'data' | 'deletes'
  /** 2 is written; any other is refused. */
  readonly formatVersion: number
  /** Given to entries that have none: the snapshot that adds or deletes their files. */
  readonly snapshotId?: bigint
}

const statusCodes: Readonly<Record<EntryStatus, number>> = { existing: 0, added: 1, deleted: 2 }
const contentCodes: Readonly<Record<ContentFile['content'], number>> = {
  data: 0,
  'position-deletes': 1,
  'equality-deletes': 2,
  // A deletion vector is told from a position delete by its file format alone.
  'deletion-vector': 1,
}

/**
 * A manifest file. An added entry leaves its sequence numbers null and so takes that of the
 * commit, which is why a lost race rewrites only the manifest list. Existing and deleted entries
 * must say theirs: readers fail on null there, so it is refused here (`invalid-input`).
 * Equal input gives equal bytes.
 */
export function encodeManifest(manifest: NewManifest): Uint8Array {
  requireVersionTwo(manifest.formatVersion)
  const { codec, partition, header } = manifestCodec(manifest.schema, manifest.spec)
  const records = manifest.entries.map((entry) => {
    checkEntry(manifest, entry)
    return {
      status: statusCodes[entry.status],
      snapshot_id: entry.snapshotId ?? manifest.snapshotId ?? null,
      sequence_number: longOrNull(entry.sequenceNumber),
      file_sequence_number: longOrNull(entry.fileSequenceNumber),
      data_file: dataFileRecord(entry.file, partition),
    }
  })
  return writeAvroContainer(
    { ...header, content: manifest.content },
    { recordCount: records.length, bytes: codec.encode(records) },
  )
}

/** Refuses what this version cannot write. */
export function requireVersionTwo(formatVersion: number): void {
  if (formatVersion === 2) return
  throw new SluiceError(
    'unsupported',
    `Manifests of format version ${formatVersion} are not written, only those of version 2. ` +
      'No file was made; create the table with format version 2.',
  )
}

function dataFileRecord(file: ContentFile, partition: PartitionConverter): AvroValues {
  return {
    content: contentCodes[file.content],
    file_path: file.filePath,
    file_format: file.fileFormat,
    partition: partition.toAvro(file.partition),
    record_count: exactLong(file.recordCount),
    file_size_in_bytes: exactLong(file.fileSizeBytes),
    column_sizes: numberPairs(file.columnSizes),
    value_counts: numberPairs(file.valueCounts),
    null_value_counts: numberPairs(file.nullValueCounts),
    nan_value_counts: numberPairs(file.nanValueCounts),
    lower_bounds: bytePairs(file.lowerBounds),
    upper_bounds: bytePairs(file.upperBounds),
    key_metadata: null,
    split_offsets: file.splitOffsets?.map(exactLong) ?? null,
    equality_ids: file.content === 'equality-deletes' ? file.equalityIds : null,
    sort_order_id: file.sortOrderId ?? null,
    referenced_data_file:
      file.content === 'position-deletes' ? (file.referencedDataFile ?? null) : null,
  }
}

function numberPairs(map: ReadonlyMap<number, number>): readonly AvroValues[] | null {
  if (map.size === 0) return null
  const pairs: AvroValues[] = []
  for (const [key, value] of map) pairs.push({ key, value: exactLong(value) })
  return pairs
}

function longOrNull(value: number | null): number | null {
  return value === null ? null : exactLong(value)
}

function bytePairs(map: ReadonlyMap<number, Uint8Array>): readonly AvroValues[] | null {
  if (map.size === 0) return null
  const pairs: AvroValues[] = []
  for (const [key, bytes] of map) {
    const value = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    pairs.push({ key, value })
  }
  return pairs
}

function checkEntry(manifest: NewManifest, entry: ManifestEntry): void {
  const { file } = entry
  if (file.specId !== manifest.spec['spec-id']) {
    throw invalid(file, `belongs to partition spec ${file.specId}, the manifest to another`)
  }
  if ((file.content === 'data') !== (manifest.content === 'data')) {
    throw invalid(file, `holds ${file.content}, the manifest lists ${manifest.content}`)
  }
  if (entry.status === 'added') return
  if (entry.sequenceNumber === null || entry.fileSequenceNumber === null) {
    throw invalid(file, `is ${entry.status} without its sequence numbers`)
  }
  if (
    entry.snapshotId === null &&
    (entry.status === 'existing' || manifest.snapshotId === undefined)
  ) {
    throw invalid(file, `is ${entry.status} without its snapshot id`)
  }
}

function invalid(file: ContentFile, fact: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The entry of ${file.filePath} ${fact}. The manifest was not made; correct the entry.`,
  )
}
