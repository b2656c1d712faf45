import type { LoadedTable } from '../catalog/catalog.ts'
import { writeDataFiles, type WriteDataOptions } from '../write/write-data-files.ts'
import type { PlanContext } from './plan-context.ts'
import type { TableChange } from './table-change.ts'

/**
 * Writes the rows of a query as new files of a table. The change fits on whatever others commit
 * meanwhile. Throws as `writeDataFiles`.
 */
export async function planAppend(
  context: PlanContext,
  table: LoadedTable,
  query: string,
  options: WriteDataOptions = {},
): Promise<TableChange> {
  return {
    identifier: table.identifier,
    operation: 'append',
    addDataFiles: await writeDataFiles(context, table.metadata, query, options),
    addDeletes: [],
    removePaths: [],
    removeDeletePaths: [],
    mustBeLive: [],
  }
}
