import type { LoadedTable, TableCommit } from '../catalog/catalog.ts'
import { SluiceError } from '../errors.ts'
import { checkLadder, defaultLadder } from '../maintain/ladder.ts'
import type { DataFile } from '../spec/manifest.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import type { TableUpdate } from '../spec/table-update.ts'
import { attemptCommit, type Prepared } from './attempt-commit.ts'
import { buildCutCommits } from './build-cut-commits.ts'
import type { CommitContext } from './commit-context.ts'
import {
  committedCut,
  CUT_KEY,
  encodeHeads,
  findCutByToken,
  HEADS_KEY,
  TOKEN_KEY,
} from '../spec/cut-history.ts'
import { checkHeads, checkKnownTables, fencedOff, loadTables, tableOf } from './fence.ts'
import { fitChanges } from './fit-changes.ts'
import { restoreHeads } from './restore-heads.ts'
import { journaledCommit } from './journaled-commit.ts'
import { snapshotUpdates, stageTable } from './stage-table.ts'
import { isEmptyChange, type ChangeConflict, type TableChange } from './table-change.ts'

/** One cut: everything that becomes visible at one instant. */
export interface CutRequest {
  readonly cutsTable: TableIdentifier
  /** All tables whose heads a cut names, with or without the cuts table. */
  readonly lakeTables: readonly TableIdentifier[]
  /** The fence: the cut that must be the last one; 0 before the first. */
  readonly previousCut: number
  readonly cutNumber: number
  /** Random, of this cut alone: by it a lost commit is found again. */
  readonly token: string
  /** ingested_ts of the cut, µs; the snapshots' time, unless a table is ahead of it. */
  readonly committedUs: bigint
  readonly changes: readonly TableChange[]
  /**
   * Older snapshots that tables get as their heads again, by dotted name; null: no snapshot at all.
   * A table that was rolled back by somebody else is put right by it.
   */
  readonly restoredHeads?: ReadonlyMap<string, bigint | null>
  /** Writes the cut's own rows, again for each attempt, since they name the snapshots. */
  readonly cutRows: (attempt: {
    readonly snapshotIds: ReadonlyMap<string, bigint>
  }) => Promise<readonly DataFile[]>
  /** Properties of the cuts table, such as the positions. */
  readonly cutsProperties: Readonly<Record<string, string>>
  /** Further summary keys of every snapshot of the cut. */
  readonly summary?: Readonly<Record<string, string>>
  /** Derives the changes again where they do not fit any more. Absent: the cut is given up. */
  readonly rederive?: (conflict: ChangeConflict) => Promise<readonly TableChange[]>
}

export interface CommittedCut {
  readonly cutNumber: number
  readonly token: string
  /** Head of every lake table at the cut, by dotted name. */
  readonly snapshotIds: ReadonlyMap<string, bigint>
  readonly committedMs: number
  /** The tables that took part, by dotted name; all where an earlier attempt had landed. */
  readonly tables: ReadonlyMap<string, LoadedTable>
  /** Files of attempts that did not land: no snapshot ever names them. */
  readonly abandonedPaths: readonly string[]
  readonly attemptCount: number
}

/**
 * Commits one cut over all tables that it touches and the cuts table, at once or not at all.
 *
 * Every attempt reads the tables' heads, checks the fence (the last cut is `previousCut`), checks
 * that the changes fit on what others committed meanwhile, stages all tables and calls the catalog
 * once. A lost answer is looked up by the token; see `attemptCommit`.
 *
 * @throws SluiceError `commit-conflict` (another writer's cut, changes that do not fit, or tables that
 * the last cut names and the request does not: nothing became visible), `commit-state-unknown` (the
 * answer stays lost), `data-loss` (a table was rolled back behind the last cut), `invalid-input`,
 * `storage-unavailable`.
 */
