import { isDeepStrictEqual } from 'node:util'

import { SluiceError } from '../errors.ts'
import { MAIN_BRANCH, type Snapshot, type SnapshotRef } from '../spec/snapshot.ts'
import type { SnapshotLogEntry, TableMetadata } from '../spec/table-metadata.ts'
import { removePartitionStatistics, removeStatistics } from './apply-statistics-updates.ts'
import { change, invalidUpdate, type MetadataDraft } from './metadata-draft.ts'

export function addSnapshot(draft: MetadataDraft, given: Snapshot): void {
  const table = draft.metadata
  // Version 1 does not count commits: a number would be taken for the table's last one later.
  const snapshot = table['format-version'] === 1 ? { ...given, 'sequence-number': 0 } : given
  const id = snapshot['snapshot-id']
  if (table.schemas.length === 0) {
    throw invalidUpdate('Attempting to add a snapshot before a schema is added')
  }
  if (table.snapshots.some((known) => known['snapshot-id'] === id)) {
    throw invalidUpdate(`Snapshot already exists for id: ${id}`)
  }
  checkSequenceNumber(table, snapshot)
  change(draft, {
    ...nextRowIdAfter(table, snapshot),
    snapshots: [...table.snapshots, snapshot],
    'last-sequence-number': Math.max(table['last-sequence-number'], snapshot['sequence-number']),
  })
  draft.addedSnapshotIds.add(id)
}

/**
 * A snapshot that was numbered against an older state: what it says of other files is stale.
 * One without a parent replaces the table and reads nothing of it, so it may come late.
 */
function checkSequenceNumber(table: TableMetadata, snapshot: Snapshot): void {
  if (table['format-version'] === 1 || snapshot['parent-snapshot-id'] === undefined) return
  if (snapshot['sequence-number'] > table['last-sequence-number']) return
  throw new SluiceError(
    'commit-conflict',
    `Cannot add snapshot with sequence number ${snapshot['sequence-number']} older than last ` +
      `sequence number ${table['last-sequence-number']}. Nothing was committed; ` +
      'load the table again and stage the change on its newest state.',
  )
}

/** Row ids of version 3: each snapshot takes the next free ones. */
function nextRowIdAfter(table: TableMetadata, snapshot: Snapshot): Partial<TableMetadata> {
  if (table['format-version'] < 3) return {}
  const { 'first-row-id': firstRowId, 'added-rows': addedRows } = snapshot
  if (firstRowId === undefined) {
    throw invalidUpdate('Cannot add a snapshot: first-row-id is null')
  }
  if (addedRows === undefined || addedRows < 0) {
    throw invalidUpdate('Invalid added-rows (required when first-row-id is set)')
  }
  const nextRowId = table['next-row-id'] ?? 0
  if (firstRowId < nextRowId) {
    // Another writer took these row ids first.
    throw new SluiceError(
      'commit-conflict',
      `Cannot add a snapshot, first-row-id is behind table next-row-id: ${firstRowId} < ` +
        `${nextRowId}. Nothing was committed; load the table again and stage the change anew.`,
    )
  }
  return { 'next-row-id': nextRowId + addedRows }
}

/** Creates or moves a branch or tag. Moving `main` makes the snapshot the table's current one. */
export function setSnapshotRef(draft: MetadataDraft, name: string, wanted: SnapshotRef): void {
  const ref = checkedRef(name, wanted)
  const table = draft.metadata
  const id = ref['snapshot-id']
  if (isDeepStrictEqual(table.refs[name], ref)) return
  const snapshot = table.snapshots.find((known) => known['snapshot-id'] === id)
  if (snapshot === undefined) throw invalidUpdate(`Cannot set ${name} to unknown snapshot: ${id}`)
  change(draft, { refs: { ...table.refs, [name]: ref } })
  if (name !== MAIN_BRANCH) return

  draft.mainSnapshotIds.add(id)
  const isMoved = table['current-snapshot-id'] !== id
  if (!isMoved) return
  change(draft, {
    'current-snapshot-id': id,
    'snapshot-log': [...table['snapshot-log'], logEntry(draft, snapshot)],
  })
}

