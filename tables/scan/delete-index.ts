import { SluiceError } from '../errors.ts'
import type { DataFile, EqualityDelete, ManifestEntry, PositionDelete } from '../spec/manifest.ts'
import type { PartitionTuple } from '../spec/partition-spec.ts'
import { FILE_PATH_FIELD_ID } from '../write/write-position-deletes.ts'

interface LiveDelete<File> {
  readonly file: File
  readonly sequenceNumber: number
}

/** Finds the delete files that apply to a data file. */
export interface DeleteIndex {
  /**
   * Position deletes that are not older than the data file and lie in its spec and partition.
   * Throws `unsupported` where an equality delete or a deletion vector applies.
   */
  deletesFor(file: DataFile, dataSequenceNumber: number): readonly PositionDelete[]
}

/** Source: https://iceberg.apache.org/spec/#scan-planning */
export function createDeleteIndex(entries: readonly ManifestEntry[]): DeleteIndex {
  const byDataFile = new Map<string, LiveDelete<PositionDelete>[]>()
  const byPartition = new Map<string, LiveDelete<PositionDelete>[]>()
  const equalityDeletes: LiveDelete<EqualityDelete>[] = []
  for (const { file, sequenceNumber } of entries) {
    const live = sequenceNumber ?? 0
    if (file.content === 'equality-deletes') equalityDeletes.push({ file, sequenceNumber: live })
    if (file.content !== 'position-deletes') continue
    const target = referencedFile(file)
    if (target === undefined) {
      add(byPartition, partitionKey(file.specId, file.partition), { file, sequenceNumber: live })
    } else add(byDataFile, target, { file, sequenceNumber: live })
  }
  return {
    deletesFor(file, dataSequenceNumber) {
      const key = partitionKey(file.specId, file.partition)
      refuseEqualityDeletes(equalityDeletes, key, dataSequenceNumber)
      const scoped = byDataFile.get(file.filePath) ?? []
      for (const live of scoped) checkSamePartition(live.file, file)
      return [...scoped, ...(byPartition.get(key) ?? [])]
        .filter((live) => live.sequenceNumber >= dataSequenceNumber)
        .map((live) => readable(live.file))
    },
  }
}

/** Partition values in the order of the field names: two specs never share an id. */
function partitionKey(specId: number, partition: PartitionTuple): string {
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

function checkSamePartition(deletes: PositionDelete, file: DataFile): void {
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

function readable(file: PositionDelete): PositionDelete {
  const format: string = file.fileFormat
  if (format === 'PARQUET') return file
  throw new SluiceError(
    'unsupported',
    `The table has deletes in ${format} form (${file.filePath}), which cannot be read here. ` +
      'Nothing was read. Rewrite the data files with the engine that wrote them.',
  )
}

function refuseEqualityDeletes(
  deletes: readonly LiveDelete<EqualityDelete>[],
  key: string,
  dataSequenceNumber: number,
): void {
  const found = deletes.find(
    ({ file, sequenceNumber }) =>
      sequenceNumber > dataSequenceNumber &&
      (Object.keys(file.partition).length === 0 ||
        partitionKey(file.specId, file.partition) === key),
  )
  if (found === undefined) return
  throw new SluiceError(
    'unsupported',
    `The table has equality deletes (${found.file.filePath}), which cannot be read here. ` +
      'Nothing was read. Compact the table with the engine that wrote them.',
  )
}

function add<File>(
  index: Map<string, LiveDelete<File>[]>,
  key: string,
  live: LiveDelete<File>,
): void {
  const held = index.get(key)
  if (held === undefined) index.set(key, [live])
  else held.push(live)
}
