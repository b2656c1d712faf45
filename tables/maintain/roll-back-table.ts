import type { CommitContext } from '../commit/commit-context.ts'
import { tableOf } from '../commit/fence.ts'
import { SluiceError } from '../errors.ts'
import {
  AFTER_CUT_KEY,
  ancestors,
  committedCut,
  CUT_KEY,
  HEAD_TAG,
  snapshotOfRef,
} from '../spec/cut-history.ts'
import { MAIN_BRANCH, type Snapshot } from '../spec/snapshot.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { commitFenced, type FencedCommit, type UpdatePlan } from './commit-fenced.ts'

/**
 * Sets `main` to one of its own ancestors. The snapshots after it stay until they expire.
 * @throws SluiceError `invalid-input` where the snapshot is no ancestor of the head.
 */
export function planRollback(metadata: TableMetadata, snapshotId: bigint): UpdatePlan {
  const isAncestor = [...ancestors(metadata)].some((one) => one['snapshot-id'] === snapshotId)
  if (!isAncestor) {
    throw new SluiceError(
      'invalid-input',
      `Snapshot ${snapshotId} is no ancestor of the head of ${metadata.location}, or expired. ` +
        'Nothing was rolled back. Choose one of the snapshots that the head comes from.',
    )
  }
  const headId = metadata['current-snapshot-id'] ?? null
  return {
    requirements: [
      { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
      { type: 'assert-ref-snapshot-id', ref: MAIN_BRANCH, 'snapshot-id': headId },
    ],
    updates:
      headId === snapshotId
        ? []
        : [
            {
              action: 'set-snapshot-ref',
              'ref-name': MAIN_BRANCH,
              ...(metadata.refs[MAIN_BRANCH] ?? { type: 'branch' as const }),
              'snapshot-id': snapshotId,
            },
          ],
  }
}

export interface RollBackRequest {
  readonly cutsTable: TableIdentifier
  readonly identifier: TableIdentifier
  readonly snapshotId: bigint
  readonly afterCut: () => number
}

/** What a rollback of one table does, or would do. */
export interface TableRollback {
  /** The head before it; undefined where the table has none. */
  readonly fromSnapshotId: bigint | undefined
  readonly toSnapshotId: bigint
  /** The snapshots that are no longer part of `main`, newest first. */
  readonly undone: readonly Snapshot[]
}

/**
 * Rolls one table back to an ancestor: what foreign commits did on top of the last cut is undone.
 * Behind the last cut it is refused, because the other tables and the positions would not follow;
 * that is what rolling back the whole lake is for. A table that no cut knows goes back as far as
 * its snapshots do.
 * @throws SluiceError `invalid-input`, and as `commitFenced`.
 */
export async function rollBackTable(
  context: CommitContext,
  request: RollBackRequest,
): Promise<FencedCommit<TableRollback>> {
  const { cutsTable, identifier, snapshotId, afterCut } = request
  return commitFenced(context, {
    what: `the rollback of ${tableKey(identifier)}`,
    cutsTable,
    identifiers: [identifier],
    afterCut,
    stage: (tables) => {
      const { metadata } = tableOf(tables, identifier)
      const plan = planRollback(metadata, snapshotId)
      const cuts = tableOf(tables, cutsTable).metadata
      const result = judgeRollback(identifier, metadata, cuts, snapshotId)
      return { commits: [{ identifier, ...plan }], result }
    },
  })
}

/**
 * What rolling the table back would undo. Changes nothing.
 * @param cuts the cuts table's metadata
 * @throws SluiceError `invalid-input` where the snapshot is no ancestor of the head, or lies behind
 * the last cut.
 */
export function judgeRollback(
  identifier: TableIdentifier,
  metadata: TableMetadata,
  cuts: TableMetadata,
  snapshotId: bigint,
): TableRollback {
  planRollback(metadata, snapshotId)
  const line = [...ancestors(metadata)]
  const target = line.findIndex((one) => one['snapshot-id'] === snapshotId)
  const key = tableKey(identifier)
  // The next start asks for both: the cut names heads of tables too that it did not touch.
  const promised = [
    snapshotOfRef(metadata, HEAD_TAG)?.['snapshot-id'],
    committedCut(cuts)?.heads.get(key),
  ]
  for (const promisedId of promised) {
    const kept = line.findIndex((one) => one['snapshot-id'] === promisedId)
    if (kept >= 0 && kept < target) throw behindCut(key, snapshotId, cutBelow(line.slice(target)))
  }
  return {
    fromSnapshotId: metadata['current-snapshot-id'],
    toSnapshotId: snapshotId,
    undone: line.slice(0, target),
  }
}

/** The cut that the first snapshot of a line is of, or came after; undefined before all cuts. */
function cutBelow(line: readonly Snapshot[]): string | undefined {
  for (const { summary } of line) {
    const cut = summary[CUT_KEY] ?? summary[AFTER_CUT_KEY]
    if (cut !== undefined) return cut
  }
  return undefined
}

function behindCut(table: string, snapshotId: bigint, cut: string | undefined): SluiceError {
  return new SluiceError(
    'invalid-input',
    `Snapshot ${snapshotId} of ${table} is older than the last cut that knows the table. Nothing ` +
      'was rolled back: the other tables and the positions of the sources would not go with it. ' +
      `Roll the whole lake back to a cut: \`sluice rollback --cut ${cut ?? 'N'}\`.`,
    { context: { table } },
  )
}
