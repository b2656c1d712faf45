import { readdir, realpath, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { readPointers, relocatePointers } from '../../tables/catalog/relocate-pointers.ts'
import type { Clock, IdSource } from '../../tables/clock.ts'
import { createEngine, type EngineLimits } from '../../tables/engine/engine.ts'
import { SluiceError } from '../../tables/errors.ts'
import type { FileIO } from '../../tables/file-io/file-io.ts'
import { createLocalFileIO } from '../../tables/file-io/local-file-io.ts'
import { locationOfPath, pathOfLocation } from '../../tables/file-io/local-location.ts'
import { decodeDeleteRecord, encodeDeleteRecord } from '../../tables/maintain/delete-record.ts'
import { relocateTables, type RelocatedTables } from '../../tables/maintain/relocate-metadata.ts'
import { createRelocation, type Relocation } from '../../tables/maintain/relocation.ts'
import { readLakeFile, writeLakeFile } from './lake-file.ts'
import { acquireLakeLock } from './lake-lock.ts'
import { requireLake } from './open-lake.ts'
import { identifyProcess } from './process-identity.ts'
import { createScratchFolder, scratchParent } from './scratch-folder.ts'

export interface RelocateOptions {
  readonly directory: string
  readonly clock: Clock
  readonly ids: IdSource
  /** As `openLake` takes it. */
  readonly engine?: EngineLimits
  /** By default this machine's disk. */
  readonly fileIO?: FileIO
}

export interface RelocatedLake {
  readonly from: string
  readonly to: string
  /** False where the lake is of this place already: nothing was done. */
  readonly isMoved: boolean
  /** A lake is still there, of which this one is a copy. */
  readonly isCopy: boolean
  /** Views too. */
  readonly tableCount: number
  readonly metadataFileCount: number
  readonly manifestListCount: number
  readonly manifestCount: number
  readonly deleteFileCount: number
  readonly deleteRecordCount: number
}

/**
 * Makes a lake whose folder was moved or copied a lake of the place where it is now: what names
 * files by absolute locations is written anew, beside the old, and then all pointers move at one
 * instant; `lake.json` says the new place last. Cut off anywhere, it is simply called again. The
 * old place is only looked at.
 * @throws SluiceError `invalid-input` where there is no lake, or the folder is the old one under
 * another name, `commit-conflict` while a process uses it, `corrupt-data` where a file is missing.
 */
export async function relocateLake(options: RelocateOptions): Promise<RelocatedLake> {
  const directory = resolve(options.directory)
  const to = locationOfPath(directory)
  const { clock, ids } = options
  const { location: from, lakeId } = await requireLake(directory)
  if (from === to) return nothingToDo(to)
  const relocation = createRelocation(from, to)
  const isCopy = await checkOldPlace(directory, from, lakeId)
  const lock = await acquireLakeLock({ directory, purpose: 'sluice relocate', clock, ids })
  try {
    const fileIO = options.fileIO ?? createLocalFileIO()
    const tables = await moveTables({ ...options, directory, fileIO }, relocation)
    const deleteRecordCount = await moveDeleteRecords(fileIO, relocation)
    const { catalogUrl: _, ...file } = await requireLake(directory)
    await writeLakeFile(directory, { ...file, location: to })
    // From here on nothing names them; what is left by a crash is an orphan.
    for (const location of tables.replaced) await fileIO.delete(location)
    return {
      from,
      to,
      isMoved: true,
      isCopy,
      tableCount: tables.tableCount,
      metadataFileCount: tables.metadata.size,
      manifestListCount: tables.counts.manifestLists,
      manifestCount: tables.counts.manifests,
      deleteFileCount: tables.counts.deleteFiles,
      deleteRecordCount,
    }
  } finally {
    await lock.release()
  }
}

function nothingToDo(location: string): RelocatedLake {
  return {
    from: location,
    to: location,
    isMoved: false,
    isCopy: false,
    tableCount: 0,
    metadataFileCount: 0,
    manifestListCount: 0,
    manifestCount: 0,
    deleteFileCount: 0,
    deleteRecordCount: 0,
  }
}

/** Writes all tables anew and moves the pointers; those that are moved already stay. */
async function moveTables(
  { directory, fileIO, ids, engine: limits }: RelocateOptions & { readonly fileIO: FileIO },
  relocation: Relocation,
): Promise<RelocatedTables & { readonly tableCount: number }> {
  const catalogPath = join(directory, 'catalog.db')
  const pointers = readPointers(catalogPath)
  const due = pointers.filter((pointer) => relocation.moved(pointer) !== pointer)
  const scratchDir = await createScratchFolder(scratchParent(), await identifyProcess())
  const engine = await createEngine({ ...limits, scratchDir })
  try {
    const session = await engine.connect()
    const tables = await relocateTables({ session, fileIO, ids, scratchDir }, due, relocation)
    session.close()
    relocatePointers(catalogPath, tables.metadata, relocation.moved)
    return { ...tables, tableCount: due.length }
  } finally {
    await engine.close()
    await rm(scratchDir, { recursive: true, force: true })
  }
}

/** Files that wait to be deleted are named in the lake too. */
async function moveDeleteRecords(fileIO: FileIO, relocation: Relocation): Promise<number> {
  let count = 0
  for await (const { location } of fileIO.list(`${relocation.to}/_sluice/deletes/`)) {
    if (!location.endsWith('.json')) continue
    const record = decodeDeleteRecord(location, await fileIO.read(location))
    const groups = record.groups.map(({ dueUs, locations }) => {
      return { dueUs, locations: locations.map((one) => relocation.moved(one)) }
    })
    await fileIO.write(location, encodeDeleteRecord({ ...record, groups }))
    count += 1
  }
  return count
}

/**
 * Whether the lake still lies at the old place too.
 * @throws SluiceError `invalid-input` where the old place is this very folder.
 */
async function checkOldPlace(directory: string, from: string, lakeId: string): Promise<boolean> {
  const oldDirectory = pathOfLocation(from)
  const isThere = await readdir(oldDirectory).then(
    () => true,
    () => false,
  )
  if (!isThere) return false
  if ((await realpath(oldDirectory)) === (await realpath(directory))) {
    throw new SluiceError(
      'invalid-input',
      `${directory} and ${oldDirectory} are one folder under two names. Nothing was changed. ` +
        `Open the lake as ${oldDirectory}.`,
    )
  }
  const old = await readLakeFile(oldDirectory)
  return old?.lakeId === lakeId
}
