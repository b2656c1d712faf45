import type { StatisticsFile } from '../spec/table-metadata.ts'
import { change, type MetadataDraft } from './metadata-draft.ts'

/** At most one statistics file and one partition statistics file a snapshot. */
type StatisticsField = 'statistics' | 'partition-statistics'

export function setStatistics(draft: MetadataDraft, file: StatisticsFile): void {
  setFile(draft, 'statistics', file)
}

export function removeStatistics(draft: MetadataDraft, snapshotId: bigint): void {
  removeFile(draft, 'statistics', snapshotId)
}

export function setPartitionStatistics(draft: MetadataDraft, file: StatisticsFile): void {
  setFile(draft, 'partition-statistics', file)
}

export function removePartitionStatistics(draft: MetadataDraft, snapshotId: bigint): void {
  removeFile(draft, 'partition-statistics', snapshotId)
}

function setFile(draft: MetadataDraft, field: StatisticsField, file: StatisticsFile): void {
  removeFile(draft, field, file['snapshot-id'])
  change(draft, { [field]: [...(draft.metadata[field] ?? []), file] })
}

function removeFile(draft: MetadataDraft, field: StatisticsField, snapshotId: bigint): void {
  const files = draft.metadata[field] ?? []
  const kept = files.filter((file) => file['snapshot-id'] !== snapshotId)
  if (kept.length < files.length) change(draft, { [field]: kept })
}
