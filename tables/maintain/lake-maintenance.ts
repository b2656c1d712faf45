import type { LoadedTable } from '../catalog/catalog.ts'
import type { CommitContext } from '../commit/commit-context.ts'
import type { CommittedCut } from '../commit/commit-cut.ts'
import { currentSnapshot } from '../commit/cut-history.ts'
import { isErrorKind } from '../errors.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import { createDeleteQueue } from './delete-queue.ts'
import type { CompactionRules } from './plan-compaction.ts'
import { rewriteDataFiles, type WriteGroup } from './rewrite-data-files.ts'

export interface LakeMaintenanceOptions {
  readonly context: CommitContext
  readonly cutsTable: TableIdentifier
  /** Every table of the lake, with or without the cuts table. */
  readonly lakeTables: readonly TableIdentifier[]
  readonly lakeLocation: string
  /** The writer's last cut; the fence of maintenance. */
  readonly lastCut: () => number
  readonly writeGroup: WriteGroup
  readonly rules?: CompactionRules
  readonly maxQueryDurationMs?: number
  /** Further files that are a tail, beside those of the tail's manifest. */
  readonly isTailPath?: (filePath: string) => boolean
}

/** What keeps a lake small between cuts: compaction and the delete queue. */
export interface LakeMaintenance {
  /** Takes up the delete queue. Call once, before the first cut. */
  start(): Promise<void>
  /**
   * Takes note of a cut, compacts at most one table and deletes what is due, so that a cut waits
   * for little. Answers the heads that maintenance moved.
   */
  afterCut(cut: CommittedCut): Promise<ReadonlyMap<string, LoadedTable>>
  /** Writes down what is to be deleted later. */
  close(): Promise<void>
}

/** A table is looked at again once it has so many files more than when it was last planned. */
const FILES_BETWEEN_PLANS = 8

export function createLakeMaintenance(options: LakeMaintenanceOptions): LakeMaintenance {
  const { context, cutsTable } = options
  const tables = distinct([...options.lakeTables, cutsTable])
  const queue = createDeleteQueue({
    catalog: context.catalog,
    reader: context,
    clock: context.clock,
    tables,
    lakeLocation: options.lakeLocation,
    ...(options.maxQueryDurationMs === undefined
      ? {}
      : { maxQueryDurationMs: options.maxQueryDurationMs }),
  })
  const plannedAt = new Map<string, number>()
  const heads = new Map<string, LoadedTable>()

  /** The table that grew most since it was planned, where one grew enough. */
  function chooseTable(): LoadedTable | undefined {
    let chosen: LoadedTable | undefined
    let mostGrown = FILES_BETWEEN_PLANS - 1
    for (const [key, table] of heads) {
      const grown = fileCountOf(table) - (plannedAt.get(key) ?? 0)
      if (grown > mostGrown) {
        chosen = table
        mostGrown = grown
      }
    }
    return chosen
  }

  async function compactOne(): Promise<ReadonlyMap<string, LoadedTable>> {
    const table = chooseTable()
    if (table === undefined) return new Map()
    const { identifier } = table
    const rewritten = await unlessOvertaken(
      rewriteDataFiles(context, {
        cutsTable,
        identifier,
        afterCut: options.lastCut,
        writeGroup: options.writeGroup,
        ...(options.rules === undefined ? {} : { rules: options.rules }),
        ...(options.isTailPath === undefined ? {} : { isTailPath: options.isTailPath }),
      }),
    )
    if (rewritten !== undefined) {
      const { tables: moved, abandonedPaths } = rewritten
      for (const [key, head] of moved) heads.set(key, head)
      await queue.noteCommit({
        cutNumber: rewritten.afterCut,
        tables: moved.values(),
        abandonedPaths,
      })
    }
    const key = tableKey(identifier)
    plannedAt.set(key, fileCountOf(heads.get(key) ?? table))
    return rewritten?.tables ?? new Map<string, LoadedTable>()
  }

  return {
    start: () => queue.start(),
    async afterCut(cut) {
      for (const [key, table] of cut.tables) heads.set(key, table)
      await queue.noteCommit({
        cutNumber: cut.cutNumber,
        tables: cut.tables.values(),
        abandonedPaths: cut.abandonedPaths,
      })
      const moved = await compactOne()
      await queue.deleteDue()
      return moved
    },
    close: () => queue.flush(),
  }
}

/** Undefined where foreign commits were faster: the table is planned again when it grows on. */
async function unlessOvertaken<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (isErrorKind(error, 'commit-conflict')) return undefined
    throw error
  }
}

/** Live files by the head's own count. */
function fileCountOf({ metadata }: LoadedTable): number {
  const summary = currentSnapshot(metadata)?.summary
  const count = (key: string) => Number(summary?.[key] ?? 0)
  return count('total-data-files') + count('total-delete-files')
}

function distinct(tables: readonly TableIdentifier[]): TableIdentifier[] {
  return [...new Map(tables.map((table) => [tableKey(table), table])).values()]
}
