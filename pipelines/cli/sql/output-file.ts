import { lstat, mkdir, open, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { IdSource } from '../../../tables/clock.ts'
import { SluiceError } from '../../../tables/errors.ts'

/**
 * Writes a file as a whole: `write` fills a new file in a folder of its own beside the target,
 * which then takes the target's name, in place of what was there. Where it throws, the target
 * stays as it was.
 * @throws SluiceError `invalid-input` where the target cannot be a file.
 */
export async function writeOutputFile<T>(
  path: string,
  ids: IdSource,
  write: (partialFile: string) => Promise<T>,
): Promise<T> {
  const target = await targetOf(path)
  const folder = join(dirname(target), `.${basename(target)}.${ids.uuid()}.partial`)
  await mkdir(folder).catch((cause: unknown) => {
    throw notWritable(path, `its folder cannot be written (${reasonOf(cause)})`, cause)
  })
  try {
    const partialFile = join(folder, basename(target))
    const result = await write(partialFile)
    await syncFile(partialFile)
    await rename(partialFile, target)
    return result
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Where a link points to, so that the link stays one. */
async function targetOf(path: string): Promise<string> {
  const target = await realpath(path).catch(() => resolve(path))
  const stats = await lstat(target).catch(() => undefined)
  if (stats === undefined || stats.isFile()) return target
  throw notWritable(path, stats.isDirectory() ? 'it is a folder' : 'it is no regular file')
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function notWritable(path: string, why: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'invalid-input',
    `${path} of --output cannot be written: ${why}. Nothing was run. Name a file in a folder that ` +
      'is there.',
    { cause },
  )
}

function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}
