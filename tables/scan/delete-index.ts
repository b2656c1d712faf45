import { SluiceError } from '../errors.ts'
import type {
  DataFile,
  DeleteFile,
  DeletionVector,
  EqualityDelete,
  ManifestEntry,
  PositionDelete,
} from '../spec/manifest.ts'
import type { PartitionSpec, PartitionTuple } from '../spec/partition-spec.ts'
import { FILE_PATH_FIELD_ID } from '../write/write-position-deletes.ts'

/** A delete file with its data sequence number. */
export interface LiveDelete<File extends DeleteFile = DeleteFile> {
  readonly file: File
  readonly sequenceNumber: number
}

/** Finds the delete files that apply to a data file. */
export interface DeleteIndex {
  /**
   * By the rules of the specification: equality deletes that are newer than the data file, of its
   * partition or of a spec without partitions; its deletion vector; position deletes that are not
   * older than it, of its partition, as far as the vector does not stand for them.
   * Throws `corrupt-data` where a data file has two vectors, or a delete file names a data file of
   * another partition.
   */
  deletesFor(file: DataFile, dataSequenceNumber: number): readonly LiveDelete[]
}

/** Source: https://iceberg.apache.org/spec/#scan-planning */
export function createDeleteIndex(
  entries: readonly ManifestEntry[],
  specs: readonly PartitionSpec[],
): DeleteIndex {
  const byDataFile = new Map<string, LiveDelete<PositionDelete>[]>()
  const byPartition = new Map<string, LiveDelete<PositionDelete>[]>()
  const equalityByPartition = new Map<string, LiveDelete<EqualityDelete>[]>()
  const vectors = new Map<string, LiveDelete<DeletionVector>>()
  for (const { file, sequenceNumber: inherited } of entries) {
    const sequenceNumber = inherited ?? 0
    if (file.content === 'equality-deletes') {
      const key = isGlobal(file, specs) ? GLOBAL : partitionKey(file.specId, file.partition)
      add(equalityByPartition, key, { file, sequenceNumber })
    } else if (file.content === 'deletion-vector') {
      addVector(vectors, { file, sequenceNumber })
    } else if (file.content === 'position-deletes') {
      const target = referencedFile(file)
      const key = target ?? partitionKey(file.specId, file.partition)
      add(target === undefined ? byPartition : byDataFile, key, { file, sequenceNumber })
    }
  }
  return {
    deletesFor(file, dataSequenceNumber) {
      const key = partitionKey(file.specId, file.partition)
      const equality = [
        ...(equalityByPartition.get(GLOBAL) ?? []),
        ...(equalityByPartition.get(key) ?? []),
      ].filter((live) => live.sequenceNumber > dataSequenceNumber)
      const scoped = byDataFile.get(file.filePath) ?? []
      const held = vectors.get(file.filePath)
      for (const live of held === undefined ? scoped : [...scoped, held]) {
        checkSamePartition(live.file, file)
      }
      const vector = held !== undefined && held.sequenceNumber >= dataSequenceNumber ? [held] : []
      // A vector holds all that older position deletes of the file took out.
      const coveredUpTo = vector[0]?.sequenceNumber ?? -1
      const positions = [...scoped, ...(byPartition.get(key) ?? [])].filter(
        ({ sequenceNumber }) =>
          sequenceNumber >= dataSequenceNumber && sequenceNumber > coveredUpTo,
      )
      return [...equality, ...vector, ...positions]
    },
  }
}

/** The scope of equality deletes whose spec has no partitions. */
const GLOBAL = 'global'

/**
 * Whether an equality delete applies to all partitions: its spec has no field, or only fields that
 * were dropped (void).
 */
export function isGlobal(file: EqualityDelete, specs: readonly PartitionSpec[]): boolean {
  const spec = specs.find((candidate) => candidate['spec-id'] === file.specId)
  if (spec === undefined) return Object.keys(file.partition).length === 0
  return spec.fields.every((field) => field.transform === 'void')
}

/** Partition values in the order of the field names: two specs never share an id. */
export function partitionKey(specId: number, partition: PartitionTuple): string {
  const values = Object.keys(partition)
    .sort()
    .map((name) => `${name}=${valueKey(partition[name] ?? null)}`)
  return `${specId}|${values.join('|')}`
}

function valueKey(value: PartitionTuple[string]): string {
  if (value === null) return 'null'
  if (value instanceof Uint8Array) return `x${Buffer.from(value).toString('hex')}`
  return JSON.stringify(String(value))
}

/** By name, or by equal bounds of the path column as writers before field 143 said it. */
function referencedFile(file: PositionDelete): string | undefined {
  if (file.referencedDataFile !== undefined) return file.referencedDataFile
  const lower = file.lowerBounds.get(FILE_PATH_FIELD_ID)
  const upper = file.upperBounds.get(FILE_PATH_FIELD_ID)
  if (lower === undefined || upper === undefined || Buffer.compare(lower, upper) !== 0) {
    return undefined
  }
  return Buffer.from(lower).toString('utf8')
}

function addVector(
  vectors: Map<string, LiveDelete<DeletionVector>>,
  live: LiveDelete<DeletionVector>,
): void {
  const { referencedDataFile, filePath } = live.file
  const held = vectors.get(referencedDataFile)
  if (held !== undefined) {
    throw new SluiceError(
      'corrupt-data',
      `Two deletion vectors, in ${held.file.filePath} and ${filePath}, name one data file, and ` +
        'which of them counts is not known. Nothing was read. Roll the table back to a snapshot ' +
        'before the second, or rewrite the data file.',
      { context: { dataFile: referencedDataFile } },
    )
  }
  vectors.set(referencedDataFile, live)
}

function checkSamePartition(deletes: DeleteFile, file: DataFile): void {
  const isSame =
    partitionKey(deletes.specId, deletes.partition) === partitionKey(file.specId, file.partition)
  if (isSame) return
  // Passing over it would bring deleted rows back without a word.
  throw new SluiceError(
    'corrupt-data',
    `The delete file ${deletes.filePath} names a data file of another partition or spec. ` +
      'Nothing was read. Rewrite the data file with the engine that wrote the delete file.',
    { context: { dataFile: file.filePath } },
  )
}

function add<File extends DeleteFile>(
  index: Map<string, LiveDelete<File>[]>,
  key: string,
  live: LiveDelete<File>,
): void {
  const held = index.get(key)
  if (held === undefined) index.set(key, [live])
  else held.push(live)
}
