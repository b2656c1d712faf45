import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { SluiceError } from '../../tables/errors.ts'

/** `lake.json`: what a folder must say to be opened as a lake. */
const lakeFileSchema = z.looseObject({
  layoutVersion: z.number().int(),
  lakeId: z.string(),
  /** The folder's URI when the lake was made: metadata holds absolute URIs below it. */
  location: z.string(),
  catalogUrl: z.string().optional(),
  /** Extensions that have tables in it. */
  extensions: z.array(z.string()).optional(),
})

export type LakeFile = z.infer<typeof lakeFileSchema>

const FILE_NAME = 'lake.json'

/**
 * Reads `lake.json`, of whatever layout; undefined where the folder holds none.
 * @throws SluiceError `corrupt-data` for a broken file, `storage-unavailable`.
 */
export async function readLakeFile(directory: string): Promise<LakeFile | undefined> {
  const path = join(directory, FILE_NAME)
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new SluiceError(
      'storage-unavailable',
      `${path} cannot be read. Nothing was opened. Check the folder's permissions.`,
      { cause: error },
    )
  }
  return parseLakeFile(path, text)
}

function parseLakeFile(path: string, text: string): LakeFile {
  try {
    return lakeFileSchema.parse(JSON.parse(text))
  } catch (error) {
    throw new SluiceError(
      'corrupt-data',
      `${path} is not a lake file. Nothing was opened. Restore it from a backup of the lake.`,
      { cause: error },
    )
  }
}

/** Writes `lake.json` so that a reader sees the old content or the new one, never a part. */
export async function writeLakeFile(directory: string, file: LakeFile): Promise<void> {
  const path = join(directory, FILE_NAME)
  const temporary = `${path}.${process.pid}.new`
  await writeFile(temporary, `${JSON.stringify(file, null, 2)}\n`, { flush: true })
  await rename(temporary, path)
}

/** What a lake has before its first table; the folder is no lake any more. */
export async function removeUnmadeLake(directory: string): Promise<void> {
  for (const name of ['catalog.db', 'catalog.db-wal', 'catalog.db-shm', FILE_NAME]) {
    await rm(join(directory, name), { force: true })
  }
}

/** Stores where the lake's catalog is served, for `sluice status` and other processes. */
export async function recordCatalogUrl(directory: string, catalogUrl: string): Promise<void> {
  const file = await readLakeFile(directory)
  if (file === undefined) {
    throw new SluiceError(
      'invalid-input',
      `${directory} holds no lake. The catalog's address was not stored.`,
    )
  }
  await writeLakeFile(directory, { ...file, catalogUrl })
}
