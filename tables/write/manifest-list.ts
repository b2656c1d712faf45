import { SluiceError } from '../errors.ts'
import type { FieldSummary, Manifest } from '../spec/manifest.ts'
import { createAvroCodec, exactLong } from './avro-codec.ts'
import type { AvroCodec, AvroValues } from './avro-codec.ts'
import { readAvroContainer, writeAvroContainer } from './avro-container.ts'
import type { AvroField } from './avro-schema.ts'
import { manifestIds, manifestListSchema } from './manifest-list-schema.ts'
import { listReaderOf } from './manifest-reader.ts'
import type { AvroReader } from './manifest-reader.ts'
import type { FormatVersion } from './manifest-schema.ts'
import { readingFile } from './reading-file.ts'

export interface NewManifestList {
  readonly manifests: readonly Manifest[]
  readonly snapshotId: bigint
  readonly parentSnapshotId?: bigint | undefined
  readonly sequenceNumber: number
  readonly formatVersion: FormatVersion
  /** Format version 3: the first row id that the snapshot assigns. */
  readonly firstRowId?: number | undefined
}

interface ListCodec {
  readonly schemaText: string
  readonly codec: AvroCodec
}

const codecs = new Map<FormatVersion, ListCodec>()

function listCodec(formatVersion: FormatVersion): ListCodec {
  const known = codecs.get(formatVersion)
  if (known !== undefined) return known
  const schema = manifestListSchema(formatVersion)
  const isBigLong = (field: AvroField) => field['field-id'] === manifestIds.addedSnapshotId
  const made = { schemaText: JSON.stringify(schema), codec: createAvroCodec(schema, isBigLong) }
  codecs.set(formatVersion, made)
  return made
}

/** A manifest list file. Equal input gives equal bytes. */
export function encodeManifestList(list: NewManifestList): Uint8Array {
  const { formatVersion, firstRowId } = list
  const { schemaText, codec } = listCodec(formatVersion)
  const records = list.manifests.map(manifestRecord)
  return writeAvroContainer(
    {
      'avro.schema': schemaText,
      'format-version': String(formatVersion),
      'snapshot-id': String(list.snapshotId),
      'parent-snapshot-id': String(list.parentSnapshotId ?? null),
      ...(formatVersion === 1 ? {} : { 'sequence-number': String(list.sequenceNumber) }),
      ...(firstRowId === undefined ? {} : { 'first-row-id': String(firstRowId) }),
    },
    { recordCount: records.length, bytes: codec.encode(records) },
  )
}

function manifestRecord(manifest: Manifest): AvroValues {
  return {
    manifest_path: manifest.manifestPath,
    manifest_length: exactLong(manifest.manifestLength),
    partition_spec_id: manifest.partitionSpecId,
    content: manifest.content === 'data' ? 0 : 1,
    sequence_number: exactLong(manifest.sequenceNumber),
    min_sequence_number: exactLong(manifest.minSequenceNumber),
    added_snapshot_id: manifest.addedSnapshotId,
    added_files_count: manifest.addedFilesCount,
    existing_files_count: manifest.existingFilesCount,
    deleted_files_count: manifest.deletedFilesCount,
    added_rows_count: exactLong(manifest.addedRowsCount),
    existing_rows_count: exactLong(manifest.existingRowsCount),
    deleted_rows_count: exactLong(manifest.deletedRowsCount),
    partitions: manifest.partitions.map(summaryRecord),
    key_metadata: null,
    first_row_id: manifest.firstRowId === undefined ? null : exactLong(manifest.firstRowId),
  }
}

function summaryRecord(summary: FieldSummary): AvroValues {
  return {
    contains_null: summary.containsNull,
    contains_nan: summary.containsNan ?? null,
    lower_bound: summary.lowerBound === undefined ? null : Buffer.from(summary.lowerBound),
    upper_bound: summary.upperBound === undefined ? null : Buffer.from(summary.upperBound),
  }
}

/**
 * The manifests of a snapshot, of any format version, whoever wrote the list. In version 1 the
 * sequence numbers are 0 and the content is data. Throws `corrupt-data`, and `unsupported` for a
 * list of version 1 that leaves its counts out: taken as 0, they would hide rows. The errors name
 * `location` where it is given.
 */
