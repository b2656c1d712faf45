import { rm } from 'node:fs/promises'

import { nowMs } from '../clock.ts'
import { SluiceError } from '../errors.ts'
import { systemCode } from './durable-file.ts'
import { copyNameOf, createSharedCopies } from './shared-copies.ts'
import type { FetchFile, OpenCopy, SharedCopiesOptions } from './shared-copies.ts'

/**
 * Copies on this machine's disk of files that never change, for an engine that opens paths only.
 * A path stays while something is held since before it was given, and a minute in any case.
 */
export interface FileCache {
  /**
   * A path with the content of `location`. `fetch` writes the whole file to a path of its own, or
   * throws; it is called once for many callers at a time, and not where a good copy is there.
   * `sizeBytes` is what the file must have: a copy of another size is fetched again.
   */
  path(location: string, fetch: FetchFile, sizeBytes?: number): Promise<string>

  /** Takes over a local file as the copy of what was just written there: it is often read soon. */
  keep(location: string, localPath: string): Promise<void>

  /** Forgets a location: its file was deleted. */
  drop(location: string): Promise<void>

  /** From now until the answer is called, every path that is given stays. */
  hold(): () => void
}

export interface FileCacheOptions extends SharedCopiesOptions {
  /** What the copies may take; what is held or was just given can go beyond it. */
  readonly bytesMax: number
}

/** A path that was given so recently is in use, whoever forgot to hold. */
const GRACE_MS = 60_000
/** The copies are looked through each time that so much of their bound was added. */
const SWEEP_SHARE = 1 / 16

interface GivenPath {
  readonly opened: Promise<OpenCopy>
  givenMs: number
}

/** A read-through cache over copies that the processes of a machine share. */
export function createFileCache(options: FileCacheOptions): FileCache {
  const { clock, bytesMax } = options
  const copies = createSharedCopies(options)
  const given = new Map<string, GivenPath>()
  const holds = new Map<symbol, number>()
  let addedBytes = bytesMax // so that the first addition looks through what is there
  let sweeping: Promise<void> | undefined

  function isInUse({ givenMs }: GivenPath): boolean {
    return givenMs >= Math.min(nowMs(clock) - GRACE_MS, ...holds.values())
  }

  async function give(name: string, opening: Promise<OpenCopy>): Promise<string> {
    const opened = opening.catch(throwUnavailable)
    const entry: GivenPath = { opened, givenMs: nowMs(clock) }
    given.set(name, entry)
    // What failed must not be remembered as a path.
    opened.catch(() => {
      if (given.get(name) === entry) given.delete(name)
    })
    const { path, sizeBytes, isNew } = await opened
    if (isNew) addedBytes += sizeBytes
    if (addedBytes >= bytesMax * SWEEP_SHARE) {
      sweeping ??= sweep().finally(() => (sweeping = undefined))
      await sweeping.catch(throwUnavailable)
    }
    return path
  }

  async function sweep(): Promise<void> {
    addedBytes = 0
    const all = await copies.list()
    const names = new Set(all.map(({ name }) => name))
    // Their copies were removed by another process: only the links keep the space.
    for (const [name, path] of given) {
      if (!names.has(name) && !isInUse(path)) await forget(name)
    }
    let total = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    for (const { name, sizeBytes } of all) {
      if (total <= bytesMax * (1 - SWEEP_SHARE)) return
      const path = given.get(name)
      if (path !== undefined && isInUse(path)) continue
      await forget(name)
      total -= sizeBytes
    }
  }

  async function forget(name: string): Promise<void> {
    const opened = given.get(name)?.opened
    given.delete(name)
    await copies.remove(name)
    const own = await opened?.catch(() => undefined)
    if (own !== undefined) await rm(own.path, { force: true })
  }

  return {
    path: async (location, fetch, sizeBytes) => {
      const name = copyNameOf(location)
      const known = given.get(name)
      if (known !== undefined) {
        known.givenMs = nowMs(clock)
        const copy = await known.opened
        if (sizeBytes === undefined || copy.sizeBytes === sizeBytes) return copy.path
      }
      return give(name, copies.open(location, fetch, sizeBytes))
    },
    keep: async (location, localPath) => {
      await give(copyNameOf(location), copies.take(location, localPath))
    },
    drop: async (location) => forget(copyNameOf(location)),
    hold: () => {
      const mark = Symbol('hold')
      holds.set(mark, nowMs(clock))
      return () => void holds.delete(mark)
    },
  }
}

function throwUnavailable(error: unknown): never {
  if (error instanceof SluiceError) throw error
  throw new SluiceError(
    'storage-unavailable',
    `The folder of copies of remote files could not be used (${systemCode(error) ?? String(error)}). ` +
      'Nothing was read. Check its disk and its permissions, or give it more room.',
    { cause: error },
  )
}
