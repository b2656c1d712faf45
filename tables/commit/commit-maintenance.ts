import type { LoadedTable, TableCommit } from '../catalog/catalog.ts'
import { SluiceError } from '../errors.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import { attemptCommit, type Prepared } from './attempt-commit.ts'
import type { CommitContext } from './commit-context.ts'
import { commitOneByOne } from './journaled-commit.ts'
import { AFTER_CUT_KEY, committedCut, findByToken, TOKEN_KEY } from '../spec/cut-history.ts'
import { checkHeads, fencedOff, loadTables, tableOf } from './fence.ts'
import { fitChanges } from './fit-changes.ts'
import { rollForward } from './roll-forward.ts'
import { headRequirements, snapshotUpdates, stageTable } from './stage-table.ts'
import { isEmptyChange, type TableChange } from './table-change.ts'

/** Changes of files that change no row: compaction. Takes no cut number. */
export interface MaintenanceRequest {
  readonly cutsTable: TableIdentifier
  /**
   * The fence: the writer's own last cut, asked again at each attempt, since cuts may go on while
   * files are rewritten. Another cut in the catalog means that another writer owns the lake, or
   * that a cut of our own is just landing; the maintenance is refused and planned again later.
   */
  readonly afterCut: () => number
  /** Random, of this commit alone. */
  readonly token: string
  /** All of them `replace`. */
  readonly changes: readonly TableChange[]
  readonly summary?: Readonly<Record<string, string>>
}

export interface CommittedMaintenance {
  readonly afterCut: number
  /** New heads by dotted table name. */
  readonly snapshotIds: ReadonlyMap<string, bigint>
  /** The tables whose files were replaced, as committed, by dotted name. */
  readonly tables: ReadonlyMap<string, LoadedTable>
  readonly abandonedPaths: readonly string[]
}

/**
 * Commits maintenance under the same fence as a cut: the cuts table's head is asserted too.
 * @throws SluiceError `commit-conflict` where another writer committed a cut, or the rewritten
 * files changed meanwhile (nothing became visible: plan again), and as `commitCut`.
 */
export async function commitMaintenance(
  context: CommitContext,
  request: MaintenanceRequest,
): Promise<CommittedMaintenance> {
  const changes = request.changes.filter((change) => !isEmptyChange(change))
  if (changes.length === 0 || changes.some((change) => change.operation !== 'replace')) {
    throw new SluiceError(
      'invalid-input',
      'Maintenance was asked to commit something else than replaced files. Nothing was ' +
        'committed. Commit rows by a cut.',
    )
  }
  const attempt: MaintenanceAttempt = { context, request, changes, bases: new Map(), tried: [] }
  // A cut that is decided must find the files that it names.
  await rollForward(context)
  return attemptCommit(context, {
    what: `maintenance after cut ${request.afterCut()}`,
    prepare: () => prepareMaintenance(attempt),
    // No row changes, so tables that are compacted one after the other are right at any time.
    ...(context.catalog.capabilities.atomicMultiTable
      ? {}
      : { send: (commits) => commitOneByOne(context, commits) }),
  })
}

interface MaintenanceAttempt {
  readonly context: CommitContext
  readonly request: MaintenanceRequest
  readonly changes: readonly TableChange[]
  readonly bases: Map<string, bigint | null>
  readonly tried: { readonly snapshotIds: ReadonlyMap<string, bigint>; writtenPaths: string[] }[]
}

