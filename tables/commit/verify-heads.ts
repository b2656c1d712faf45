import type { LoadedTable } from '../catalog/catalog.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import { isDescendant } from './check-descent.ts'
import {
  committedCut,
  type CutRecord,
  findSnapshot,
  HEAD_TAG,
  snapshotOfRef,
} from '../spec/cut-history.ts'
import { rolledBack, tableOf } from './fence.ts'
import type { ManifestReader } from './snapshot-manifests.ts'

/**
 * Checks at start that no table was rolled back: each head must be, or come from, the snapshot
 * that the last cut names for it and the one that its tag `sluice-head` holds. Foreign commits on
 * top of it are fine.
 * @param tables all tables of the lake, the cuts table among them
 * @returns the last cut; undefined where none was made
 * @throws SluiceError `data-loss` where a table was rolled back behind the last cut.
 */
export async function verifyHeads(
  reader: ManifestReader,
  tables: readonly LoadedTable[],
  cutsTable: TableIdentifier,
): Promise<CutRecord | undefined> {
  const byKey = new Map(tables.map((table) => [tableKey(table.identifier), table]))
  const cutsKey = tableKey(cutsTable)
  const cuts = tableOf(byKey, cutsTable)
  const last = committedCut(cuts.metadata)
  // The cuts table first: rolled back, it names heads that are too old, and all others would pass.
  const ordered = [cuts, ...tables.filter((table) => tableKey(table.identifier) !== cutsKey)]
  for (const { identifier, metadata } of ordered) {
    const key = tableKey(identifier)
    const named = key === cutsKey ? last?.snapshotId : last?.heads.get(key)
    const tagged = snapshotOfRef(metadata, HEAD_TAG)?.['snapshot-id']
    for (const snapshotId of new Set([tagged, named])) {
      if (snapshotId === undefined) continue
      // A cut names what it found on tables that it did not touch; foreign expiry may take that
      // away, while the tag still holds the last snapshot of our own.
      const isHeldByTag = tagged !== undefined && snapshotId !== tagged
      if (isHeldByTag && findSnapshot(metadata, snapshotId) === undefined) continue
      if (!(await isDescendant(reader, metadata, snapshotId))) {
        throw rolledBack(key, metadata, last, snapshotId)
      }
    }
  }
  return last
}
