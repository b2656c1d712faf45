import type { LoadedTable, TableCommit } from '../catalog/catalog.ts'
import { isAlreadyApplied } from '../commit/already-applied.ts'
import { applyUpdates } from '../commit/apply-updates.ts'
import { attemptCommit, type Prepared } from '../commit/attempt-commit.ts'
import type { CommitContext } from '../commit/commit-context.ts'
import { checkHeads, fencedOff, loadTables, tableOf } from '../commit/fence.ts'
import { headRequirements } from '../commit/stage-table.ts'
import { isErrorKind } from '../errors.ts'
import { committedCut } from '../spec/cut-history.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'

/** What one table must be like, and what then becomes of it. No update: nothing is to be done. */
export type UpdatePlan = Omit<TableCommit, 'identifier'>

/** The tables of an attempt as the catalog has them, by dotted name, the cuts table among them. */
export type FencedTables = ReadonlyMap<string, LoadedTable>

export interface FencedStage<T> {
  /** Tables without updates take no part. */
  readonly commits: readonly TableCommit[]
  readonly result: T
  /** Files that were written for these commits alone. */
  readonly writtenPaths?: readonly string[]
}

export interface FencedRequest<T> {
  /** For messages: `the tag before-fix`. */
  readonly what: string
  readonly cutsTable: TableIdentifier
  readonly identifiers: readonly TableIdentifier[]
  /** The writer's own last cut; another one in the catalog means that another writer owns it. */
  readonly afterCut: () => number
  /** Decides by what the catalog says now; called again at each attempt. */
  readonly stage: (tables: FencedTables) => Promise<FencedStage<T>> | FencedStage<T>
}

export interface FencedCommit<T> {
  readonly result: T
  /** The tables that changed, as committed, by dotted name; none where nothing was to be done. */
  readonly tables: FencedTables
  /** Files of attempts that did not land. */
  readonly abandonedPaths: readonly string[]
}

/**
 * Commits changes that are no cut (tags, expiry, new manifests, a new column) under a cut's fence:
 * the head of the cuts table is asserted with them, and every attempt decides anew. An attempt
 * whose answer was lost is known again by its own effect: applied once more it changes nothing.
 * @throws SluiceError `commit-conflict` where another writer committed a cut, `data-loss` where a
 * table was rolled back, and what `stage` throws.
 */
export async function commitFenced<T>(
  context: CommitContext,
  request: FencedRequest<T>,
): Promise<FencedCommit<T>> {
  const tried: FencedStage<T>[] = []
  return attemptCommit(context, {
    what: request.what,
    prepare: () => prepare(context, request, tried),
  })
}

async function prepare<T>(
  context: CommitContext,
  request: FencedRequest<T>,
  tried: FencedStage<T>[],
): Promise<Prepared<FencedCommit<T>>> {
  const tables = await loadTables(context, [request.cutsTable, ...request.identifiers])
  const landed = tried.find((one) => hasLanded(one, tables))
  const finish = (stage: FencedStage<T>, now: readonly LoadedTable[]): FencedCommit<T> => ({
    result: stage.result,
    tables: changedTables(stage, now),
    abandonedPaths: tried.filter((one) => one !== stage).flatMap((one) => one.writtenPaths ?? []),
  })
  if (landed !== undefined) {
    return { kind: 'landed', result: finish(landed, [...tables.values()]) }
  }
  const cuts = tableOf(tables, request.cutsTable)
  const committed = committedCut(cuts.metadata)
  await checkHeads(context, tables, committed)
  const afterCut = request.afterCut()
  if ((committed?.cutNumber ?? 0) !== afterCut) throw fencedOff(request.what, afterCut, committed)
  const stage = await request.stage(tables)
  const commits = stage.commits.filter((commit) => commit.updates.length > 0)
  if (commits.length === 0) return { kind: 'landed', result: finish(stage, []) }
  tried.push(stage)
  await context.hooks?.staged?.()
  return {
    kind: 'staged',
    commits: withFence(commits, cuts),
    finish: (now) => finish(stage, now),
  }
}

/** The commits, with the cuts table's head asserted beside them. */
function withFence(commits: readonly TableCommit[], cuts: LoadedTable): TableCommit[] {
  const fence = headRequirements(cuts)
  const key = tableKey(cuts.identifier)
  if (!commits.some((commit) => tableKey(commit.identifier) === key)) {
    return [...commits, { identifier: cuts.identifier, requirements: fence, updates: [] }]
  }
  return commits.map((commit) =>
    tableKey(commit.identifier) === key
      ? { ...commit, requirements: [...fence, ...commit.requirements] }
      : commit,
  )
}

function changedTables<T>(stage: FencedStage<T>, now: readonly LoadedTable[]): FencedTables {
  const changed = new Set(
    stage.commits
      .filter((commit) => commit.updates.length > 0)
      .map((commit) => tableKey(commit.identifier)),
  )
  const tables = now.map((table) => [tableKey(table.identifier), table] as const)
  return new Map(tables.filter(([key]) => changed.has(key)))
}

function hasLanded<T>(stage: FencedStage<T>, tables: FencedTables): boolean {
  return stage.commits.every(({ identifier, updates }) => {
    const { metadata } = tableOf(tables, identifier)
    if (updates.some((update) => update.action === 'add-snapshot')) {
      return isAlreadyApplied(metadata, updates)
    }
    try {
      return applyUpdates(metadata, updates, { nowMs: 0 }) === metadata
    } catch (error) {
      if (isErrorKind(error, 'invalid-input') || isErrorKind(error, 'commit-conflict')) return false
      throw error
    }
  })
}