export function decodeManifestList(bytes: Uint8Array, location?: string): Manifest[] {
  if (location === undefined) return readManifests(bytes)
  return readingFile(location, () => readManifests(bytes))
}

function readManifests(bytes: Uint8Array): Manifest[] {
  const { header, blocks, isVerified } = readAvroContainer(bytes)
  const reader = listReaderOf(header.get('avro.schema') ?? '')
  return blocks.flatMap((block) =>
    reader.codec
      .decode(block.bytes, block.recordCount, isVerified)
      .map((record) => readManifest(reader, record)),
  )
}

function readManifest(reader: AvroReader, record: AvroValues): Manifest {
  const valueOf = (id: number) => reader.valueOf(record, id)
  const numberOf = (id: number) => requiredNumber(valueOf(id), id)
  const countOf = (id: number) => requiredCount(valueOf(id))
  const addedSnapshotId = valueOf(manifestIds.addedSnapshotId)
  if (typeof addedSnapshotId !== 'bigint') throw missing(manifestIds.addedSnapshotId)
  const partitions = (valueOf(manifestIds.partitions) ?? []) as readonly AvroValues[]
  const content = valueOf(manifestIds.content) === 1 ? 'deletes' : 'data'
  const firstRowId = content === 'data' ? readRowId(valueOf(manifestIds.firstRowId)) : undefined
  return {
    manifestPath: String(valueOf(manifestIds.manifestPath)),
    manifestLength: numberOf(manifestIds.manifestLength),
    partitionSpecId: numberOf(manifestIds.partitionSpecId),
    content,
    sequenceNumber: (valueOf(manifestIds.sequenceNumber) ?? 0) as number,
    minSequenceNumber: (valueOf(manifestIds.minSequenceNumber) ?? 0) as number,
    addedSnapshotId,
    addedFilesCount: countOf(manifestIds.addedFilesCount),
    existingFilesCount: countOf(manifestIds.existingFilesCount),
    deletedFilesCount: countOf(manifestIds.deletedFilesCount),
    addedRowsCount: countOf(manifestIds.addedRowsCount),
    existingRowsCount: countOf(manifestIds.existingRowsCount),
    deletedRowsCount: countOf(manifestIds.deletedRowsCount),
    partitions: partitions.map((summary) => readSummary(reader, summary)),
    ...(firstRowId === undefined ? {} : { firstRowId }),
  }
}

/**
 * Only data manifests have one. DuckDB 1.5 copies bytes of its memory into the field of a delete
 * manifest that had none, so there it is not even looked at.
 */
function readRowId(value: unknown): number | undefined {
  if (typeof value !== 'bigint') return undefined
  const rowId = Number(value)
  if (Number.isSafeInteger(rowId) && rowId >= 0) return rowId
  throw new SluiceError(
    'corrupt-data',
    `A manifest list says that rows begin at id ${value}, which no table has. The snapshot was ` +
      'not read; restore the manifest list from a copy.',
  )
}

function readSummary(reader: AvroReader, record: AvroValues): FieldSummary {
  const containsNan = reader.valueOf(record, manifestIds.containsNan)
  const lowerBound = reader.valueOf(record, manifestIds.lowerBound)
  const upperBound = reader.valueOf(record, manifestIds.upperBound)
  return {
    containsNull: reader.valueOf(record, manifestIds.containsNull) !== false,
    ...(typeof containsNan === 'boolean' ? { containsNan } : {}),
    ...(lowerBound instanceof Uint8Array ? { lowerBound } : {}),
    ...(upperBound instanceof Uint8Array ? { upperBound } : {}),
  }
}

function requiredNumber(value: unknown, fieldId: number): number {
  if (typeof value === 'number') return value
  throw missing(fieldId)
}

function requiredCount(value: unknown): number {
  if (typeof value === 'number') return value
  throw new SluiceError(
    'unsupported',
    'A manifest list leaves out how many files and rows its manifests have (allowed in format ' +
      'version 1 only). The table was not read; rewrite its manifests with another engine.',
  )
}

function missing(fieldId: number): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `A manifest list has no field ${fieldId} in one of its lines. The snapshot was not read; ` +
      'restore the manifest list from a copy.',
  )
}
