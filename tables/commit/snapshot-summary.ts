import { isLive } from './compose-manifests.ts'
import type { ContentFile, ManifestEntry } from '../spec/manifest.ts'
import type { PartitionTuple } from '../spec/partition-spec.ts'
import type { SnapshotSummary } from '../spec/snapshot.ts'

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
  return sumFiles(files)
}

export interface SummaryRequest {
  readonly operation: 'append' | 'overwrite' | 'replace'
  readonly before: SnapshotTotals
  readonly added: readonly ContentFile[]
  readonly removed: readonly ContentFile[]
  /** Keys of our own and of the caller. */
  readonly extra: Readonly<Record<string, string>>
}

/** The whole summary. Deltas of zero are left out, totals never are. */
export function buildSummary(request: SummaryRequest): SnapshotSummary {
  const { before } = request
  const added = sumFiles(request.added)
  const removed = sumFiles(request.removed)
  const partitions = new Set(
    [...request.added, ...request.removed].map((file) => partitionKey(file.specId, file.partition)),
  )
  const deltas: Record<string, number> = {
    'added-data-files': added.dataFiles,
    'added-records': added.records,
    'added-files-size': added.filesSizeBytes,
    'added-delete-files': added.deleteFiles,
    'added-position-deletes': added.positionDeletes,
    'deleted-data-files': removed.dataFiles,
    'deleted-records': removed.records,
    'removed-files-size': removed.filesSizeBytes,
    'removed-delete-files': removed.deleteFiles,
    'removed-position-deletes': removed.positionDeletes,
    'removed-equality-deletes': removed.equalityDeletes,
    'changed-partition-count': partitions.size,
  }
  const summary: Record<string, string> = {}
  for (const [key, count] of Object.entries(deltas)) if (count > 0) summary[key] = String(count)
  const total = (name: keyof SnapshotTotals) => String(before[name] + added[name] - removed[name])
  return {
    ...request.extra,
    operation: request.operation,
    ...summary,
    'total-records': total('records'),
    'total-files-size': total('filesSizeBytes'),
    'total-data-files': total('dataFiles'),
    'total-delete-files': total('deleteFiles'),
    'total-position-deletes': total('positionDeletes'),
    'total-equality-deletes': total('equalityDeletes'),
  }
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

function sumFiles(files: readonly ContentFile[]): SnapshotTotals {
  const sum = { ...NO_TOTALS } as { -readonly [name in keyof SnapshotTotals]: number }
  for (const file of files) {
    sum.filesSizeBytes += file.fileSizeBytes
    if (file.content === 'data') {
      sum.dataFiles += 1
      sum.records += file.recordCount
    } else {
      sum.deleteFiles += 1
      if (file.content === 'position-deletes') sum.positionDeletes += file.recordCount
      else sum.equalityDeletes += file.recordCount
    }
  }
  return sum
}
