import type { LoadedTable } from '../catalog/catalog.ts'
import { SluiceError } from '../errors.ts'
import { planScan } from '../scan/plan-scan.ts'
import { scanSql } from '../scan/scan-sql.ts'
import { tableKey } from '../spec/table-identifier.ts'
import { writeDataFiles, type WriteDataOptions } from '../write/write-data-files.ts'
import type { PlanContext } from './plan-context.ts'
import { removalOf } from './remove-rows.ts'
import type { TableChange } from './table-change.ts'

/**
 * Writes the live rows of some data files anew, in the table's order and sizes, in the place of
 * these files and of the deletes that name them alone. Changes no row; in format version 3 rows
 * keep their ids. Throws `invalid-input` for a file that is not in the current snapshot.
 */
export async function planReplaceFiles(
  context: PlanContext,
  table: LoadedTable,
  filePaths: readonly string[],
  options: WriteDataOptions = {},
): Promise<TableChange> {
  const { identifier, metadata } = table
  const { fileIO, manifestCache } = context
  const plan = await planScan({ fileIO, metadata, manifestCache })
  const wanted = new Set(filePaths)
  const tasks = plan.tasks.filter(({ file }) => wanted.has(file.filePath))
  if (tasks.length < wanted.size) throw notLive(table, wanted.size - tasks.length)
  const keepsLineage = metadata['format-version'] >= 3
  const rows = await scanSql({ ...plan, tasks }, fileIO, { withLineage: keepsLineage })
  return {
    identifier,
    operation: 'replace',
    addDataFiles: await writeDataFiles(context, metadata, rows, { ...options, keepsLineage }),
    addDeletes: [],
    ...removalOf(tasks),
    mustBeLive: [],
    baseSnapshotId: metadata['current-snapshot-id'] ?? null,
  }
}

function notLive(table: LoadedTable, missingCount: number): SluiceError {
  return new SluiceError(
    'invalid-input',
    `${missingCount} of the files to replace are not in the current snapshot of ` +
      `${tableKey(table.identifier)}. Nothing was written. Choose files that the table has now.`,
  )
}
