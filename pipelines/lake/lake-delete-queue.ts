import { createDeleteQueue, type DeleteQueue } from '../../tables/maintain/delete-queue.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import type { Lake } from './lake.ts'

/**
 * A queue of files that no snapshot of a lake names any more.
 * @param onlyRecords true beside a stream, which deletes
 */
export function createLakeDeleteQueue(
  lake: Lake,
  maxQueryDurationMs?: number,
  onlyRecords = false,
): DeleteQueue {
  const { fileIO, manifestCache } = lake
  return createDeleteQueue({
    catalog: lake.catalog,
    reader: { fileIO, manifestCache },
    clock: lake.clock,
    tables: lake.model.tables.map(({ name }) => tableId(name)),
    lakeLocation: lake.location,
    onlyRecords,
    ...(maxQueryDurationMs === undefined ? {} : { maxQueryDurationMs }),
  })
}
