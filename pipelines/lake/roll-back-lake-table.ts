import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import { tableOf } from '../../tables/commit/fence.ts'
import { SluiceError } from '../../tables/errors.ts'
import {
  judgeRollback,
  rollBackTable,
  type TableRollback,
} from '../../tables/maintain/roll-back-table.ts'
import { ancestors, snapshotOfRef } from '../../tables/spec/cut-history.ts'
import { tableKey } from '../../tables/spec/table-identifier.ts'
import { timeText } from '../../tables/spec/time-text.ts'
import { findTable } from './describe-table.ts'
import { CUTS_TABLE, lakeCommitContext } from './lake-commit-context.ts'
import type { Lake } from './lake.ts'
import type { MaintainedLake } from './with-maintained-lake.ts'

/** The state of one table to go back to. */
export type RollbackTarget =
  | { readonly kind: 'snapshot'; readonly snapshotId: bigint }
  | { readonly kind: 'tag'; readonly name: string }
  /** The newest snapshot of `main`'s line that was committed no later, µs since 1970. */
  | { readonly kind: 'time'; readonly timeUs: bigint }

export interface RolledBackLakeTable extends TableRollback {
  readonly table: string
  /** False where it was there already, and where it was only asked what would be done. */
  readonly isChanged: boolean
}

/**
 * What setting one table back would undo; changes nothing.
 * @param name its dotted name, or its bare one where it is the only such
 * @throws SluiceError as `rollBackLakeTable`.
 */
export async function judgeLakeTableRollback(
  lake: Lake,
  name: string,
  target: RollbackTarget,
): Promise<RolledBackLakeTable> {
  const loaded = await findTable(lake, name)
  const { identifier, metadata } = loaded
  const cuts = await loadCuts(lake)
  const snapshotId = chooseTarget(loaded, target)
  const judged = judgeRollback(identifier, metadata, cuts.metadata, snapshotId)
  return { table: tableKey(identifier), ...judged, isChanged: false }
}

/**
 * Sets one table back to an earlier state of its own. A table of the lake goes back at most to
 * the last cut, so that only what others committed since is undone.
 * @param name its dotted name, or its bare one where it is the only such
 * @throws SluiceError `invalid-input` for a table, tag or time that is not there, for a snapshot
 * that the table's head does not come from, and behind the last cut.
 */
export async function rollBackLakeTable(
  { lake, fence, noteCommit }: MaintainedLake,
  name: string,
  target: RollbackTarget,
): Promise<RolledBackLakeTable> {
  const loaded = await findTable(lake, name)
  const { identifier } = loaded
  const commit = await rollBackTable(lakeCommitContext(lake), {
    cutsTable: CUTS_TABLE,
    identifier,
    snapshotId: chooseTarget(loaded, target),
    afterCut: fence,
  })
  await noteCommit(commit)
  return { table: tableKey(identifier), ...commit.result, isChanged: commit.tables.size > 0 }
}

async function loadCuts(lake: Lake): Promise<LoadedTable> {
  const cuts = await lake.catalog.loadTable(CUTS_TABLE)
  return tableOf(new Map(cuts === undefined ? [] : [[tableKey(CUTS_TABLE), cuts]]), CUTS_TABLE)
}

function chooseTarget({ identifier, metadata }: LoadedTable, target: RollbackTarget): bigint {
  const table = tableKey(identifier)
  switch (target.kind) {
    case 'snapshot':
      return target.snapshotId
    case 'tag': {
      const tagged = snapshotOfRef(metadata, target.name)
      if (tagged !== undefined) return tagged['snapshot-id']
      const tags = Object.keys(metadata.refs).filter((ref) => metadata.refs[ref]?.type === 'tag')
      throw notThere(`${table} has no tag ${target.name}. Nothing was rolled back.`, tags)
    }
    case 'time': {
      const found = [...ancestors(metadata)].find(
        (one) => BigInt(one['timestamp-ms']) * 1000n <= target.timeUs,
      )
      if (found !== undefined) return found['snapshot-id']
      const time = `${timeText(target.timeUs)}Z`
      throw notThere(`${table} has no snapshot of ${time} any more, or had none yet. Nothing was rolled back.`)
    }
  }
}

function notThere(message: string, tags: readonly string[] = []): SluiceError {
  const known = tags.length === 0 ? '' : ` Its tags are ${tags.join(', ')}.`
  return new SluiceError(
    'invalid-input',
    `${message}${known} \`sluice history TABLE\` shows its snapshots.`,
  )
}
