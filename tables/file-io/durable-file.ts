import { constants, copyFile, link, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * The few steps that make a file whole and durable before its name appears:
 *
 *   temporary file in the target folder -> fsync -> link or rename -> fsync of the folder
 *
 * so that after a crash a name holds all of its bytes or is not there.
 */

let temporaryCount = 0

/** The error code of a failed system call, if it was one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Writes a new temporary file beside `path` (folders are made), fsynced; returns its path. */
export async function writeTemporary(path: string, bytes: Uint8Array): Promise<string> {
  return createTemporary(path, async (temporary) => {
    const file = await open(temporary, 'wx')
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
  })
}

/** Copies `source` to a new temporary file beside `path` (folders are made), fsynced. */
export async function copyToTemporary(source: string, path: string): Promise<string> {
  return createTemporary(path, async (temporary) => {
    await copyFile(source, temporary, constants.COPYFILE_EXCL)
    await syncPath(temporary)
  })
}

/** Gives a temporary file its name, replacing what had it; durable on return. */
export async function renameDurably(source: string, path: string): Promise<void> {
  await rename(source, path)
  await syncPath(dirname(path))
}

/** Gives a temporary file its name; EEXIST where the name is taken. Durable on return. */
export async function linkDurably(temporary: string, path: string): Promise<void> {
  try {
    await link(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
  await syncPath(dirname(path))
}

/** Makes a folder and its parents, and makes their names durable. */
export async function makeFolderDurably(folder: string): Promise<void> {
  const firstMade = await mkdir(folder, { recursive: true })
  if (firstMade === undefined) return
  // Every folder between the first new one and the last has a new entry in its parent.
  let entry = folder
  while (entry.length >= firstMade.length) {
    await syncPath(dirname(entry))
    entry = dirname(entry)
  }
}

/** fsync of a file or a folder by path. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function createTemporary(
  path: string,
  fill: (temporary: string) => Promise<void>,
): Promise<string> {
  let isFolderMade = false
  for (;;) {
    temporaryCount += 1
    const name = `.${basename(path)}.${process.pid}-${temporaryCount}.tmp`
    const temporary = join(dirname(path), name)
    try {
      await fill(temporary)
      return temporary
    } catch (error) {
      const code = systemCode(error)
      // A process of the same number left it there when it died: take the next name.
      if (code === 'EEXIST') continue
      if (code === 'ENOENT' && !isFolderMade) {
        await makeFolderDurably(dirname(path))
        isFolderMade = true
        continue
      }
      await rm(temporary, { force: true }).catch(() => undefined)
      throw error
    }
  }
}
