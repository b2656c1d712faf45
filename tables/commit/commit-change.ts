import type { LoadedTable } from '../catalog/catalog.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import { findByToken, TOKEN_KEY } from '../spec/cut-history.ts'
import { attemptCommit, type Prepared } from './attempt-commit.ts'
import type { CommitContext } from './commit-context.ts'
import { loadTables, tableOf } from './fence.ts'
import { fitChanges } from './fit-changes.ts'
import { headRequirements, snapshotUpdates, stageTable } from './stage-table.ts'
import { isEmptyChange, type TableChange } from './table-change.ts'

export interface CommitChangeOptions {
  /** Further summary keys. */
  readonly summary?: Readonly<Record<string, string>>
  /**
   * Plans the change again on the table as others left it, where it does not fit any more; once.
   * Absent: that is a conflict.
   */
  readonly replan?: (table: LoadedTable) => Promise<TableChange>
}

export interface CommittedChange {
  readonly table: LoadedTable
  /** The new snapshot; undefined where there was nothing to change. */
  readonly snapshotId: bigint | undefined
  /** Manifests and lists of attempts that did not land: no snapshot ever names them. */
  readonly abandonedPaths: readonly string[]
}

/**
 * Commits a change of one table that is no part of a cut: a table of other engines, or rows that
 * a user corrects by hand. Tries again where others commit meanwhile, if the change still fits on
 * what they did, and looks for its own token before each try, so that a lost answer never commits
 * twice.
 * @throws SluiceError `commit-conflict` (the change does not fit any more: nothing became
 * visible), `commit-state-unknown` (the answer stays lost), `invalid-input`, `unsupported`.
 */
export async function commitChange(
  context: CommitContext,
  identifier: TableIdentifier,
  change: TableChange,
  options: CommitChangeOptions = {},
): Promise<CommittedChange> {
  const key = tableKey(identifier)
  if (isEmptyChange(change)) {
    const table = tableOf(await loadTables(context, [identifier]), identifier)
    return { table, snapshotId: undefined, abandonedPaths: [] }
  }
  await context.hooks?.dataFilesWritten?.()
  const attempt: ChangeAttempt = {
    context,
    identifier,
    change,
    options,
    token: context.ids.uuid(),
    bases: new Map(),
    tried: [],
  }
  return attemptCommit(context, {
    what: `the change of ${key}`,
    prepare: () => prepareChange(attempt),
  })
}

interface ChangeAttempt {
  readonly context: CommitContext
  readonly identifier: TableIdentifier
  change: TableChange
  readonly options: CommitChangeOptions
  readonly token: string
  readonly bases: Map<string, bigint | null>
  readonly tried: { readonly snapshotId: bigint; readonly writtenPaths: readonly string[] }[]
}

async function prepareChange(attempt: ChangeAttempt): Promise<Prepared<CommittedChange>> {
  const { context, identifier, token, options } = attempt
  const tables = await loadTables(context, [identifier])
  const table = tableOf(tables, identifier)
  const landed = findByToken(table.metadata, token)
  if (landed !== undefined) {
    return { kind: 'landed', result: resultOf(attempt, table, landed['snapshot-id']) }
  }
  const { replan } = options
  const [fitting] = await fitChanges(context, tables, [attempt.change], attempt.bases, {
    what: `the change of ${tableKey(identifier)}`,
    rederive: replan === undefined ? undefined : async () => [await replan(table)],
  })
  if (fitting === undefined) {
    const result = { table, snapshotId: undefined, abandonedPaths: [] }
    return { kind: 'landed', result }
  }
  attempt.change = fitting
  const snapshotId = context.ids.snapshotId()
  const nowMs = Number(context.clock.nowUs() / 1000n)
  const staged = await stageTable(context, {
    table,
    change: fitting,
    snapshotId,
    timestampMs: Math.max(nowMs, table.metadata['last-updated-ms']),
    summary: { ...options.summary, [TOKEN_KEY]: token },
  })
  attempt.tried.push({ snapshotId, writtenPaths: staged.writtenPaths })
  await context.hooks?.staged?.()
  return {
    kind: 'staged',
    commits: [
      {
        identifier,
        requirements: headRequirements(table),
        updates: snapshotUpdates(staged.snapshot),
      },
    ],
    finish: ([committed]) => resultOf(attempt, committed ?? table, snapshotId),
  }
}

function resultOf(attempt: ChangeAttempt, table: LoadedTable, snapshotId: bigint): CommittedChange {
  const lost = attempt.tried.filter((one) => one.snapshotId !== snapshotId)
  return { table, snapshotId, abandonedPaths: lost.flatMap((one) => one.writtenPaths) }
}
