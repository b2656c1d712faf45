import type { CommitContext } from '../commit/commit-context.ts'
import { commitMaintenance, type CommittedMaintenance } from '../commit/commit-maintenance.ts'
import { loadTables, tableOf } from '../commit/fence.ts'
import { loadTailPaths } from '../commit/snapshot-manifests.ts'
import type { Session } from '../engine/engine.ts'
import { SluiceError } from '../errors.ts'
import { planScan, type ScanPlan, type ScanTask } from '../scan/plan-scan.ts'
import { scanSql } from '../scan/scan-sql.ts'
import { contentKey } from '../spec/content-key.ts'
import type { DataFile } from '../spec/manifest.ts'
import { type TableIdentifier, tableKey } from '../spec/table-identifier.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { writeDataFiles, type WriteDataOptions } from '../write/write-data-files.ts'
import {
  type CompactionGroup,
  type CompactionRules,
  defaultCompaction,
  planCompaction,
} from './plan-compaction.ts'

/** Writes the rows of a group, deleted ones left out, as new data files of the same partition. */
export type WriteGroup = (
  metadata: TableMetadata,
  plan: ScanPlan,
  group: CompactionGroup<ScanTask>,
) => Promise<readonly DataFile[]>

export interface RewriteRequest {
  readonly cutsTable: TableIdentifier
  readonly identifier: TableIdentifier
  /** The writer's last cut; see `MaintenanceRequest`. */
  readonly afterCut: () => number
  readonly writeGroup: WriteGroup
  readonly rules?: CompactionRules
  /** Chooses what to rewrite instead of `rules`; the paths that it is given are left alone. */
  readonly plan?: (
    files: readonly ScanTask[],
    keptPaths: ReadonlySet<string>,
    metadata: TableMetadata,
  ) => readonly CompactionGroup<ScanTask>[]
  /** Further files to leave alone, beside those of the tail's manifest. */
  readonly isTailPath?: (filePath: string) => boolean
}

export interface RewrittenFiles extends CommittedMaintenance {
  readonly removedFileCount: number
  readonly addedFileCount: number
}

/**
 * Compacts one table, the cuts table too: plans, rewrites, and commits it as `replace`. Rows are
 * kept, deletes of the rewritten files are folded in, the tail is left alone.
 * @returns undefined where nothing is to be rewritten
 * @throws SluiceError `commit-conflict` where a rewritten file changed meanwhile: nothing became
 * visible, plan again later.
 */
export async function rewriteDataFiles(
  context: CommitContext,
  request: RewriteRequest,
): Promise<RewrittenFiles | undefined> {
  const tables = await loadTables(context, [request.identifier])
  const { metadata } = tableOf(tables, request.identifier)
  const baseSnapshotId = metadata['current-snapshot-id']
  if (baseSnapshotId === undefined) return undefined
  const { fileIO, manifestCache } = context
  const plan = await planScan({ fileIO, metadata, manifestCache })
  const kept = await keptPaths(context, request, plan, metadata)
  const groups =
    request.plan?.(plan.tasks, kept, metadata) ??
    planCompaction(plan.tasks, kept, request.rules ?? defaultCompaction)
  if (groups.length === 0) return undefined
  const added: DataFile[] = []
  for (const group of groups) {
    const files = await request.writeGroup(metadata, plan, group)
    checkRows(request.identifier, group, files)
    added.push(...files)
  }
  const removePaths = groups.flatMap((group) => group.files.map((one) => one.file.filePath))
  const committed = await commitMaintenance(context, {
    cutsTable: request.cutsTable,
    afterCut: request.afterCut,
    token: context.ids.uuid(),
    changes: [
      {
        identifier: request.identifier,
        operation: 'replace',
        addDataFiles: added,
        addDeletes: [],
        removePaths,
        removeDeletePaths: groups.flatMap((group) => group.goneDeletes.map(contentKey)),
        mustBeLive: [],
        baseSnapshotId,
      },
    ],
  })
  const removedFileCount = removePaths.length
  return { ...committed, removedFileCount, addedFileCount: added.length }
}

/** Writes groups by the engine, in the table's order unless `sortBy` names columns. */
export function groupWriter(
  context: CommitContext,
  engine: { readonly session: Session; readonly scratchDir: string },
  options: Pick<WriteDataOptions, 'sortBy'> = {},
): WriteGroup {
  return async (metadata, plan, group) => {
    // Rows that only move to another file stay who they are.
    const keepsLineage = metadata['format-version'] >= 3
    const scanned = { ...plan, tasks: group.files }
    const rows = await scanSql(scanned, context.fileIO, { withLineage: keepsLineage })
    const { fileIO, ids } = context
    const { maxRows } = group
    return writeDataFiles({ ...engine, fileIO, ids }, metadata, rows, {
      ...options,
      keepsLineage,
      ...(maxRows === undefined ? {} : { maxRows }),
    })
  }
}

async function keptPaths(
  context: CommitContext,
  request: RewriteRequest,
  plan: ScanPlan,
  metadata: TableMetadata,
): Promise<ReadonlySet<string>> {
  const kept = new Set(await loadTailPaths(context, metadata))
  for (const { file } of plan.tasks) {
    if (request.isTailPath?.(file.filePath) ?? false) kept.add(file.filePath)
  }
  return kept
}

/** A rewrite that loses or doubles a row must never be committed. */
function checkRows(
  table: TableIdentifier,
  group: CompactionGroup<ScanTask>,
  files: readonly DataFile[],
): void {
  const before = group.files.reduce((sum, one) => sum + one.file.recordCount, 0)
  const after = files.reduce((sum, file) => sum + file.recordCount, 0)
  const hasDeletes = group.files.some((one) => one.deletes.length > 0)
  if (after === before || (hasDeletes && after < before)) return
  throw new SluiceError(
    'corrupt-data',
    `Rewriting ${group.files.length} files of ${tableKey(table)} made ${after} rows of ` +
      `${before}. Nothing was committed. Check the files: their manifest or their footer lies.`,
    { context: { table: tableKey(table), before, after } },
  )
}
