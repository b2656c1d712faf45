import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import { commitCut } from '../../tables/commit/commit-cut.ts'
import { rollForward } from '../../tables/commit/roll-forward.ts'
import type { Session } from '../../tables/engine/engine.ts'
import { SluiceError } from '../../tables/errors.ts'
import { findCut, snapshotAtCut } from '../../tables/query/choose-snapshot.ts'
import {
  ancestors,
  committedCut,
  cutHistory,
  cutNumberOf,
  isOwnSnapshot,
} from '../../tables/spec/cut-history.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { writeDataFiles } from '../../tables/write/write-data-files.ts'
import type { Lake } from '../lake/lake.ts'
import { lakeCommitContext } from '../lake/lake-commit-context.ts'
import { createLakeDeleteQueue } from '../lake/lake-delete-queue.ts'
import type { CutCounts } from './cut-receipt.ts'
import { cutRowsSql } from './cut-rows.ts'
import { headOf, loadHeads, planHead, planRelation } from './loop-context.ts'
import { encodePositions, nextIngestedUs, POSITIONS_PROPERTY } from './loop-state.ts'
import { withAddedColumns } from './own-columns.ts'
import { planRestore, type RestorePlan } from './plan-restore.ts'
import { openPositions } from './read-positions.ts'
import { stepsText } from './steps-text.ts'

const CUTS = 'sluice.cuts'

export interface RollBackOptions {
  readonly lake: Lake
  /** The cut to go back to. */
  readonly cutNumber: number
  /** Who does it, for sluice.cuts: `rollback@host:pid`. */
  readonly writer: string
  /** Only says what would be done. */
  readonly isDryRun?: boolean
}

export interface RolledBackTable {
  readonly table: string
  readonly fromSnapshotId: bigint | undefined
  readonly toSnapshotId: bigint | undefined
  /** Snapshots of other engines that are no longer part of the table. */
  readonly foreignCount: number
  /** Nothing but the lake's own maintenance came since: the rows are the same. */
  readonly isRearranged: boolean
}

export interface RolledBackPart {
  readonly source: string
  readonly partition: number
  readonly fromOffset: bigint
  readonly toOffset: bigint
}

export interface RolledBackLake {
  readonly restoredCut: number
  /** The last cut before. */
  readonly previousCut: number
  /** The cut that the rollback is; undefined in a dry run. */
  readonly cutNumber: number | undefined
  readonly tables: readonly RolledBackTable[]
  readonly parts: readonly RolledBackPart[]
  /** What the sums over sluice.cuts change by. */
  readonly counts: CutCounts
}

/**
 * Sets a whole lake back to a cut, as one new cut: every table's head is the one of that cut again,
 * and so are the positions of the sources and the watermark. The number goes on, and the cuts in
 * between can still be read until they expire; sluice.cuts keeps their rows and gets rows that
 * take them back. The next run reads its sources again from the old positions.
 *
 * Going forward again to a cut that was undone is the same call. A cut that a dead writer had
 * decided and not finished is finished first, in a dry run too.
 * @throws SluiceError `invalid-input` where the cut expired or never was, `commit-conflict` where
 * another writer committed meanwhile (nothing was changed), and as `commitCut`.
 */
export async function rollBackLake(options: RollBackOptions): Promise<RolledBackLake> {
  const { lake, cutNumber } = options
  // A cut that a dead writer had decided is a cut of this lake: going back counts from there.
  await rollForward(lakeCommitContext(lake))
  const session = await lake.engine.connect()
  try {
    const heads = await loadHeads(lake)
    const cuts = headOf(heads, CUTS)
    const restoredHeads = chooseHeads(heads, cutNumber)
    const previousCut = committedCut(cuts.metadata)?.cutNumber ?? 0
    const rows = await planRelation(lake, await planHead(lake, cuts, []))
    const plan = await planRestore(session, rows, cutNumber)
    const tables = describeTables(heads, restoredHeads)
    const isThere = tables.every(({ isRearranged }) => isRearranged)
    if (isThere && plan.progress.length === 0) throw alreadyThere(cutNumber)
    const told = {
      restoredCut: cutNumber,
      previousCut,
      tables,
      parts: plan.progress.map(({ part, startOffset, endOffset }) => {
        return { ...part, fromOffset: startOffset, toOffset: endOffset }
      }),
      counts: plan.total,
    }
    if (options.isDryRun === true) return { ...told, cutNumber: undefined }
    await commitRestore(options, session, { cuts, plan, previousCut, restoredHeads })
    return { ...told, cutNumber: previousCut + 1 }
  } finally {
    session.close()
  }
}