async function prepareMaintenance(
  attempt: MaintenanceAttempt,
): Promise<Prepared<CommittedMaintenance>> {
  const { context, request, changes } = attempt
  const identifiers = changes.map((change) => change.identifier)
  const tables = await loadTables(context, [request.cutsTable, ...identifiers])
  const landed = landedHeads(tables, identifiers, request.token)
  if (landed.size === changes.length) {
    return { kind: 'landed', result: resultOf(attempt, landed, [...tables.values()]) }
  }
  const cuts = tableOf(tables, request.cutsTable)
  const committed = committedCut(cuts.metadata)
  await checkHeads(context, tables, committed)
  const afterCut = request.afterCut()
  if ((committed?.cutNumber ?? 0) !== afterCut) {
    throw fencedOff('the maintenance', afterCut, committed)
  }
  // A catalog that commits one table at a time may have taken some of them before.
  const waiting = changes.filter((change) => !landed.has(tableKey(change.identifier)))
  await fitChanges(context, tables, waiting, attempt.bases, {
    what: 'the maintenance',
    rederive: undefined,
  })
  const staged = await stageMaintenance(attempt, tables, waiting, afterCut)
  await context.hooks?.staged?.()
  return {
    kind: 'staged',
    commits: staged.commits,
    finish: (committedTables) => {
      const before = [...landed.keys()].flatMap((key) => tables.get(key) ?? [])
      const heads = new Map([...landed, ...staged.snapshotIds])
      return resultOf(attempt, heads, [...before, ...committedTables])
    },
  }
}

async function stageMaintenance(
  attempt: MaintenanceAttempt,
  tables: ReadonlyMap<string, LoadedTable>,
  changes: readonly TableChange[],
  afterCut: number,
): Promise<{ commits: TableCommit[]; snapshotIds: ReadonlyMap<string, bigint> }> {
  const { context, request } = attempt
  const snapshotIds = new Map(
    changes.map((change) => [tableKey(change.identifier), context.ids.snapshotId()]),
  )
  const tried = { snapshotIds, writtenPaths: [] as string[] }
  attempt.tried.push(tried)
  const lastMs = [...tables.values()].map((table) => table.metadata['last-updated-ms'])
  const timestampMs = Math.max(Number(context.clock.nowUs() / 1000n), ...lastMs)
  const commits = await Promise.all(
    changes.map(async (change): Promise<TableCommit> => {
      const table = tableOf(tables, change.identifier)
      const staged = await stageTable(context, {
        table,
        change,
        snapshotId: snapshotIds.get(tableKey(change.identifier)) ?? 0n,
        timestampMs,
        summary: {
          ...request.summary,
          [AFTER_CUT_KEY]: String(afterCut),
          [TOKEN_KEY]: request.token,
        },
      })
      tried.writtenPaths.push(...staged.writtenPaths)
      return {
        identifier: change.identifier,
        requirements: headRequirements(table),
        updates: snapshotUpdates(staged.snapshot),
      }
    }),
  )
  if (!snapshotIds.has(tableKey(request.cutsTable))) {
    const cuts = tableOf(tables, request.cutsTable)
    commits.push({
      identifier: request.cutsTable,
      requirements: headRequirements(cuts),
      updates: [],
    })
  }
  return { commits, snapshotIds }
}

/** The new heads of the tables where an earlier attempt landed. */
function landedHeads(
  tables: ReadonlyMap<string, LoadedTable>,
  identifiers: readonly TableIdentifier[],
  token: string,
): ReadonlyMap<string, bigint> {
  const heads = new Map<string, bigint>()
  for (const identifier of identifiers) {
    const snapshot = findByToken(tableOf(tables, identifier).metadata, token)
    if (snapshot === undefined) continue
    heads.set(tableKey(identifier), snapshot['snapshot-id'])
  }
  return heads
}

function resultOf(
  attempt: MaintenanceAttempt,
  snapshotIds: ReadonlyMap<string, bigint>,
  tables: readonly LoadedTable[],
): CommittedMaintenance {
  const ids = new Set(snapshotIds.values())
  const moved = tables.filter((table) => snapshotIds.has(tableKey(table.identifier)))
  const lost = attempt.tried.filter(
    (one) => ![...one.snapshotIds.values()].some((id) => ids.has(id)),
  )
  return {
    afterCut: attempt.request.afterCut(),
    snapshotIds,
    tables: new Map(moved.map((table) => [tableKey(table.identifier), table])),
    abandonedPaths: lost.flatMap((one) => one.writtenPaths),
  }
}
