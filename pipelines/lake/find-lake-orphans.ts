import type { LoadedTable } from '../../tables/catalog/catalog.ts'
import { nowMs } from '../../tables/clock.ts'
import { isJournal } from '../../tables/commit/cut-journal.ts'
import { mapBounded } from '../../tables/commit/snapshot-manifests.ts'
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

const CUTS = 'sluice.cuts'
const DELETES_AT_ONCE = 8

/**
 * Files of tables that nothing names, whichever table of the catalog it might be that names them;
 * with those of sluice.cuts, what writers left beside the journals of cuts. Journals themselves
 * stay: the next start settles them.
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
  const work = options.isDelete ? removeOrphanFiles : findOrphanFiles
  const orphans = await work(request)
  const beside = wanted.has(CUTS) ? await findBesideJournals(lake, options.olderThanMs) : []
  if (options.isDelete) await mapBounded(beside, ({ location }) => fileIO.delete(location), DELETES_AT_ONCE)
  return [...orphans, ...beside]
}

/** A journal that never got its name, or what asked a store whether it takes a name only once. */
async function findBesideJournals(lake: Lake, olderThanMs: number): Promise<FileStat[]> {
  const { fileIO, clock, journalFolder } = lake
  if (journalFolder === undefined) return []
  const untilMs = nowMs(clock) - olderThanMs
  const found: FileStat[] = []
  for await (const file of fileIO.list(`${journalFolder}/`)) {
    if (file.modifiedMs < untilMs && !isJournal(file.location)) found.push(file)
  }
  return found
}
