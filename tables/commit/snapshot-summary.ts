import { isLive } from './compose-manifests.ts'
import type { ContentFile, ManifestEntry } from '../spec/manifest.ts'
import { partitionName } from '../spec/partition-path.ts'
import type { PartitionTuple } from '../spec/partition-spec.ts'
import type { SnapshotOperation, SnapshotSummary } from '../spec/snapshot.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'

/**
 * The counts of a snapshot's summary. Readers take them as they are (count push-down, snapshot
 * lists), and a total that is missing once never comes back, so they are recounted from the
 * manifests wherever the parent does not say them.
 * Source: https://iceberg.apache.org/spec/#optional-snapshot-summary-fields
 */
export interface SnapshotTotals {
  readonly records: number
  readonly filesSizeBytes: number
  readonly dataFiles: number
  readonly deleteFiles: number
  readonly positionDeletes: number
  readonly equalityDeletes: number
}

export const NO_TOTALS: SnapshotTotals = {
  records: 0,
  filesSizeBytes: 0,
  dataFiles: 0,
  deleteFiles: 0,
  positionDeletes: 0,
  equalityDeletes: 0,
}

/** The totals that a summary says; undefined where one is missing or no count. */
export function readTotals(summary: SnapshotSummary): SnapshotTotals | undefined {
  const read = (key: string) => {
    const text = summary[key]
    return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
  }
  const records = read('total-records')
  const filesSizeBytes = read('total-files-size')
  const dataFiles = read('total-data-files')
  const deleteFiles = read('total-delete-files')
  const positionDeletes = read('total-position-deletes')
  const equalityDeletes = read('total-equality-deletes')
  if (records === undefined || filesSizeBytes === undefined || dataFiles === undefined) return
  if (deleteFiles === undefined || positionDeletes === undefined) return
  if (equalityDeletes === undefined) return
  return { records, filesSizeBytes, dataFiles, deleteFiles, positionDeletes, equalityDeletes }
}

/** The totals counted from all entries of a snapshot. */
export function countTotals(entries: Iterable<ManifestEntry>): SnapshotTotals {
  const files: ContentFile[] = []
  for (const entry of entries) if (isLive(entry)) files.push(entry.file)
  const { records, filesSizeBytes, dataFiles, deleteFiles, positionDeletes, equalityDeletes } =
    sumFiles(files)
  return { records, filesSizeBytes, dataFiles, deleteFiles, positionDeletes, equalityDeletes }
}

export interface SummaryRequest {
  readonly operation: SnapshotOperation
  readonly before: SnapshotTotals
  readonly added: readonly ContentFile[]
  readonly removed: readonly ContentFile[]
  /** Keys of our own and of the caller. */
  readonly extra: Readonly<Record<string, string>>
  /** Given, it says by `write.summary.partition-limit` whether partitions are summed up too. */
  readonly metadata?: Pick<TableMetadata, 'properties' | 'partition-specs'>
}

/** The whole summary. Deltas of zero are left out, totals never are. */
export function buildSummary(request: SummaryRequest): SnapshotSummary {
  const { before } = request
  const added = sumFiles(request.added)
  const removed = sumFiles(request.removed)
  const total = (name: keyof SnapshotTotals) => String(before[name] + added[name] - removed[name])
  return {
    ...request.extra,
    operation: request.operation,
    ...positive(deltaCounts(added, removed)),
    ...summarizePartitions(request),
    'total-records': total('records'),
    'total-files-size': total('filesSizeBytes'),
    'total-data-files': total('dataFiles'),
    'total-delete-files': total('deleteFiles'),
    'total-position-deletes': total('positionDeletes'),
    'total-equality-deletes': total('equalityDeletes'),
  }
}

