import { SluiceError } from '../errors.ts'
import { parseJson } from '../spec/json.ts'
import type {
  ContentFile,
  DataFile,
  DeletionVector,
  EntryStatus,
  Manifest,
  ManifestEntry,
} from '../spec/manifest.ts'
import type { PartitionField, PartitionSpec } from '../spec/partition-spec.ts'
import { readAvroContainer } from './avro-container.ts'
import type { AvroValues } from './avro-codec.ts'
import { readerOf } from './manifest-reader.ts'
import type { ManifestReader } from './manifest-reader.ts'
import { entryIds as ids } from './manifest-schema.ts'
import { corruptFile, readingFile } from './reading-file.ts'

const statuses: readonly EntryStatus[] = ['existing', 'added', 'deleted']
const contents: readonly ContentFile['content'][] = ['data', 'position-deletes', 'equality-deletes']

/** Puffin files hold deletion vectors, which the content calls position deletes. */
const formats: Readonly<Record<string, DataFile['fileFormat'] | DeletionVector['fileFormat']>> = {
  PARQUET: 'PARQUET',
  PUFFIN: 'PUFFIN',
}

/**
 * The entries of a manifest of any format version, whoever wrote it: fields are found by field id,
 * by name where the file has no ids at all. With `manifest`, its line in the manifest list, null
 * snapshot ids, sequence numbers and first row ids are inherited from it. Partition values are
 * named by `spec`, else by the spec in the file's header. Throws `corrupt-data`, and `unsupported`
 * for a live file that is not Parquet; one that was deleted is left out, it is no part of the table.
 * A manifest whose content is not what its line says is corrupt: it is another file.
 */
export function decodeManifest(
  bytes: Uint8Array,
  manifest?: Manifest,
  spec?: PartitionSpec,
): readonly ManifestEntry[] {
  if (manifest === undefined) return readEntries(bytes, undefined, spec)
  const { manifestPath, content } = manifest
  return readingFile(manifestPath, () => {
    const entries = readEntries(bytes, manifest, spec)
    if (entries.some(({ file }) => (file.content === 'data') !== (content === 'data'))) {
      throw corruptFile(manifestPath, `it lists other files than ${content}`)
    }
    return entries
  })
}

function readEntries(
  bytes: Uint8Array,
  manifest: Manifest | undefined,
  spec: PartitionSpec | undefined,
): readonly ManifestEntry[] {
  const { header, blocks, isVerified } = readAvroContainer(bytes)
  const names = partitionNames(header, spec)
  const reader = readerOf(header.get('avro.schema') ?? '', names)
  const specId = manifest?.partitionSpecId ?? Number(header.get('partition-spec-id') ?? 0)
  const entries: ManifestEntry[] = []
  for (const block of blocks) {
    for (const record of reader.codec.decode(block.bytes, block.recordCount, isVerified)) {
      const entry = readEntry(reader, record, specId)
      if (entry !== undefined)
        entries.push(manifest === undefined ? entry : inherit(entry, manifest))
    }
  }
  return manifest === undefined ? entries : withRowIds(entries, manifest)
}

function readEntry(
  reader: ManifestReader,
  record: AvroValues,
  specId: number,
): ManifestEntry | undefined {
  const { valueOf } = reader
  const status = statuses[requiredNumber(valueOf(record, ids.status), 'status')]
  if (status === undefined) throw corrupt('an entry has a status that the format does not know')
  const file = readFile(reader, requiredRecord(valueOf(record, ids.dataFile), 'data_file'), specId)
  if (typeof file === 'string') {
    if (status === 'deleted') return undefined
    throw unreadable(file)
  }
  return {
    status,
    snapshotId: (valueOf(record, ids.snapshotId) ?? null) as bigint | null,
    sequenceNumber: (valueOf(record, ids.sequenceNumber) ?? null) as number | null,
    fileSequenceNumber: (valueOf(record, ids.fileSequenceNumber) ?? null) as number | null,
    file,
  }
}

/** A text that names a file of a format which is not read here. */
function readFile(
  reader: ManifestReader,
  record: AvroValues,
  specId: number,
): ContentFile | string {
  const valueOf = (id: number) => reader.valueOf(record, id)
  const filePath = String(valueOf(ids.filePath))
  const formatName = String(valueOf(ids.fileFormat))
  const fileFormat = formats[formatName.toUpperCase()]
  const content = contents[(valueOf(ids.content) ?? 0) as number]
  const common = commonFields(reader, record, { filePath, specId })
  if (fileFormat === 'PUFFIN' && content === 'position-deletes') {
    return readDeletionVector(reader, record, common)
  }
  if (fileFormat !== 'PARQUET') return `${filePath} is a file of format ${formatName}`
  const file = { ...common, fileFormat }
  switch (content) {
    case 'data': {
      const firstRowId = valueOf(ids.firstRowId)
      return typeof firstRowId === 'number'
        ? { content, ...file, firstRowId }
        : { content, ...file }
    }
    case 'position-deletes': {
      const referenced = valueOf(ids.referencedDataFile)
      if (typeof referenced !== 'string') return { content, ...file }
      return { content, ...file, referencedDataFile: referenced }
    }
    case 'equality-deletes': {
      const equalityIds = (valueOf(ids.equalityIds) ?? []) as readonly number[]
      return { content, ...file, equalityIds }
    }
    default:
      throw corrupt(`${filePath} has a content that the format does not know`)
  }
}

type CommonFields = Omit<DataFile, 'content' | 'fileFormat' | 'firstRowId'>

