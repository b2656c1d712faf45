import { findSnapshot, isOwnSnapshot } from '../../tables/spec/cut-history.ts'
import type { CutOfSnapshot } from './cut-of-snapshot.ts'
import type { Finding } from './finding.ts'
import type { PinnedLake } from './pin-lake.ts'

/** The snapshot that added each live file, by location. */
export type AddedBy = ReadonlyMap<string, bigint>

/** Says of findings that name a file alone which cut added it, or which snapshot of others. */
export async function placeFindings(
  { tables }: PinnedLake,
  findings: readonly Finding[],
  addedBy: AddedBy,
  cutOf: CutOfSnapshot,
): Promise<readonly Finding[]> {
  const placed: Finding[] = []
  for (const finding of findings) placed.push(await placeFinding(tables, finding, addedBy, cutOf))
  return placed
}

async function placeFinding(
  tables: PinnedLake['tables'],
  finding: Finding,
  addedBy: AddedBy,
  cutOf: CutOfSnapshot,
): Promise<Finding> {
  const { table, file, cut, files = [] } = finding
  const metadata = table === undefined ? undefined : tables.get(table)?.loaded.metadata
  if (table === undefined || metadata === undefined) return finding
  const isForeign = (one: string): boolean => {
    const snapshot = findSnapshot(metadata, addedBy.get(one) ?? -1n)
    return snapshot !== undefined && !isOwnSnapshot(snapshot)
  }
  // A copy has all columns of what it is a copy of: who made the file tells them apart.
  const wrong = files.find(isForeign) ?? file
  const snapshotId = wrong === undefined ? undefined : addedBy.get(wrong)
  if (wrong === undefined || snapshotId === undefined) return finding
  if (isForeign(wrong)) return { ...finding, file: wrong, foreignSnapshot: snapshotId }
  const of = cut ?? (await cutOf(table, snapshotId))
  return of === undefined ? finding : { ...finding, cut: of }
}