export async function commitCut(
  context: CommitContext,
  request: CutRequest,
): Promise<CommittedCut> {
  checkRequest(context, request)
  await context.hooks?.dataFilesWritten?.()
  const attempt: CutAttempt = {
    context,
    request,
    changes: request.changes.filter((change) => !isEmptyChange(change)),
    bases: new Map(),
    tried: [],
  }
  return attemptCommit(context, {
    what: `cut ${request.cutNumber}`,
    prepare: (attemptNumber) => prepareCut(attempt, attemptNumber),
    ...(context.catalog.capabilities.atomicMultiTable
      ? {}
      : journaledCommit(context, { ...request, changes: () => attempt.changes })),
  })
}

interface CutAttempt {
  readonly context: CommitContext
  readonly request: CutRequest
  changes: readonly TableChange[]
  /** The heads that the changes were derived from, where they do not say it themselves. */
  readonly bases: Map<string, bigint | null>
  readonly tried: TriedCut[]
}

interface TriedCut {
  readonly cutsSnapshotId: bigint
  readonly snapshotIds: ReadonlyMap<string, bigint>
  readonly writtenPaths: string[]
}

async function prepareCut(
  attempt: CutAttempt,
  attemptNumber: number,
): Promise<Prepared<CommittedCut>> {
  const { context, request } = attempt
  const tables = await loadTables(context, [...request.lakeTables, request.cutsTable])
  const cuts = tableOf(tables, request.cutsTable)
  const landed = findCutByToken(cuts.metadata, request.token)
  if (landed !== undefined) {
    const tried = attempt.tried.find((one) => one.cutsSnapshotId === landed.snapshotId)
    const snapshotIds = tried?.snapshotIds ?? landed.heads
    const result = resultOf(attempt, landed.snapshotId, snapshotIds, [...tables.values()], landed)
    return { kind: 'landed', result: { ...result, attemptCount: attemptNumber - 1 } }
  }
  const committed = committedCut(cuts.metadata)
  checkKnownTables(`cut ${request.cutNumber}`, tables, committed)
  const judged = [...tables].filter(([key]) => request.restoredHeads?.has(key) !== true)
  await checkHeads(context, new Map(judged), committed)
  if ((committed?.cutNumber ?? 0) !== request.previousCut) {
    throw fencedOff(`cut ${request.cutNumber}`, request.previousCut, committed)
  }
  attempt.changes = await fitChanges(context, tables, attempt.changes, attempt.bases, {
    what: `cut ${request.cutNumber}`,
    rederive: request.rederive,
  })
  const staged = await stageCut(attempt, tables)
  await context.hooks?.staged?.()
  return {
    kind: 'staged',
    commits: staged.commits,
    finish: (committedTables) => ({
      ...resultOf(attempt, staged.tried.cutsSnapshotId, staged.tried.snapshotIds, committedTables, {
        committedMs: staged.committedMs,
      }),
      attemptCount: attemptNumber,
    }),
  }
}

function resultOf(
  attempt: CutAttempt,
  cutsSnapshotId: bigint,
  snapshotIds: ReadonlyMap<string, bigint>,
  tables: readonly LoadedTable[],
  { committedMs }: { readonly committedMs: number },
): Omit<CommittedCut, 'attemptCount'> {
  const lost = attempt.tried.filter((tried) => tried.cutsSnapshotId !== cutsSnapshotId)
  return {
    cutNumber: attempt.request.cutNumber,
    token: attempt.request.token,
    snapshotIds,
    committedMs,
    tables: new Map(tables.map((table) => [tableKey(table.identifier), table])),
    abandonedPaths: lost.flatMap((tried) => tried.writtenPaths),
  }
}

interface StagedCut {
  readonly commits: readonly TableCommit[]
  readonly tried: TriedCut
  readonly committedMs: number
}