/** The log must be in order of time even where a writer's clock is behind. */
function logEntry(draft: MetadataDraft, snapshot: Snapshot): SnapshotLogEntry {
  const isAdded = draft.addedSnapshotIds.has(snapshot['snapshot-id'])
  const timestampMs = isAdded ? snapshot['timestamp-ms'] : draft.nowMs
  const logEndMs = draft.metadata['snapshot-log'].at(-1)?.['timestamp-ms'] ?? 0
  return {
    'snapshot-id': snapshot['snapshot-id'],
    'timestamp-ms': Math.max(timestampMs, logEndMs),
  }
}

const retentionFields = ['min-snapshots-to-keep', 'max-snapshot-age-ms', 'max-ref-age-ms'] as const

function checkedRef(name: string, wanted: SnapshotRef): SnapshotRef {
  if (name === '') throw invalidUpdate('A ref must have a name')
  if (name === MAIN_BRANCH && wanted.type !== 'branch') {
    throw invalidUpdate(`Cannot make ${MAIN_BRANCH} a ${wanted.type}: it is a branch`)
  }
  const retention: Partial<Record<(typeof retentionFields)[number], number>> = {}
  for (const field of retentionFields) {
    const value = wanted[field]
    if (value === undefined) continue
    if (value <= 0) throw invalidUpdate(`${field} of ref ${name} must be greater than 0`)
    if (wanted.type === 'tag' && field !== 'max-ref-age-ms') {
      throw invalidUpdate(`Tags do not support setting ${field} (ref ${name})`)
    }
    retention[field] = value
  }
  return { 'snapshot-id': wanted['snapshot-id'], type: wanted.type, ...retention }
}

/** Removes a branch or tag; without `main` the table has no current snapshot. */
export function removeSnapshotRef(draft: MetadataDraft, name: string): void {
  const { [name]: removed, ...refs } = draft.metadata.refs
  if (removed === undefined) return
  change(draft, { refs })
  if (name !== MAIN_BRANCH) return
  const { 'current-snapshot-id': current, ...rest } = draft.metadata
  if (current !== undefined) draft.metadata = rest
}

/** Removes snapshots with their statistics and the refs that named them; unknown ids are ignored. */
export function removeSnapshots(draft: MetadataDraft, snapshotIds: readonly bigint[]): void {
  const removed = new Set(snapshotIds)
  const { snapshots } = draft.metadata
  const kept = snapshots.filter((snapshot) => !removed.has(snapshot['snapshot-id']))
  if (kept.length === snapshots.length) return
  change(draft, { snapshots: kept })
  draft.hasRemovedSnapshots = true
  for (const id of removed) {
    removeStatistics(draft, id)
    removePartitionStatistics(draft, id)
  }
  for (const [name, ref] of Object.entries(draft.metadata.refs)) {
    if (removed.has(ref['snapshot-id'])) removeSnapshotRef(draft, name)
  }
}

/**
 * The snapshot log after all updates. A snapshot that was current only between two updates of one
 * commit was never seen, so it is no history. An entry whose snapshot is gone takes the entries
 * before it along: else its neighbour would seem to have been current in its time.
 */
export function settledSnapshotLog(draft: MetadataDraft): readonly SnapshotLogEntry[] {
  const { snapshots, 'snapshot-log': log } = draft.metadata
  const current = draft.metadata['current-snapshot-id']
  const passing = [...draft.mainSnapshotIds].filter(
    (id) => id !== current && draft.addedSnapshotIds.has(id),
  )
  if (passing.length === 0 && !draft.hasRemovedSnapshots) return log
  const live = new Set(snapshots.map((snapshot) => snapshot['snapshot-id']))
  const kept = log.filter((entry) => !passing.includes(entry['snapshot-id']))
  const lastGap = kept.findLastIndex((entry) => !live.has(entry['snapshot-id']))
  return draft.hasRemovedSnapshots ? kept.slice(lastGap + 1) : kept
}
