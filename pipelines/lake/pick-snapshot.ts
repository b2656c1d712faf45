import { SluiceError } from '../../tables/errors.ts'
import { cherryPick, type CherryPick } from '../../tables/maintain/cherry-pick.ts'
import { tableKey } from '../../tables/spec/table-identifier.ts'
import { findTable } from './describe-table.ts'
import { CUTS_TABLE, lakeCommitContext } from './lake-commit-context.ts'
import type { MaintainedLake } from './with-maintained-lake.ts'

export interface PickedSnapshot extends CherryPick {
  readonly table: string
}

/**
 * Brings a snapshot that another engine staged, or made on a branch, into `main` of its table. To
 * the loop it is like any commit of others: what silver gets so is derived into gold by the next
 * cut.
 * @param name its dotted name, or its bare one where it is the only such
 * @throws SluiceError `invalid-input` for a table that is not there, for `sluice.cuts`, and as
 * `cherryPick`.
 */
export async function pickSnapshot(
  { lake, fence, noteCommit }: MaintainedLake,
  name: string,
  snapshotId: bigint,
): Promise<PickedSnapshot> {
  const { identifier } = await findTable(lake, name)
  const table = tableKey(identifier)
  if (table === tableKey(CUTS_TABLE)) {
    throw new SluiceError(
      'invalid-input',
      `${table} holds the receipts of cuts, and only cuts add to it. Nothing was picked. Pick ` +
        'into the table whose rows you want.',
    )
  }
  const commit = await cherryPick(lakeCommitContext(lake), {
    cutsTable: CUTS_TABLE,
    identifier,
    snapshotId,
    afterCut: fence,
  })
  await noteCommit(commit)
  return { table, ...commit.result }
}
