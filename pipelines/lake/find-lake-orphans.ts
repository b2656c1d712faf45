import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import type { FileStat } from '../../tables/file-io/file-io.ts'
import {
  findOrphanFiles,
  removeOrphanFiles,
  type OrphanRequest,
} from '../../tables/maintain/remove-orphan-files.ts'
import { type TableIdentifier, tableKey } from '../../tables/spec/table-identifier.ts'
import type { Lake } from './lake.ts'

export interface LakeOrphanOptions {
  readonly tables: readonly TableIdentifier[]
  readonly olderThanMs: number
  /** Whether they are deleted; else they are only listed. */
  readonly isDelete: boolean
}

/**
 * Files of tables that nothing names, whichever table of the catalog it might be that names them.
 * @throws SluiceError as `findOrphanFiles`.
 */
export async function findLakeOrphans(
  lake: Lake,
  options: LakeOrphanOptions,
): Promise<readonly FileStat[]> {
  const { fileIO, manifestCache, clock, catalog } = lake
  const wanted = new Set(options.tables.map(tableKey))
  const all: LoadedTable[] = []
  for (const namespace of await catalog.listNamespaces()) {
    for (const identifier of await catalog.listTables(namespace)) {
      const table = await catalog.loadTable(identifier)
      if (table !== undefined) all.push(table)
    }
  }
  const isWanted = (table: LoadedTable) => wanted.has(tableKey(table.identifier))
  const request: OrphanRequest = {
    reader: { fileIO, manifestCache },
    clock,
    tables: all.filter(isWanted),
    neighbours: all.filter((table) => !isWanted(table)),
    olderThanMs: options.olderThanMs,
  }
  return options.isDelete ? removeOrphanFiles(request) : findOrphanFiles(request)
}
