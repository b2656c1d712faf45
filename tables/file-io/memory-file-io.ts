import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { type Clock, nowMs, systemClock } from '../clock.ts'
import { systemCode } from './durable-file.ts'
import type { FileIO, FileStat } from './file-io.ts'
import { fileExists, fileNameOf, missingFile, otherSize, shortFile } from './location.ts'
import { locationOfPath } from './local-location.ts'

interface StoredFile {
  readonly bytes: Uint8Array
  readonly modifiedMs: number
}

export interface MemoryFileIOOptions {
  /** Where the copies lie that `localPath` makes for the engine. The caller removes it. */
  readonly scratchDir: string
  /** Gives files their times; the machine's clock where it is left out. */
  readonly clock?: Clock
}

/**
 * Files in this object's memory (`memory://…`): for tests, and honest ones: it fails as a store
 * does. Two of them share nothing.
 */
export function createMemoryFileIO({
  scratchDir,
  clock = systemClock,
}: MemoryFileIOOptions): FileIO {
  const files = new Map<string, StoredFile>()
  const copies = createCopies(scratchDir)

  async function store(location: string, bytes: Uint8Array): Promise<void> {
    files.set(location, { bytes, modifiedMs: nowMs(clock) })
    await copies.drop(location)
  }

  function stored(location: string): StoredFile {
    const file = files.get(location)
    if (file === undefined) throw missingFile(location)
    return file
  }

  return {
    schemes: ['memory'],
    capabilities: { createIfAbsent: true },
    read: async (location, range) => {
      const { bytes } = stored(location)
      if (range === undefined) return bytes.slice()
      const end = range.offset + range.length
      if (end > bytes.length) throw shortFile(location, end, bytes.length)
      return bytes.slice(range.offset, end)
    },
    write: async (location, bytes, options = {}) => {
      if (options.ifAbsent === true && files.has(location)) throw fileExists(location)
      await store(location, bytes.slice())
    },
    adopt: async (localPath, location) => {
      const bytes = await readSource(localPath)
      await store(location, bytes)
      await rm(localPath, { force: true })
      return { sizeBytes: bytes.length }
    },
    delete: async (location) => {
      files.delete(location)
      await copies.drop(location)
    },
    stat: async (location) => {
      const file = files.get(location)
      return file === undefined ? undefined : statOf(location, file)
    },
    list: async function* (prefix) {
      const folder = `${prefix.replace(/\/+$/, '')}/`
      for (const [location, file] of [...files]) {
        if (location.startsWith(folder)) yield statOf(location, file)
      }
    },
    localPath: async (location, sizeBytes) => {
      const { bytes } = stored(location)
      if (sizeBytes !== undefined && bytes.length !== sizeBytes) {
        throw otherSize(location, bytes.length, sizeBytes)
      }
      return copies.pathOf(location, bytes)
    },
  }
}

interface Copies {
  /** A path that holds these bytes; made once for a location. */
  pathOf(location: string, bytes: Uint8Array): Promise<string>
  /** Removes the copy, where there is one: its file was deleted or written again. */
  drop(location: string): Promise<void>
}

/** Copies on disk, for the engine, which opens paths only. */
function createCopies(scratchDir: string): Copies {
  const copies = new Map<string, Promise<string>>()
  let copyCount = 0

  async function copyOut(location: string, bytes: Uint8Array): Promise<string> {
    copyCount += 1
    const path = join(scratchDir, `${copyCount}-${fileNameOf(location)}`)
    await mkdir(scratchDir, { recursive: true })
    await writeFile(path, bytes)
    return path
  }

  return {
    pathOf: async (location, bytes) => {
      const known = copies.get(location)
      if (known !== undefined) return known
      const copy = copyOut(location, bytes)
      copies.set(location, copy)
      // A copy that failed (a full disk) must not be remembered as one.
      copy.catch(() => copies.delete(location))
      return copy
    },
    drop: async (location) => {
      const copy = copies.get(location)
      if (copy === undefined) return
      copies.delete(location)
      await rm(await copy, { force: true })
    },
  }
}

function statOf(location: string, { bytes, modifiedMs }: StoredFile): FileStat {
  return { location, sizeBytes: bytes.length, modifiedMs }
}

async function readSource(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw missingFile(locationOfPath(path), error)
    throw error
  }
}
