import { isDescendant } from '../../tables/commit/check-descent.ts'
import {
  ancestors,
  findSnapshot,
  HEAD_TAG,
  isOwnSnapshot,
  snapshotOfRef,
} from '../../tables/spec/cut-history.ts'
import { isErrorKind } from '../../tables/errors.ts'
import type { CheckResult, Finding } from './finding.ts'
import { CUTS, type PinnedLake, type PinnedTable } from './pin-lake.ts'

/**
 * Whether each table's head is the snapshot that the last cut names for it, or comes from it; and
 * the same of the tag that holds the last snapshot of Sluice. Commits of others on top are notes.
 */
export async function checkHeads(pinned: PinnedLake): Promise<CheckResult> {
  const findings: Finding[] = []
  const notes: string[] = []
  for (const table of pinned.tables.values()) {
    const finding = await headFinding(pinned, table)
    if (finding !== undefined) findings.push(finding)
    notes.push(...foreignNotes(table))
  }
  const checkedCount = pinned.tables.size
  return { name: 'heads', checkedCount, unit: 'heads', findings, notes }
}

async function headFinding(
  { lake, cut }: PinnedLake,
  { name, loaded }: PinnedTable,
): Promise<Finding | undefined> {
  const { metadata } = loaded
  const named = name === CUTS ? cut?.snapshotId : cut?.heads.get(name)
  const tagged = snapshotOfRef(metadata, HEAD_TAG)?.['snapshot-id']
  for (const snapshotId of new Set([tagged, named])) {
    if (snapshotId === undefined) continue
    // Others may have expired what a cut found on a table that it did not touch.
    const isHeldByTag = tagged !== undefined && snapshotId !== tagged
    if (isHeldByTag && findSnapshot(metadata, snapshotId) === undefined) continue
    const descends = await comesFrom(lake, metadata, snapshotId)
    if (descends !== false) continue
    const cutNumber = cutOf(metadata, snapshotId) ?? cut?.cutNumber
    return {
      ...{ check: 'heads', kind: 'data-loss', table: name },
      ...(cutNumber === undefined ? {} : { cut: cutNumber }),
      what:
        `The table was rolled back behind cut ${cutNumber ?? ''}: its head does not come from ` +
        `snapshot ${snapshotId}, which the cut names. What the cut put there is out of sight.`,
      advice:
        `Set main of the table to snapshot ${snapshotId} again: \`sluice rollback ${name} ` +
        `--to-snapshot ${snapshotId}\`. To take a whole lake back, use \`sluice rollback --cut\`.`,
    }
  }
  return undefined
}

/** Undefined where manifests would have to be read that are broken: that is told elsewhere. */
async function comesFrom(
  lake: PinnedLake['lake'],
  metadata: PinnedTable['loaded']['metadata'],
  snapshotId: bigint,
): Promise<boolean | undefined> {
  try {
    return await isDescendant(lake, metadata, snapshotId)
  } catch (error) {
    if (isErrorKind(error, 'corrupt-data')) return undefined
    throw error
  }
}

function cutOf(metadata: PinnedTable['loaded']['metadata'], snapshotId: bigint) {
  const text = findSnapshot(metadata, snapshotId)?.summary['sluice.cut']
  return text === undefined ? undefined : Number(text)
}

/** Commits that Sluice did not make, in what is kept of the table's history. */
function foreignNotes({ name, pinned }: PinnedTable): string[] {
  const foreign = [...ancestors(pinned.metadata)].filter((each) => !isOwnSnapshot(each))
  if (foreign.length === 0) return []
  const named = foreign
    .slice(0, 3)
    .map((each) => `${each['snapshot-id']} (${each.summary.operation})`)
    .join(', ')
  const rest = foreign.length > 3 ? ` and ${foreign.length - 3} more` : ''
  return [`${name} has commits of others among its kept snapshots: ${named}${rest}`]
}
