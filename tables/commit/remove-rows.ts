import { planScan, type ScanPlan, type ScanTask } from '../scan/plan-scan.ts'
import { scanSql } from '../scan/scan-sql.ts'
import { contentKey } from '../spec/content-key.ts'
import type { TableMetadata } from '../spec/table-metadata.ts'
import { writeDataFiles } from '../write/write-data-files.ts'
import type { DeletedPositions } from '../write/write-position-deletes.ts'
import type { PlanContext } from './plan-context.ts'
import type { RowRange } from './row-range.ts'
import type { TableChange } from './table-change.ts'
import { referencedFileOf } from './validate-change.ts'
import { writeRowDeletes } from './write-row-deletes.ts'

/** The part of a change that takes rows out, by whatever means. */
export type Removal = Pick<
  TableChange,
  'addDataFiles' | 'addDeletes' | 'removePaths' | 'removeDeletePaths' | 'mustBeLive'
>

interface AffectedRows {
  /** Files of which every live row goes. */
  readonly whole: readonly ScanTask[]
  readonly partial: readonly ScanTask[]
}

/**
 * Takes the rows of a range out: files that lie in it whole go as they are, with the deletes that
 * name them alone; of files that lie partly in it the rows are deleted by position, or, where the
 * table's `write.delete.mode` is copy-on-write or its format version 1, the rest is written anew.
 */
export async function removeRows(
  context: PlanContext,
  metadata: TableMetadata,
  range: RowRange,
): Promise<Removal> {
  const { fileIO, manifestCache } = context
  const plan = await planScan({ fileIO, metadata, manifestCache, filter: range.filter })
  const { whole, partial } = await findAffected(context, plan, range)
  if (copiesOnWrite(metadata)) {
    const kept = await rewriteRest(context, metadata, { ...plan, tasks: partial }, range)
    const gone = [...whole, ...partial]
    return { ...removalOf(gone), addDataFiles: kept, addDeletes: [], mustBeLive: [] }
  }
  const positions = await findPositions(context, { ...plan, tasks: partial }, range)
  const deletes = await writeRowDeletes(context, metadata, positions)
  const { removePaths, removeDeletePaths } = removalOf(whole)
  return {
    ...deletes,
    addDataFiles: [],
    removePaths,
    removeDeletePaths: [...removeDeletePaths, ...deletes.removeDeletePaths],
  }
}

/** The files themselves, and the delete files that mean nothing without them. */
export function removalOf(
  tasks: readonly ScanTask[],
): Pick<Removal, 'removePaths' | 'removeDeletePaths'> {
  const paths = new Set(tasks.map((task) => task.file.filePath))
  const gone = tasks
    .flatMap((task) => task.deletes)
    .filter((deletes) => {
      const target = referencedFileOf(deletes)
      return target !== undefined && paths.has(target)
    })
  return { removePaths: [...paths], removeDeletePaths: [...new Set(gone.map(contentKey))] }
}

function copiesOnWrite(metadata: TableMetadata): boolean {
  const mode = metadata.properties['write.delete.mode']
  return metadata['format-version'] === 1 || mode === 'copy-on-write'
}

async function findAffected(
  context: PlanContext,
  plan: ScanPlan,
  { condition }: RowRange,
): Promise<AffectedRows> {
  if (plan.tasks.length === 0) return { whole: [], partial: [] }
  const rows = await scanSql(plan, context.fileIO, { withPosition: true })
  const counts = await context.session.rows<{ _file: string; live: bigint; hit: bigint }>(
    `SELECT _file, count(*) AS live, count(*) FILTER (WHERE ${condition}) AS hit ` +
      `FROM (${rows}) GROUP BY _file`,
  )
  const byFile = new Map(counts.map((row) => [row._file, row]))
  const hit = plan.tasks.filter(({ file }) => (byFile.get(file.filePath)?.hit ?? 0n) > 0n)
  const isWhole = ({ file }: ScanTask): boolean => {
    const row = byFile.get(file.filePath)
    return row !== undefined && row.hit === row.live
  }
  return { whole: hit.filter(isWhole), partial: hit.filter((task) => !isWhole(task)) }
}

async function findPositions(
  context: PlanContext,
  plan: ScanPlan,
  { condition }: RowRange,
): Promise<readonly DeletedPositions[]> {
  if (plan.tasks.length === 0) return []
  const rows = await scanSql(plan, context.fileIO, { withPosition: true })
  const found = await context.session.rows<{ _file: string; _pos: bigint }>(
    `SELECT _file, _pos FROM (${rows}) WHERE ${condition}`,
  )
  const byFile = new Map(plan.tasks.map(({ file }) => [file.filePath, [] as bigint[]]))
  for (const { _file, _pos } of found) byFile.get(_file)?.push(_pos)
  return plan.tasks.map(({ file }) => ({ file, positions: byFile.get(file.filePath) ?? [] }))
}

/** The rows that stay of files that go. In version 3 they stay who they are. */
async function rewriteRest(
  context: PlanContext,
  metadata: TableMetadata,
  plan: ScanPlan,
  { condition }: RowRange,
) {
  if (plan.tasks.length === 0) return []
  const keepsLineage = metadata['format-version'] >= 3
  const rows = await scanSql(plan, context.fileIO, { withLineage: keepsLineage })
  const query = `SELECT * FROM (${rows}) WHERE (${condition}) IS NOT TRUE`
  return writeDataFiles(context, metadata, query, { keepsLineage })
}