function commonFields(
  reader: ManifestReader,
  record: AvroValues,
  known: Pick<DataFile, 'filePath' | 'specId'>,
): CommonFields {
  const valueOf = (id: number) => reader.valueOf(record, id)
  const splitOffsets = valueOf(ids.splitOffsets)
  const sortOrderId = valueOf(ids.sortOrderId)
  return {
    ...known,
    partition: reader.partition.fromAvro((valueOf(ids.partition) ?? {}) as AvroValues),
    recordCount: requiredNumber(valueOf(ids.recordCount), 'record_count'),
    fileSizeBytes: requiredNumber(valueOf(ids.fileSizeBytes), 'file_size_in_bytes'),
    columnSizes: mapOf<number>(valueOf(ids.columnSizes)),
    valueCounts: mapOf<number>(valueOf(ids.valueCounts)),
    nullValueCounts: mapOf<number>(valueOf(ids.nullValueCounts)),
    nanValueCounts: mapOf<number>(valueOf(ids.nanValueCounts)),
    lowerBounds: mapOf<Uint8Array>(valueOf(ids.lowerBounds)),
    upperBounds: mapOf<Uint8Array>(valueOf(ids.upperBounds)),
    ...(Array.isArray(splitOffsets) ? { splitOffsets: splitOffsets as readonly number[] } : {}),
    ...(typeof sortOrderId === 'number' ? { sortOrderId } : {}),
  }
}

function readDeletionVector(
  reader: ManifestReader,
  record: AvroValues,
  common: CommonFields,
): DeletionVector {
  const referencedDataFile = reader.valueOf(record, ids.referencedDataFile)
  if (typeof referencedDataFile !== 'string') {
    throw corrupt(`the deletion vector in ${common.filePath} names no data file`)
  }
  const numberOf = (id: number, name: string) => requiredNumber(reader.valueOf(record, id), name)
  return {
    content: 'deletion-vector',
    fileFormat: 'PUFFIN',
    ...common,
    referencedDataFile,
    contentOffset: numberOf(ids.contentOffset, 'content_offset'),
    contentSizeBytes: numberOf(ids.contentSizeBytes, 'content_size_in_bytes'),
  }
}

/**
 * Only added files take the commit's sequence number; in a manifest of sequence number 0, which
 * format version 1 wrote, all files have 0. Source: https://iceberg.apache.org/spec/#sequence-number-inheritance
 */
function inherit(entry: ManifestEntry, manifest: Manifest): ManifestEntry {
  const takesNumber = entry.status === 'added' || manifest.sequenceNumber === 0
  const inherited = takesNumber ? manifest.sequenceNumber : null
  const sequenceNumber = entry.sequenceNumber ?? inherited
  const fileSequenceNumber = entry.fileSequenceNumber ?? inherited
  if (sequenceNumber === null) {
    throw corrupt(`${entry.file.filePath} is ${entry.status} without its sequence number`)
  }
  const snapshotId = entry.snapshotId ?? manifest.addedSnapshotId
  return { ...entry, snapshotId, sequenceNumber, fileSequenceNumber }
}

/**
 * In a manifest that has a first row id, its live files that say none take the next free ones, in
 * their order; in one that has none, rows have no ids. Source: https://iceberg.apache.org/spec/#row-lineage
 */
export function withRowIds(
  entries: readonly ManifestEntry[],
  manifest: Pick<Manifest, 'firstRowId'>,
): readonly ManifestEntry[] {
  let next = manifest.firstRowId
  if (next === undefined) return entries
  return entries.map((entry) => {
    const { file } = entry
    if (file.content !== 'data' || file.firstRowId !== undefined) return entry
    if (entry.status === 'deleted' || next === undefined) return entry
    const firstRowId = next
    next += file.recordCount
    return { ...entry, file: { ...file, firstRowId } }
  })
}

type HeaderField = Omit<PartitionField, 'field-id'> & { readonly 'field-id'?: number }

function partitionNames(
  header: ReadonlyMap<string, string>,
  spec: PartitionSpec | undefined,
): ReadonlyMap<number, string> {
  const text = header.get('partition-spec')
  const fields = spec?.fields ?? (text === undefined ? [] : parseJson(text))
  if (!Array.isArray(fields)) throw corrupt('the partition spec in its header is no list')
  // Version 1 leaves the ids out; they count up from 1000.
  return new Map(
    (fields as readonly HeaderField[]).map((field, index) => [
      field['field-id'] ?? 1000 + index,
      field.name,
    ]),
  )
}

function mapOf<T>(pairs: unknown): ReadonlyMap<number, T> {
  const map = new Map<number, T>()
  if (pairs === null || pairs === undefined) return map
  for (const { key, value } of pairs as readonly { key: number; value: T }[]) map.set(key, value)
  return map
}

function requiredNumber(value: unknown, name: string): number {
  if (typeof value === 'number') return value
  throw corrupt(`an entry has no ${name}`)
}

function requiredRecord(value: unknown, name: string): AvroValues {
  if (typeof value === 'object' && value !== null) return value as AvroValues
  throw corrupt(`an entry has no ${name}`)
}

function unreadable(fact: string): SluiceError {
  return new SluiceError(
    'unsupported',
    `${fact}; only Parquet is read, and Puffin for deletion vectors. The table was not read; ` +
      'rewrite its files as Parquet with the engine that wrote them.',
  )
}

function corrupt(fact: string): SluiceError {
  return new SluiceError(
    'corrupt-data',
    `A manifest breaks the Iceberg specification: ${fact}. None of its files was read; ` +
      'rewrite the manifests with the engine that made them.',
  )
}
