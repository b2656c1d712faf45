import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { createLakeTables } from '../../pipelines/lake/create-lake-tables.ts'
import { findLakeOrphans } from '../../pipelines/lake/find-lake-orphans.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { assembleLake } from '../../pipelines/lake/open-lake.ts'
import { allTables } from '../../shared-transforms/lake-tables.ts'
import type { Catalog } from '../../tables/catalog/catalog.ts'
import { openEmbeddedCatalog } from '../../tables/catalog/embedded-catalog.ts'
import { createMemoryCatalog } from '../../tables/catalog/memory-catalog.ts'
import { type Clock, randomIds, systemClock } from '../../tables/clock.ts'
import type { FileIO } from '../../tables/file-io/file-io.ts'
import { createLocalFileIO } from '../../tables/file-io/local-file-io.ts'
import { locationOfPath } from '../../tables/file-io/local-location.ts'
import { createRoutingFileIO } from '../../tables/file-io/routing-file-io.ts'
import { createTableReachability } from '../../tables/maintain/table-reachability.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { createTestClock, ENGINE_BESIDE_OTHERS } from './memory-lake.ts'

/** Where the tables of a test's lake lie, and how their store is reached. */
export interface StorePlace {
  /** A folder's location in the store. */
  readonly root: string
  /** Of this machine, for the catalog's file, scratch files and the lake's own notes. */
  readonly folder: string
  readonly clock: Clock
}

/** The FileIO of a lake whose tables are in a store and whose own notes are on local disk. */
function besideDisk(store: FileIO): FileIO {
  return createRoutingFileIO([createLocalFileIO(), store])
}

/**
 * A catalog that commits one table at a time. It outlives the processes that use it, and so does
 * its own way to the store: what befalls a writer's requests does not befall it.
 */
export function openTableWiseCatalog(store: FileIO, { root, clock }: StorePlace): Catalog {
  const parts = { warehouse: root, fileIO: besideDisk(store), clock, ids: randomIds }
  return createMemoryCatalog({ ...parts, isAtomic: false })
}

/**
 * What a process has of a lake that it opens: nothing in memory. Without a catalog that outlives
 * it, the lake's own is opened, whose pointers are in the folder.
 */
export async function openStoreLake(
  store: FileIO,
  place: StorePlace,
  kept?: Catalog,
): Promise<Lake> {
  const { root, folder, clock } = place
  const fileIO = besideDisk(store)
  const scratchDir = join(folder, `scratch-${randomIds.uuid()}`)
  await mkdir(scratchDir, { recursive: true })
  const path = join(folder, 'catalog.db')
  const own = { path, warehouse: root, fileIO, clock, ids: randomIds }
  const catalog = kept ?? openEmbeddedCatalog(own)
  await createLakeTables(catalog, allTables)
  return assembleLake({
    directory: undefined,
    location: locationOfPath(join(folder, 'lake')),
    ...{ fileIO, catalog, scratchDir, clock, ids: randomIds, engine: ENGINE_BESIDE_OTHERS },
    ...(kept === undefined ? {} : { journalFolder: `${root}/sluice/cuts.journals` }),
  })
}

/** The files of a store below a lake's root, by what knows of them. */
export interface StoreFiles {
  readonly all: readonly string[]
  /** What tables name. */
  readonly named: readonly string[]
  /** What the search for orphans finds once the files are old enough. */
  readonly orphans: readonly string[]
}

const TABLES = allTables.map(({ name }) => tableId(name))
const DAY_US = 86_400_000_000n

export async function readStoreFiles(lake: Lake, root: string): Promise<StoreFiles> {
  const { fileIO, manifestCache, catalog } = lake
  const named: string[] = []
  for (const identifier of TABLES) {
    const table = await catalog.loadTable(identifier)
    const reachability = createTableReachability({ fileIO, manifestCache })
    if (table !== undefined) await reachability.sync(table)
    named.push(...reachability.locations())
  }
  const all: string[] = []
  for await (const { location } of fileIO.list(root)) all.push(location)
  const orphans = await findOrphans(lake, false)
  return { all: all.sort(), named: named.sort(), orphans }
}

/** Deletes what is found; answers which files these were. */
export function removeOrphans(lake: Lake): Promise<readonly string[]> {
  return findOrphans(lake, true)
}

/** Asked in ten days: the files have the store's time, whatever time the market of a test has. */
async function findOrphans(lake: Lake, isDelete: boolean): Promise<readonly string[]> {
  const clock = createTestClock(systemClock.nowUs() + 10n * DAY_US)
  const olderThanMs = Number(DAY_US / 1000n)
  const found = await findLakeOrphans({ ...lake, clock }, { tables: TABLES, olderThanMs, isDelete })
  return found.map(({ location }) => location)
}
