import type { LoadedTable } from '../catalog/catalog.ts'
import type { ColumnPredicate } from '../scan/column-predicate.ts'
import { writeDataFiles, type WriteDataOptions } from '../write/write-data-files.ts'
import type { PlanContext } from './plan-context.ts'
import { removeRows } from './remove-rows.ts'
import { rangeOfPredicates, rangeTouches } from './row-range.ts'
import type { TableChange } from './table-change.ts'

/**
 * Puts the rows of a query in the place of all rows that pass the predicates (none: all rows).
 * Foreign rows that come into the range before the commit make it a conflict: the query did not
 * see them. New rows need not lie in the range themselves. Throws as `writeDataFiles`.
 */
export async function planOverwrite(
  context: PlanContext,
  table: LoadedTable,
  filter: readonly ColumnPredicate[],
  query: string,
  options: WriteDataOptions = {},
): Promise<TableChange> {
  const { identifier, metadata } = table
  const range = rangeOfPredicates(metadata, filter)
  const removal = await removeRows(context, metadata, range)
  const added = await writeDataFiles(context, metadata, query, options)
  return {
    identifier,
    operation: 'overwrite',
    ...removal,
    addDataFiles: [...added, ...removal.addDataFiles],
    baseSnapshotId: metadata['current-snapshot-id'] ?? null,
    isTouchedByForeign: rangeTouches(metadata, range),
  }
}