async function stageCut(
  attempt: CutAttempt,
  tables: ReadonlyMap<string, LoadedTable>,
): Promise<StagedCut> {
  const { context, request } = attempt
  const cutsKey = tableKey(request.cutsTable)
  const touched = new Map(attempt.changes.map((change) => [tableKey(change.identifier), change]))
  const snapshotIds = drawSnapshotIds(context, tables, new Set([...touched.keys(), cutsKey]))
  const restored = restoreHeads(tables, request.restoredHeads ?? new Map(), snapshotIds)
  const tried: TriedCut = {
    cutsSnapshotId: snapshotIds.get(cutsKey) ?? 0n,
    snapshotIds,
    writtenPaths: [],
  }
  attempt.tried.push(tried)
  const committedMs = commitTimeMs(request.committedUs, tables)
  const summary = {
    ...request.summary,
    [CUT_KEY]: String(request.cutNumber),
    [TOKEN_KEY]: request.token,
  }
  const stage = async (change: TableChange, extra: Readonly<Record<string, string>>) => {
    const staged = await stageTable(context, {
      table: tableOf(tables, change.identifier),
      change,
      snapshotId: snapshotIds.get(tableKey(change.identifier)) ?? 0n,
      timestampMs: committedMs,
      summary: { ...summary, ...extra },
    })
    tried.writtenPaths.push(...staged.writtenPaths)
    return [tableKey(change.identifier), snapshotUpdates(staged.snapshot)] as const
  }
  const stageCuts = async () => {
    const rows = await request.cutRows({ snapshotIds })
    tried.writtenPaths.push(...rows.map((file) => file.filePath))
    const change = appendOf(request.cutsTable, rows)
    return stage(change, { [HEADS_KEY]: encodeHeads(snapshotIds) })
  }
  const staged = new Map<string, readonly TableUpdate[]>(
    await Promise.all([stageCuts(), ...[...touched.values()].map((one) => stage(one, {}))]),
  )
  for (const [key, updates] of restored) staged.set(key, updates)
  const commits = buildCutCommits({
    tables,
    cutsTable: request.cutsTable,
    cut: { cutNumber: request.cutNumber, committedMs },
    snapshotIds,
    staged,
    cutsProperties: request.cutsProperties,
    settings: context.retention ?? defaultLadder,
  })
  return { commits, tried, committedMs }
}

function appendOf(identifier: TableIdentifier, files: readonly DataFile[]): TableChange {
  return {
    identifier,
    operation: 'append',
    addDataFiles: files,
    addDeletes: [],
    removePaths: [],
    removeDeletePaths: [],
    mustBeLive: [],
  }
}

/** New ids for the tables that the cut touches, the heads of all others. */
function drawSnapshotIds(
  context: CommitContext,
  tables: ReadonlyMap<string, LoadedTable>,
  touched: ReadonlySet<string>,
): Map<string, bigint> {
  const snapshotIds = new Map<string, bigint>()
  for (const [key, { metadata }] of tables) {
    const headId = metadata['current-snapshot-id']
    if (touched.has(key)) snapshotIds.set(key, context.ids.snapshotId())
    else if (headId !== undefined) snapshotIds.set(key, headId)
  }
  return snapshotIds
}

/** One time for all snapshots of the cut; a table never goes back in time. */
function commitTimeMs(committedUs: bigint, tables: ReadonlyMap<string, LoadedTable>): number {
  const lastMs = [...tables.values()].map((table) => table.metadata['last-updated-ms'])
  return Math.max(Number(committedUs / 1000n), ...lastMs)
}

function checkRequest(context: CommitContext, request: CutRequest): void {
  checkLadder(context.retention ?? defaultLadder)
  const names = request.changes.map((change) => tableKey(change.identifier))
  const restored = [...(request.restoredHeads?.keys() ?? [])]
  const isDouble = new Set([...names, ...restored]).size < names.length + restored.length
  const isCutsTable = [...names, ...restored].includes(tableKey(request.cutsTable))
  const isNumber = Number.isSafeInteger(request.cutNumber) && request.previousCut >= 0
  if (!isDouble && !isCutsTable && isNumber && request.cutNumber > request.previousCut) return
  throw new SluiceError(
    'invalid-input',
    `Cut ${request.cutNumber} after cut ${request.previousCut} changes ${names.join(', ')}. ` +
      'Nothing was committed. A cut comes after the previous one, has one change a table, and ' +
      'changes the cuts table by its own rows only.',
  )
}
