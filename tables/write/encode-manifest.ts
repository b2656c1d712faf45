import { SluiceError } from '../errors.ts'
import type { ContentFile, EntryStatus, ManifestEntry } from '../spec/manifest.ts'
import type { PartitionSpec } from '../spec/partition-spec.ts'
import type { Schema } from '../spec/schema.ts'
import { writeAvroContainer } from './avro-container.ts'
import { exactLong } from './avro-codec.ts'
import type { AvroValues } from './avro-codec.ts'
import { manifestCodec } from './manifest-codec.ts'
import type { FormatVersion } from './manifest-schema.ts'
import type { PartitionConverter } from './partition-converter.ts'

export interface NewManifest {
  readonly schema: Schema
  /** The spec of every file in it. */
  readonly spec: PartitionSpec
  readonly entries: readonly ManifestEntry[]
  readonly content: 'data' | 'deletes'
  readonly formatVersion: FormatVersion
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
 * must say theirs: readers fail on null there, so it is refused here (`invalid-input`). The same
 * holds for row ids of version 3: an added file inherits its first one from the manifest list.
 * Equal input gives equal bytes.
 */
export function encodeManifest(manifest: NewManifest): Uint8Array {
  const { schema, spec, formatVersion } = manifest
  if (formatVersion === 1 && manifest.content === 'deletes') throw noDeletes()
  const { codec, partition, header } = manifestCodec(schema, spec, formatVersion)
  const records = manifest.entries.map((entry) => {
    checkEntry(manifest, entry)
    return {
      status: statusCodes[entry.status],
      snapshot_id: entry.snapshotId ?? manifest.snapshotId ?? null,
      sequence_number: longOrNull(entry.sequenceNumber),
      file_sequence_number: longOrNull(entry.fileSequenceNumber),
      data_file: dataFileRecord(entry, partition),
    }
  })
  return writeAvroContainer(
    formatVersion === 1 ? header : { ...header, content: manifest.content },
    { recordCount: records.length, bytes: codec.encode(records) },
  )
}

function noDeletes(): SluiceError {
  return new SluiceError(
    'unsupported',
    'A table of format version 1 cannot hold delete files. No manifest was made; upgrade the ' +
      'table to format version 2.',
  )
}

/** All fields of all versions; the codec takes those that its version has. */
function dataFileRecord(entry: ManifestEntry, partition: PartitionConverter): AvroValues {
  const { file } = entry
  return {
    content: contentCodes[file.content],
    file_path: file.filePath,
    file_format: file.fileFormat,
    partition: partition.toAvro(file.partition),
    record_count: exactLong(file.recordCount),
    file_size_in_bytes: exactLong(file.fileSizeBytes),
    block_size_in_bytes: BLOCK_SIZE_BYTES,
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
    first_row_id: firstRowIdOf(entry),
    referenced_data_file: referencedDataFileOf(file),
    content_offset: file.content === 'deletion-vector' ? exactLong(file.contentOffset) : null,
    content_size_in_bytes:
      file.content === 'deletion-vector' ? exactLong(file.contentSizeBytes) : null,
  }
}

/** What the reference writes into the field of version 1 that nobody reads. */
const BLOCK_SIZE_BYTES = 64 * 1024 * 1024

/** An added file never says it: a lost race would leave a number that others took meanwhile. */
function firstRowIdOf({ status, file }: ManifestEntry): number | null {
  if (status === 'added' || file.content !== 'data') return null
  return longOrNull(file.firstRowId ?? null)
}

function referencedDataFileOf(file: ContentFile): string | null {
  if (file.content !== 'position-deletes' && file.content !== 'deletion-vector') return null
  return file.referencedDataFile ?? null
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
  if (file.content === 'deletion-vector' && manifest.formatVersion < 3) {
    throw invalid(file, `is a deletion vector in format version ${manifest.formatVersion}`)
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
