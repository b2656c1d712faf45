import { createHash } from 'node:crypto'
import { copyFile, link, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'

import { type Clock, type IdSource, nowMs } from '../clock.ts'
import { systemCode } from './durable-file.ts'
import { otherSize } from './location.ts'

/** Writes the whole file to a path of its own, or throws. */
export type FetchFile = (targetPath: string) => Promise<void>

/** A folder of copies that processes share, and the links that one of them works with. */
export interface SharedCopies {
  /** A link to the copy of a location, fetched where there is no good one. */
  open(location: string, fetch: FetchFile, sizeBytes: number | undefined): Promise<OpenCopy>
  /** Takes over a local file as the copy of a location. */
  take(location: string, localPath: string): Promise<OpenCopy>
  /** Of all processes, the least recently used first. */
  list(): Promise<readonly Copy[]>
  remove(name: string): Promise<void>
}

export interface OpenCopy {
  /** Of this process alone: it stays until it is removed. */
  readonly path: string
  readonly sizeBytes: number
  /** False where the copy was there. */
  readonly isNew: boolean
}

export interface SharedCopiesOptions {
  /** Holds `files`, made where it is missing. */
  readonly folder: string
  /** On the same disk, for this process alone. */
  readonly ownFolder: string
  readonly clock: Clock
  readonly ids: IdSource
}

const PARQUET_END = 'PAR1'

/**
 * Copies lie at `<folder>/files`. What a process opens is a hard link in its own folder, so that
 * no other process can take a file from under a query.
 */
export function createSharedCopies(options: SharedCopiesOptions): SharedCopies {
  const { ownFolder, clock, ids } = options
  const files = join(options.folder, 'files')

  /** A name that is never given twice: what is removed under it is nobody else's by then. */
  const ownPathOf = (location: string): string =>
    join(ownFolder, `${ids.uuid()}${endingOf(location)}`)

  async function makeFolders(): Promise<void> {
    await Promise.all([mkdir(files, { recursive: true }), mkdir(ownFolder, { recursive: true })])
  }

  /** Fills a part of its own, which is gone afterwards, whatever happens. */
  async function placing(location: string, fill: FetchFile): Promise<OpenCopy> {
    const part = join(ownFolder, `${ids.uuid()}.part`)
    try {
      await fill(part)
      const { size } = await stat(part)
      const path = ownPathOf(location)
      // The own link first: what another process removes meanwhile is the shared name only.
      await linkOrCopy(part, path)
      await rename(part, join(files, copyNameOf(location)))
      return { path, sizeBytes: size, isNew: true }
    } finally {
      await rm(part, { force: true })
    }
  }

  return {
    open: async (location, fetch, sizeBytes) => {
      await makeFolders()
      const copy = join(files, copyNameOf(location))
      const path = ownPathOf(location)
      if (await linkIfThere(copy, path)) {
        const size = await wholeSize(path)
        if (size !== undefined && (sizeBytes === undefined || size === sizeBytes)) {
          await markUsed(path, clock)
          return { path, sizeBytes: size, isNew: false }
        }
        await Promise.all([rm(path, { force: true }), rm(copy, { force: true })])
      }
      return placing(location, async (part) => {
        await fetch(part)
        await checkFetched(part, location, sizeBytes)
      })
    },
    take: async (location, localPath) => {
      await makeFolders()
      return placing(location, (part) => moveOrCopy(localPath, part))
    },
    list: () => listCopies(files),
    remove: (name) => rm(join(files, name), { force: true }),
  }
}

/** Neither a store's separators nor a long name matters: a hash, and the ending for people. */
export function copyNameOf(location: string): string {
  return `${createHash('sha256').update(location).digest('hex')}${endingOf(location)}`
}

function endingOf(location: string): string {
  return /\.[a-z0-9]{1,8}$/i.exec(location)?.[0] ?? ''
}

async function linkIfThere(copy: string, own: string): Promise<boolean> {
  try {
    await linkOrCopy(copy, own)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

/** Some file systems have no hard links; a copy is as safe and takes its space. */
async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    await link(source, target)
  } catch (error) {
    const code = systemCode(error)
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EMLINK') throw error
    await copyFile(source, target)
  }
}

async function moveOrCopy(source: string, target: string): Promise<void> {
  try {
    await rename(source, target)
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error
    await copyFile(source, target)
    await rm(source, { force: true })
  }
}

async function markUsed(path: string, clock: Clock): Promise<void> {
  const seconds = nowMs(clock) / 1000
  // Another process may have removed the name that shares this file: no matter.
  await utimes(path, seconds, seconds).catch(() => undefined)
}

/**
 * A copy is not made durable, so after a power cut it may be short or end in zeros: its size and,
 * of a Parquet file, the last bytes of its footer tell.
 */
async function wholeSize(path: string): Promise<number | undefined> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    if (!path.endsWith('.parquet')) return size > 0 ? size : undefined
    const end = Buffer.alloc(PARQUET_END.length)
    const { bytesRead } = await file.read(end, 0, end.length, Math.max(0, size - end.length))
    const isEnded = bytesRead === end.length && end.toString('latin1') === PARQUET_END
    return isEnded ? size : undefined
  } finally {
    await file.close()
  }
}

async function checkFetched(
  path: string,
  location: string,
  sizeBytes: number | undefined,
): Promise<void> {
  const { size } = await stat(path)
  if (sizeBytes === undefined || size === sizeBytes) return
  throw otherSize(location, size, sizeBytes)
}

export interface Copy {
  readonly name: string
  readonly sizeBytes: number
  readonly usedMs: number
}

/** The least recently used first. */
async function listCopies(folder: string): Promise<readonly Copy[]> {
  const copies: Copy[] = []
  for (const name of await readdir(folder)) {
    const found = await stat(join(folder, name)).catch(() => undefined)
    if (found !== undefined) copies.push({ name, sizeBytes: found.size, usedMs: found.mtimeMs })
  }
  return copies.sort((a, b) => a.usedMs - b.usedMs)
}
