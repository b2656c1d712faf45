import type { CommitContext } from '../commit/commit-context.ts'
import { tableOf } from '../commit/fence.ts'
import { SluiceError } from '../errors.ts'
import { ancestors, HEAD_TAG, snapshotOfRef } from '../spec/cut-history.ts'
import { MAIN_BRANCH } from '../spec/snapshot.ts'
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

/**
 * Rolls one table back to an ancestor: what foreign commits did on top of the last cut is undone.
 * Behind the last cut it is refused, because the other tables and the positions would not follow;
 * that is what rolling back the whole lake is for.
 * @throws SluiceError `invalid-input`, and as `commitFenced`.
 */
export async function rollBackTable(
  context: CommitContext,
  request: RollBackRequest,
): Promise<FencedCommit<void>> {
  const { cutsTable, identifier, snapshotId, afterCut } = request
  return commitFenced(context, {
    what: `the rollback of ${tableKey(identifier)}`,
    cutsTable,
    identifiers: [identifier],
    afterCut,
    stage: (tables) => {
      const { metadata } = tableOf(tables, identifier)
      const plan = planRollback(metadata, snapshotId)
      checkIsAfterCut(tableKey(identifier), metadata, snapshotId)
      return { commits: [{ identifier, ...plan }], result: undefined }
    },
  })
}

function checkIsAfterCut(table: string, metadata: TableMetadata, snapshotId: bigint): void {
  const lastCut = snapshotOfRef(metadata, HEAD_TAG)
  const target = [...ancestors(metadata)].find((one) => one['snapshot-id'] === snapshotId)
  if (lastCut === undefined || target === undefined) return
  if (target['sequence-number'] >= lastCut['sequence-number']) return
  throw new SluiceError(
    'invalid-input',
    `Snapshot ${snapshotId} of ${table} is older than the last cut that touched it. Nothing was ` +
      'rolled back: the other tables and the positions of the sources would stay behind it. Roll ' +
      'the whole lake back to a cut.',
    { context: { table } },
  )
}
