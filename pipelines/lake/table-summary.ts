import { ancestors, currentSnapshot, cutNumberOf } from '../../tables/spec/cut-history.ts'
import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import type { TableMetadata } from '../../tables/spec/table-metadata.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import type { Lake } from './lake.ts'

/** What a table's head says of itself; no data file is opened for it. */
export interface TableSummary {
  readonly namespace: string
  readonly table: string
  /** Live rows: position deletes are taken off. */
  readonly rowCount: number
  readonly fileCount: number
  readonly sizeBytes: number
  readonly snapshotCount: number
  /** The last cut that touched it; undefined before the first. */
  readonly lastCut: number | undefined
  readonly snapshotId: bigint | undefined
  readonly doc: string
}

/** All tables of the lake in the order of the layers. */
export async function readTableSummaries(lake: Lake): Promise<readonly TableSummary[]> {
  const summaries: TableSummary[] = []
  for (const { name, doc } of lake.model.tables) {
    const loaded = await lake.catalog.loadTable(tableId(name))
    if (loaded !== undefined) summaries.push(summarizeTable(loaded, doc))
  }
  return summaries
}

/** What a table's current snapshot says of itself. */
export function summarizeTable({ identifier, metadata }: LoadedTable, doc: string): TableSummary {
  const head = currentSnapshot(metadata)
  const total = (name: string): number => Number(head?.summary[`total-${name}`] ?? '0')
  return {
    namespace: identifier.namespace.join('.'),
    table: identifier.name,
    rowCount: total('records') - total('position-deletes'),
    fileCount: total('data-files') + total('delete-files'),
    sizeBytes: total('files-size'),
    snapshotCount: metadata.snapshots.length,
    lastCut: lastCutOf(metadata),
    snapshotId: metadata['current-snapshot-id'],
    doc,
  }
}

/** Maintenance and foreign commits carry no cut number, so their parents are asked. */
function lastCutOf(metadata: TableMetadata): number | undefined {
  for (const snapshot of ancestors(metadata)) {
    const cutNumber = cutNumberOf(snapshot)
    if (cutNumber !== undefined) return cutNumber
  }
  return undefined
}
