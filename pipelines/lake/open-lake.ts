import { mkdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { openEmbeddedCatalog } from '../../tables/catalog/embedded-catalog.ts'
import type { Clock, IdSource } from '../../tables/clock.ts'
import { createEngine } from '../../tables/engine/engine.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { FileIO } from '../../tables/file-io/file-io.ts'
import { locationOfPath } from '../../tables/file-io/local-location.ts'
import { createLocalFileIO } from '../../tables/file-io/local-file-io.ts'
import { createManifestCache } from '../../tables/scan/manifest-cache.ts'
import { createLakeTables, type LakeFormatVersion } from './create-lake-tables.ts'
import { LAKE_LAYOUT_VERSION, type Lake } from './lake.ts'
import { checkLayout } from './lake-layout.ts'
import { readLakeFile, writeLakeFile, type LakeFile } from './lake-file.ts'
import { identifyProcess } from './process-identity.ts'
import { createScratchFolder, removeDeadScratchFolders, scratchParent } from './scratch-folder.ts'

export interface OpenLakeOptions {
  readonly directory: string
  readonly clock: Clock
  readonly ids: IdSource
  /** Make the folder and the tables where there is no lake yet; else that is an error. */
  readonly createIfMissing: boolean
  /** Of tables that are made now; default 2, which all engines read and write. */
  readonly formatVersion?: LakeFormatVersion
  /** The layout that the lake must have, by default the present one; for upgrades. */
  readonly layoutVersion?: number
  /** The engine's memory bound, in DuckDB's words (`512MB`). */
  readonly memoryLimit?: string
}

/**
 * Opens the lake in a folder: its catalog, its stores and an engine.
 * @throws SluiceError `invalid-input` (no lake there, a moved lake), `unsupported` (layout).
 */
export async function openLake(options: OpenLakeOptions): Promise<Lake> {
  const directory = resolve(options.directory)
  const location = locationOfPath(directory)
  await prepareFolder(directory, location, options)
  await removeDeadScratchFolders(scratchParent())
  const scratchDir = await createScratchFolder(scratchParent(), await identifyProcess())
  const fileIO = createLocalFileIO()
  const catalog = openEmbeddedCatalog({
    path: join(directory, 'catalog.db'),
    warehouse: `${location}/warehouse`,
    fileIO,
    clock: options.clock,
    ids: options.ids,
  })
  const lake = await assembleLake({ ...options, directory, location, fileIO, catalog, scratchDir })
  await createLakeTables(lake.catalog, options.formatVersion)
  return lake
}

async function prepareFolder(
  directory: string,
  location: string,
  options: OpenLakeOptions,
): Promise<void> {
  const file = await readLakeFile(directory)
  if (file !== undefined) {
    if (file.location !== location) throw moved(directory, file)
    return checkLayout(directory, file.layoutVersion, options.layoutVersion)
  }
  if (!options.createIfMissing) throw noLake(directory)
  await mkdir(directory, { recursive: true })
  await writeLakeFile(directory, {
    layoutVersion: LAKE_LAYOUT_VERSION,
    lakeId: options.ids.uuid(),
    location,
  })
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
  readonly directory: string | undefined
  readonly location: string
  readonly fileIO: FileIO
  readonly catalog: Lake['catalog']
  readonly scratchDir: string
  readonly clock: Clock
  readonly ids: IdSource
  readonly memoryLimit?: string
}

/** An open lake over any store and catalog; the memory lakes of tests are made by it too. */
export async function assembleLake(options: AssembleLakeOptions): Promise<Lake> {
  const engine = await createEngine({
    scratchDir: options.scratchDir,
    ...(options.memoryLimit === undefined ? {} : { memoryLimit: options.memoryLimit }),
  })
  const { directory, location, fileIO, catalog, scratchDir, clock, ids } = options
  return {
    directory,
    location,
    fileIO,
    catalog,
    engine,
    scratchDir,
    clock,
    ids,
    manifestCache: createManifestCache(),
    close: async () => {
      await engine.close()
      await catalog.close()
      await rm(scratchDir, { recursive: true, force: true })
    },
  }
}