/** What a commit did, by the names of the specification. */
function deltaCounts(added: FileSums, removed: FileSums): Readonly<Record<string, number>> {
  return {
    'added-data-files': added.dataFiles,
    'deleted-data-files': removed.dataFiles,
    'added-delete-files': added.deleteFiles,
    'removed-delete-files': removed.deleteFiles,
    'added-position-delete-files': added.positionDeleteFiles,
    'removed-position-delete-files': removed.positionDeleteFiles,
    'added-equality-delete-files': added.equalityDeleteFiles,
    'removed-equality-delete-files': removed.equalityDeleteFiles,
    'added-dvs': added.deletionVectors,
    'removed-dvs': removed.deletionVectors,
    'added-records': added.records,
    'deleted-records': removed.records,
    'added-files-size': added.filesSizeBytes,
    'removed-files-size': removed.filesSizeBytes,
    'added-position-deletes': added.positionDeletes,
    'removed-position-deletes': removed.positionDeletes,
    'added-equality-deletes': added.equalityDeletes,
    'removed-equality-deletes': removed.equalityDeletes,
  }
}

function positive(counts: Readonly<Record<string, number>>): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const [key, count] of Object.entries(counts)) if (count > 0) texts[key] = String(count)
  return texts
}

/** The number of partitions that changed, and what changed in each where they are few enough. */
function summarizePartitions(request: SummaryRequest): Record<string, string> {
  const partitions = new Map<string, { added: ContentFile[]; removed: ContentFile[] }>()
  for (const which of ['added', 'removed'] as const) {
    for (const file of request[which]) {
      const key = partitionKey(file.specId, file.partition)
      const held = partitions.get(key) ?? { added: [], removed: [] }
      held[which].push(file)
      partitions.set(key, held)
    }
  }
  if (partitions.size === 0) return {}
  const summary: Record<string, string> = { 'changed-partition-count': String(partitions.size) }
  const limit = Number(request.metadata?.properties['write.summary.partition-limit'] ?? 0)
  if (!(partitions.size <= limit)) return summary
  for (const { added, removed } of partitions.values()) {
    const file = added[0] ?? removed[0]
    const spec = request.metadata?.['partition-specs'].find(
      (one) => one['spec-id'] === file?.specId,
    )
    if (file === undefined || spec === undefined || spec.fields.length === 0) continue
    const counts = positive(deltaCounts(sumFiles(added), sumFiles(removed)))
    const texts = Object.entries(counts).map(([key, count]) => `${key}=${count}`)
    summary[`partitions.${partitionName(spec, file.partition)}`] = texts.join(',')
    summary['partition-summaries-included'] = 'true'
  }
  return summary
}

/** A text that is equal for equal partitions of one spec. */
export function partitionKey(specId: number, partition: PartitionTuple): string {
  const values = Object.keys(partition)
    .sort()
    .map((name) => {
      const value = partition[name]
      const text = value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value)
      return `${name}:${value === null ? 'null' : typeof value}:${text}`
    })
  return JSON.stringify([specId, ...values])
}

interface FileSums extends SnapshotTotals {
  readonly positionDeleteFiles: number
  readonly equalityDeleteFiles: number
  readonly deletionVectors: number
}

function sumFiles(files: readonly ContentFile[]): FileSums {
  const sum = {
    ...NO_TOTALS,
    positionDeleteFiles: 0,
    equalityDeleteFiles: 0,
    deletionVectors: 0,
  } as { -readonly [name in keyof FileSums]: number }
  for (const file of files) {
    sum.filesSizeBytes += sizeOf(file)
    if (file.content === 'data') {
      sum.dataFiles += 1
      sum.records += file.recordCount
      continue
    }
    sum.deleteFiles += 1
    if (file.content === 'equality-deletes') {
      sum.equalityDeleteFiles += 1
      sum.equalityDeletes += file.recordCount
      continue
    }
    sum.positionDeletes += file.recordCount
    if (file.content === 'deletion-vector') sum.deletionVectors += 1
    else sum.positionDeleteFiles += 1
  }
  return sum
}

/** Of a file of many deletion vectors each counts for what it holds itself. */
function sizeOf(file: ContentFile): number {
  return file.content === 'deletion-vector' ? file.contentSizeBytes : file.fileSizeBytes
}
