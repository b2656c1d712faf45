import type { CommitContext } from '../../tables/commit/commit-context.ts'
import { committedCut } from '../../tables/spec/cut-history.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import type { Lake } from './lake.ts'

/** What commits to a lake work with that are no cuts of the loop. */
export function lakeCommitContext(lake: Lake): CommitContext {
  const { catalog, fileIO, clock, ids, manifestCache, journalFolder } = lake
  const context = { catalog, fileIO, clock, ids, manifestCache }
  return journalFolder === undefined ? context : { ...context, journalFolder }
}

export const CUTS_TABLE = tableId('sluice.cuts')

/** The fence of such commits: the last cut as it is now, for the one process that writes. */
export async function readFence(lake: Lake): Promise<() => number> {
  const cuts = await lake.catalog.loadTable(CUTS_TABLE)
  const cutNumber = cuts === undefined ? 0 : (committedCut(cuts.metadata)?.cutNumber ?? 0)
  return () => cutNumber
}
