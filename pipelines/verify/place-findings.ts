import { findSnapshot, isOwnSnapshot } from '../../tables/spec/cut-history.ts'
import type { CutOfSnapshot } from './cut-of-snapshot.ts'
import type { Finding } from './finding.ts'
import type { PinnedLake } from './pin-lake.ts'

/** The snapshot that added each live file, by location. */
export type AddedBy = ReadonlyMap<string, bigint>

/** Says of findings that name a file alone which cut added it, or which snapshot of others. */
export function placeFindings(
  { tables }: PinnedLake,
  findings: readonly Finding[],
  addedBy: AddedBy,
  cutOf: CutOfSnapshot,
): readonly Finding[] {
  return findings.map((finding) => {
    const { table, file, cut } = finding
    const snapshotId = file === undefined ? undefined : addedBy.get(file)
    const metadata = table === undefined ? undefined : tables.get(table)?.loaded.metadata
    if (snapshotId === undefined || table === undefined || metadata === undefined) return finding
    const snapshot = findSnapshot(metadata, snapshotId)
    if (snapshot !== undefined && !isOwnSnapshot(snapshot)) {
      return { ...finding, foreignSnapshot: snapshotId }
    }
    const of = cut ?? cutOf(table, snapshotId)
    return of === undefined ? finding : { ...finding, cut: of }
  })
}
