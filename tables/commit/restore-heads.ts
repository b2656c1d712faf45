import type { LoadedTable } from '../catalog/catalog.ts'
import { SluiceError } from '../errors.ts'
import { findSnapshot, HEAD_TAG } from '../spec/cut-history.ts'
import { MAIN_BRANCH } from '../spec/snapshot.ts'
import type { TableUpdate } from '../spec/table-update.ts'

/**
 * The updates that set tables back to older snapshots, by dotted name; tables that are there
 * already take no part. `snapshotIds` are corrected to the heads after the cut. Snapshots are not
 * removed: those of later cuts can be read until they expire.
 * @throws SluiceError `invalid-input` where a snapshot is gone.
 */
export function restoreHeads(
  tables: ReadonlyMap<string, LoadedTable>,
  restored: ReadonlyMap<string, bigint | null>,
  snapshotIds: Map<string, bigint>,
): Map<string, readonly TableUpdate[]> {
  const updates = new Map<string, readonly TableUpdate[]>()
  for (const [key, wanted] of restored) {
    const table = tables.get(key)
    if (table === undefined) throw notThere(key, wanted)
    const { refs } = table.metadata
    const heads = [MAIN_BRANCH, HEAD_TAG].map((ref) => refs[ref]?.['snapshot-id'] ?? null)
    if (wanted === null) snapshotIds.delete(key)
    else snapshotIds.set(key, wanted)
    if (heads.every((head) => head === wanted)) continue
    if (wanted === null) {
      updates.set(key, removeRefs(Object.keys(refs)))
      continue
    }
    if (findSnapshot(table.metadata, wanted) === undefined) throw notThere(key, wanted)
    const main = refs[MAIN_BRANCH] ?? { type: 'branch' as const }
    updates.set(key, [
      { action: 'set-snapshot-ref', 'ref-name': MAIN_BRANCH, ...main, 'snapshot-id': wanted },
    ])
  }
  return updates
}

function removeRefs(names: readonly string[]): TableUpdate[] {
  return names
    .filter((name) => name === MAIN_BRANCH || name === HEAD_TAG)
    .map((name) => ({ action: 'remove-snapshot-ref', 'ref-name': name }))
}

function notThere(key: string, snapshotId: bigint | null): SluiceError {
  return new SluiceError(
    'invalid-input',
    `${key} cannot go back to snapshot ${String(snapshotId)}: it expired or never was. Nothing ` +
      'was committed. Choose a cut that is kept.',
    { context: { table: key } },
  )
}
