import type { LoadedTable } from '../catalog/catalog.ts'
import type { ColumnPredicate } from '../scan/column-predicate.ts'
import type { PlanContext } from './plan-context.ts'
import { removeRows } from './remove-rows.ts'
import { rangeTouches } from './row-range.ts'
import type { TableChange } from './table-change.ts'

/**
 * Deletes the rows for which an SQL condition over the table's columns is true. `filter` holds for
 * each of them and spares reading files; without it all are read. Foreign rows that may fulfil the
 * condition and come before the commit make it a conflict.
 */
export async function planDeleteWhere(
  context: PlanContext,
  table: LoadedTable,
  condition: string,
  filter: readonly ColumnPredicate[] = [],
): Promise<TableChange> {
  const { identifier, metadata } = table
  const range = { condition, filter }
  const removal = await removeRows(context, metadata, range)
  return {
    identifier,
    // Files of the rows that stay are additions to whoever follows changes.
    operation: removal.addDataFiles.length > 0 ? 'overwrite' : 'delete',
    ...removal,
    baseSnapshotId: metadata['current-snapshot-id'] ?? null,
    isTouchedByForeign: rangeTouches(metadata, range),
  }
}
