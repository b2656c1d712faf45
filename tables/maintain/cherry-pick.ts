import type { CommitContext } from '../commit/commit-context.ts'
import { tableOf } from '../commit/fence.ts'
import { loadEntries, loadManifests, mapBounded } from '../commit/snapshot-manifests.ts'
import { headRequirements, snapshotUpdates, stageTable } from '../commit/stage-table.ts'
import { SluiceError } from '../errors.ts'
import {
  AFTER_CUT_KEY,
  ancestors,
  cutNumberOf,
  findSnapshot,
  TOKEN_KEY,
} from '../spec/cut-history.ts'
import type { DataFile } from '../spec/manifest.ts'
import { MAIN_BRANCH, type Snapshot } from '../spec/snapshot.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import type { LoadedTable } from '../catalog/catalog.ts'
import { commitFenced, type FencedCommit, type FencedStage } from './commit-fenced.ts'

/** Summary key that other engines use too: the snapshot that was picked. */
const SOURCE_KEY = 'source-snapshot-id'
/** Summary keys of staged writes (write-audit-publish): given, and then published. */
const STAGED_KEY = 'wap.id'
const PUBLISHED_KEY = 'published-wap-id'

export interface CherryPickRequest {
  readonly cutsTable: TableIdentifier
  readonly identifier: TableIdentifier
  readonly snapshotId: bigint
  readonly afterCut: () => number
}

export interface CherryPick {
  readonly kind: 'fast-forward' | 'replay'
  /** The head afterwards. */
  readonly snapshotId: bigint
}

/**
 * Brings a snapshot that is not part of `main` (staged, or of a branch) into it: by moving `main`
 * where the snapshot was made on its head, else by adding its files in a new snapshot. Only an
 * append can be replayed: what another one removed may not be there any more.
 * @throws SluiceError `invalid-input` where it is part of `main` already, is gone, is no append, or
 * is a cut's: its rows belong to positions and to other tables.
 */
export async function cherryPick(
  context: CommitContext,
  request: CherryPickRequest,
): Promise<FencedCommit<CherryPick>> {
  const { cutsTable, identifier, snapshotId, afterCut } = request
  const token = context.ids.uuid()
  return commitFenced(context, {
    what: `the pick of snapshot ${snapshotId} of ${tableKey(identifier)}`,
    cutsTable,
    identifiers: [identifier],
    afterCut,
    stage: async (tables) => {
      const table = tableOf(tables, identifier)
      const picked = checkedSnapshot(table, snapshotId)
      const headId = table.metadata['current-snapshot-id']
      if (picked['parent-snapshot-id'] === headId) return fastForward(table, snapshotId)
      return replay(context, table, picked, {
        [AFTER_CUT_KEY]: String(afterCut()),
        [TOKEN_KEY]: token,
      })
    },
  })
}

function fastForward(table: LoadedTable, snapshotId: bigint): FencedStage<CherryPick> {
  const { identifier, metadata } = table
  const main = metadata.refs[MAIN_BRANCH] ?? { type: 'branch' as const }
  return {
    commits: [
      {
        identifier,
        requirements: headRequirements(table),
        updates: [
          {
            action: 'set-snapshot-ref',
            'ref-name': MAIN_BRANCH,
            ...main,
            'snapshot-id': snapshotId,
          },
        ],
      },
    ],
    result: { kind: 'fast-forward', snapshotId },
  }
}

async function replay(
  context: CommitContext,
  table: LoadedTable,
  picked: Snapshot,
  own: Readonly<Record<string, string>>,
): Promise<FencedStage<CherryPick>> {
  const { identifier, metadata } = table
  const snapshotId = context.ids.snapshotId()
  const wapId = picked.summary[STAGED_KEY]
  const { snapshot, writtenPaths } = await stageTable(context, {
    table,
    change: {
      identifier,
      operation: 'append',
      addDataFiles: await addedFiles(context, picked),
      addDeletes: [],
      removePaths: [],
      removeDeletePaths: [],
      mustBeLive: [],
    },
    snapshotId,
    timestampMs: Math.max(Number(context.clock.nowUs() / 1000n), metadata['last-updated-ms']),
    summary: {
      ...own,
      [SOURCE_KEY]: String(picked['snapshot-id']),
      ...(wapId === undefined ? {} : { [PUBLISHED_KEY]: wapId }),
    },
  })
  return {
    commits: [
      { identifier, requirements: headRequirements(table), updates: snapshotUpdates(snapshot) },
    ],
    result: { kind: 'replay', snapshotId },
    writtenPaths,
  }
}

/** The data files that the snapshot itself added. */
async function addedFiles(context: CommitContext, picked: Snapshot): Promise<DataFile[]> {
  const snapshotId = picked['snapshot-id']
  const manifests = await loadManifests(context, picked)
  const own = manifests.filter((manifest) => manifest.addedSnapshotId === snapshotId)
  const entries = (await mapBounded(own, (manifest) => loadEntries(context, manifest))).flat()
  const added = entries.filter((one) => one.status === 'added' && one.snapshotId === snapshotId)
  return added.map(({ file }) => {
    if (file.content === 'data') return file
    throw refused(picked, 'it deletes rows')
  })
}

function checkedSnapshot({ metadata }: LoadedTable, snapshotId: bigint): Snapshot {
  const picked = findSnapshot(metadata, snapshotId)
  if (picked === undefined) {
    throw new SluiceError(
      'invalid-input',
      `Snapshot ${snapshotId} of ${metadata.location} expired or never was. Nothing was picked. ` +
        'Choose one that is kept.',
    )
  }
  const text = String(snapshotId)
  const wapId = picked.summary[STAGED_KEY]
  for (const one of ancestors(metadata)) {
    const isIt = one['snapshot-id'] === snapshotId || one.summary[SOURCE_KEY] === text
    const isPublished = wapId !== undefined && one.summary[PUBLISHED_KEY] === wapId
    if (isIt || isPublished) throw refused(picked, 'it is part of main already')
  }
  const cut = cutNumberOf(picked)
  // The sources are read again from where a rollback set them: these rows would come twice.
  if (cut !== undefined)
    throw refused(picked, `it is one table's part of cut ${cut}`, cutAdvice(cut))
  const isOnHead = picked['parent-snapshot-id'] === metadata['current-snapshot-id']
  if (!isOnHead && picked.summary.operation !== 'append') {
    throw refused(picked, `it is no append (${picked.summary.operation}) and not made on the head`)
  }
  return picked
}

function cutAdvice(cut: number): string {
  return `\`sluice rollback --cut ${cut}\` brings all tables and positions to it together.`
}

function refused(
  picked: Snapshot,
  reason: string,
  advice = 'Make its change again on the head.',
): SluiceError {
  return new SluiceError(
    'invalid-input',
    `Snapshot ${picked['snapshot-id']} cannot be picked: ${reason}. Nothing was changed. ${advice}`,
    { context: { snapshotId: picked['snapshot-id'] } },
  )
}