/** Every table's head at the cut; null where it had none. sluice.cuts itself never goes back. */
function chooseHeads(
  heads: ReadonlyMap<string, LoadedTable>,
  cutNumber: number,
): Map<string, bigint | null> {
  const { metadata } = headOf(heads, CUTS)
  const record = findCut(metadata, cutNumber)
  const history = cutHistory(metadata)
  const chosen = new Map<string, bigint | null>()
  for (const [name, head] of heads) {
    if (name === CUTS) continue
    // A table that the cut does not name had no snapshot then.
    const isNamed = record.heads.has(name)
    const { snapshotId } = isNamed
      ? snapshotAtCut(name, head.metadata, record, history)
      : { snapshotId: undefined }
    chosen.set(name, snapshotId ?? null)
  }
  return chosen
}

function describeTables(
  heads: ReadonlyMap<string, LoadedTable>,
  restoredHeads: ReadonlyMap<string, bigint | null>,
): RolledBackTable[] {
  const tables: RolledBackTable[] = []
  for (const [table, wanted] of restoredHeads) {
    const { metadata } = headOf(heads, table)
    const fromSnapshotId = metadata['current-snapshot-id']
    const toSnapshotId = wanted ?? undefined
    if (fromSnapshotId === toSnapshotId) continue
    tables.push({
      table,
      fromSnapshotId,
      toSnapshotId,
      foreignCount: countForeign(metadata, toSnapshotId),
      isRearranged: isRearranged(metadata, toSnapshotId),
    })
  }
  return tables
}

function countForeign(metadata: LoadedTable['metadata'], until: bigint | undefined): number {
  let count = 0
  for (const snapshot of ancestors(metadata)) {
    if (snapshot['snapshot-id'] === until) break
    if (!isOwnSnapshot(snapshot)) count += 1
  }
  return count
}

function isRearranged(metadata: LoadedTable['metadata'], until: bigint | undefined): boolean {
  for (const snapshot of ancestors(metadata)) {
    if (snapshot['snapshot-id'] === until) return true
    if (!isOwnSnapshot(snapshot) || cutNumberOf(snapshot) !== undefined) return false
  }
  return false
}

interface Restore {
  readonly cuts: LoadedTable
  readonly plan: RestorePlan
  readonly previousCut: number
  readonly restoredHeads: ReadonlyMap<string, bigint | null>
}

async function commitRestore(
  { lake, cutNumber, writer }: RollBackOptions,
  session: Session,
  { cuts, plan, previousCut, restoredHeads }: Restore,
): Promise<void> {
  const { fileIO, ids, scratchDir } = lake
  const token = ids.uuid()
  const committedUs = lake.clock.nowUs()
  const before = {
    cutNumber: previousCut,
    ingestedUs: plan.ingestedUs,
    watermarkUs: undefined,
    parts: openPositions(plan.now),
  }
  const after = {
    cutNumber: previousCut + 1,
    ingestedUs: nextIngestedUs(before, committedUs),
    watermarkUs: plan.watermarkUs,
    parts: openPositions(plan.then),
  }
  const context = lakeCommitContext(lake)
  const queue = createLakeDeleteQueue(lake)
  await queue.start()
  const rowsInput = {
    before,
    after,
    committedUs,
    token,
    writer,
    mode: 'rollback',
    progress: plan.progress,
    counts: plan.counts,
    total: plan.total,
    parts: openPositions(plan.then),
    restoredCut: cutNumber,
    steps: stepsText(lake),
    removed: plan.removed,
  }
  const committed = await commitCut(context, {
    cutsTable: tableId(CUTS),
    lakeTables: lake.model.tables.map(({ name }) => tableId(name)),
    previousCut,
    cutNumber: after.cutNumber,
    token,
    committedUs,
    changes: [],
    restoredHeads,
    cutRows: ({ snapshotIds }) =>
      writeDataFiles(
        { session, fileIO, ids, scratchDir },
        cuts.metadata,
        withAddedColumns(lake, CUTS, cuts.metadata, cutRowsSql(rowsInput, snapshotIds)),
      ),
    cutsProperties: { [POSITIONS_PROPERTY]: encodePositions(after) },
    summary: { 'sluice.restored-cut': String(cutNumber) },
  })
  const { abandonedPaths } = committed
  await queue.noteCommit({
    cutNumber: after.cutNumber,
    tables: committed.tables.values(),
    abandonedPaths,
  })
  await queue.flush()
}

function alreadyThere(cutNumber: number): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The lake is at cut ${cutNumber} already: every table and every position. Nothing was ` +
      'changed. `sluice cuts` shows the cuts before it.',
  )
}
