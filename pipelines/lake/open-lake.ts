import { mkdir, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { builtInModel, type LakeModel } from '../../shared-transforms/lake-model.ts'
import type { Catalog } from '../../tables/catalog/catalog.ts'
import type { ServedCatalog } from '../../tables/catalog/served-catalog.ts'
import type { Clock, IdSource } from '../../tables/clock.ts'
import { createEngine, type EngineLimits } from '../../tables/engine/engine.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { FileIO } from '../../tables/file-io/file-io.ts'
import { locationOfPath } from '../../tables/file-io/local-location.ts'
import { createManifestCache } from '../../tables/scan/manifest-cache.ts'
import { tableId } from '../../tables/spec/table-identifier.ts'
import { createLakeTables, type LakeFormatVersion } from './create-lake-tables.ts'
import { createLakeViews } from './create-lake-views.ts'
import { LAKE_LAYOUT_VERSION, type Lake } from './lake.ts'
import { checkLayout } from './lake-layout.ts'
import type { LakeSecrets } from './lake-secrets.ts'
import { namespaceLocation, openStores, settleStores } from './lake-stores.ts'
import type { LakeStores, OpenStores } from './lake-stores.ts'
import { type LakeCatalog, openLakeCatalog } from './open-lake-catalog.ts'
import { recordExtensions, requireColumns, requireExtensions } from './lake-extensions.ts'
import { readLakeFile, removeUnmadeLake, writeLakeFile, type LakeFile } from './lake-file.ts'
import { identifyProcess } from './process-identity.ts'
import { createScratchFolder, removeDeadScratchFolders, scratchParent } from './scratch-folder.ts'

export interface OpenLakeOptions {
  readonly directory: string
  readonly clock: Clock
  readonly ids: IdSource
  /** Make the folder and the tables where there is no lake yet; else that is an error. */
  readonly createIfMissing: boolean
  /** What the lake is made of; default: what Sluice itself knows. */
  readonly model?: LakeModel | undefined
  /**
   * Makes nothing, not even a table that is gone: for those who look whether all is there. Default
   * false.
   */
  readonly isInspected?: boolean
  /** A writer holds the lake: its views are made, and made anew where they are of an older form. */
  readonly isWriter?: boolean
  /** Of tables that are made now; default 2, which all engines read and write. */
  readonly formatVersion?: LakeFormatVersion
  /** The layout that the lake must have, by default the present one; for upgrades. */
  readonly layoutVersion?: number
  /** Of each engine that works on the lake. */
  readonly engine?: EngineLimits | undefined
  /** The REST catalog that keeps the tables; absent: as the lake was made, or its own. */
  readonly catalog?: LakeCatalog | undefined
  /** Where the tables are to lie; absent: as the lake was made, or in its folder. */
  readonly stores?: LakeStores | undefined
  /** For such a catalog, and for stores that are not this machine's disk. */
  readonly secrets?: LakeSecrets | undefined
}

/**
 * Opens the lake in a folder: its catalog, its stores and an engine.
 * @throws SluiceError `invalid-input` (no lake there, a moved lake, an extension of it that is not
 * loaded), `unsupported` (layout).
 */
export async function openLake(options: OpenLakeOptions): Promise<Lake> {
  const directory = resolve(options.directory)
  const location = locationOfPath(directory)
  const isNew = await prepareFolder(directory, location, options)
  await removeDeadScratchFolders(scratchParent())
  const scratchDir = await createScratchFolder(scratchParent(), await identifyProcess())
  const { clock, ids, catalog: wanted, secrets, model = builtInModel } = options
  const stores = await settleStores(directory, options.stores)
  const catalogOptions = { directory, location, stores, clock, ids, wanted }
  let opened: OpenStores | undefined
  let catalog: Catalog | undefined
  try {
    opened = await openStores({ directory, stores, secrets, clock, ids })
    const { fileIO } = opened
    catalog = await openLakeCatalog({ ...catalogOptions, fileIO, secrets: secrets?.catalog })
    if (options.isInspected !== true) {
      await recordExtensions(directory, model)
      await createLakeTables(catalog, model.tables, options.formatVersion, (namespace) =>
        namespaceLocation(stores, namespace),
      )
    }
    if (isNew || options.isWriter === true) await createLakeViews(catalog, model.views, clock)
    await requireColumns(catalog, model)
    const journalFolder = await journalFolderOf(catalog)
    return await assembleLake({
      ...{ ...options, directory, location, fileIO, catalog, journalFolder, scratchDir },
      stores: opened,
    })
  } catch (error) {
    // Without a table it is no lake yet: a corrected address must not be refused.
    const isUnmade = isNew && !(await hasTable(catalog))
    await catalog?.close()
    await opened?.close()
    await rm(scratchDir, { recursive: true, force: true })
    if (isUnmade) await removeUnmadeLake(directory)
    throw error
  }
}

/** True too where nobody can know. */
async function hasTable(catalog: Catalog | undefined): Promise<boolean> {
  if (catalog === undefined) return false
  try {
    const namespaces = await catalog.listNamespaces()
    const tables = await Promise.all(namespaces.map((levels) => catalog.listTables(levels)))
    return tables.flat().length > 0
  } catch {
    return true
  }
}

/** Beside the cuts table, where no removal of orphans looks. */
async function journalFolderOf(catalog: Catalog): Promise<string | undefined> {
  if (catalog.capabilities.atomicMultiTable) return undefined
  const cuts = await catalog.loadTable(tableId('sluice.cuts'))
  return cuts === undefined ? undefined : `${cuts.metadata.location}.journals`
}

/** True where the folder became a lake just now. */
async function prepareFolder(
  directory: string,
  location: string,
  options: OpenLakeOptions,
): Promise<boolean> {
  const file = await readLakeFile(directory)
  if (file !== undefined) {
    if (file.location !== location) throw moved(directory, file)
    checkLayout(directory, file.layoutVersion, options.layoutVersion)
    requireExtensions(directory, file, options.model ?? builtInModel)
    return false
  }
  if (!options.createIfMissing) throw noLake(directory)
  await mkdir(directory, { recursive: true })
  await writeLakeFile(directory, {
    layoutVersion: LAKE_LAYOUT_VERSION,
    lakeId: options.ids.uuid(),
    location,
    ...(options.catalog === undefined ? {} : { catalog: options.catalog }),
    ...(Object.keys(options.stores ?? {}).length === 0 ? {} : { stores: options.stores }),
  })
  return true
}

function moved(directory: string, file: LakeFile): SluiceError {
  return new SluiceError(
    'invalid-input',
    `The lake in ${directory} was at ${file.location} before, and its metadata names files ` +
      `there. Nothing was opened. Run \`sluice relocate --lake ${directory}\` to make it a lake ` +
      'of this place, or move the folder back.',
  )
}

/**
 * Answers what a folder says of its lake, without opening it.
 * @throws SluiceError `invalid-input` where there is none.
 */
export async function requireLake(directory: string): Promise<LakeFile> {
  const file = await readLakeFile(directory)
  if (file === undefined) throw noLake(directory)
  return file
}

function noLake(directory: string): SluiceError {
  return new SluiceError(
    'invalid-input',
    `There is no lake in ${directory}. Nothing was done. Start one with \`npm start\`, ` +
      '`sluice live` or `sluice backfill`, or name another folder with --lake DIR.',
  )
}

export interface AssembleLakeOptions {
  readonly model?: LakeModel | undefined
  readonly directory: string | undefined
  readonly location: string
  readonly fileIO: FileIO
  readonly catalog: Catalog
  readonly journalFolder?: string | undefined
  readonly scratchDir: string
  readonly clock: Clock
  readonly ids: IdSource
  readonly engine?: EngineLimits | undefined
  /** What belongs to its FileIO; absent for a store without local copies. */
  readonly stores?: OpenStores
}

/** An open lake over any store and catalog; the memory lakes of tests are made by it too. */
export async function assembleLake(options: AssembleLakeOptions): Promise<Lake> {
  const engineLimits = options.engine ?? {}
  const engine = await createEngine({ ...engineLimits, scratchDir: options.scratchDir })
  const { directory, location, fileIO, catalog, scratchDir, clock, ids } = options
  return {
    model: options.model ?? builtInModel,
    directory,
    location,
    fileIO,
    catalog,
    servedCatalog: isServed(catalog) ? catalog : undefined,
    journalFolder: options.journalFolder,
    engine,
    engineLimits,
    scratchDir,
    clock,
    ids,
    manifestCache: createManifestCache(),
    stores: options.stores?.settings ?? {},
    storeFolders: options.stores?.folders ?? [],
    holdCopies: options.stores?.holdCopies ?? (() => () => undefined),
    close: async () => {
      await engine.close()
      await catalog.close()
      await options.stores?.close()
      await rm(scratchDir, { recursive: true, force: true })
    },
  }
}

function isServed(catalog: Catalog): catalog is ServedCatalog {
  return 'name' in catalog && 'warehouse' in catalog
}
