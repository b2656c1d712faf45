import type { Snapshot } from '../spec/snapshot.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { ancestors, findSnapshot } from '../spec/cut-history.ts'
import {
  loadEntries,
  loadManifests,
  mapBounded,
  type ManifestReader,
} from './snapshot-manifests.ts'

/**
 * How a table's head relates to a snapshot that a cut named:
 * `descends` it is the snapshot or a child of it; `rolled-back` another line of snapshots;
 * `lost` the snapshot is gone; `unproven` foreign expiry took the parents between them.
 */
export type Descent = 'descends' | 'rolled-back' | 'lost' | 'unproven'

/** Judges by metadata alone: walks parents until the sequence number is the snapshot's or less. */
export function checkDescent(metadata: TableMetadata, snapshotId: bigint): Descent {
  const target = findSnapshot(metadata, snapshotId)
  if (target === undefined) return 'lost'
  let last: Snapshot | undefined
  for (const snapshot of ancestors(metadata)) {
    if (snapshot['snapshot-id'] === snapshotId) return 'descends'
    if (snapshot['sequence-number'] <= target['sequence-number']) return 'rolled-back'
    last = snapshot
  }
  return last?.['parent-snapshot-id'] === undefined ? 'rolled-back' : 'unproven'
}

/**
 * True where the head descends from the snapshot. Where the parents between them are gone, live
 * files that the snapshot itself added prove it: sequence numbers are given out once a table, so
 * no other line of snapshots can hold them. Only then manifests are read.
 */
export async function isDescendant(
  reader: ManifestReader,
  metadata: TableMetadata,
  snapshotId: bigint,
): Promise<boolean> {
  const descent = checkDescent(metadata, snapshotId)
  if (descent !== 'unproven') return descent === 'descends'
  for (const head of ancestors(metadata)) {
    const manifests = await loadManifests(reader, head)
    const loaded = await mapBounded(manifests, (manifest) => loadEntries(reader, manifest))
    return loaded.flat().some((entry) => entry.snapshotId === snapshotId)
  }
  return false
}
