import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import type { Clock, IdSource } from '../../tables/clock.ts'
import { SluiceError } from '../../tables/errors.ts'
import { identifyProcess, isProcessAlive } from './process-identity.ts'

/**
 * Who may write to a lake at one time: one that streams (`writer.lock` in the lake's folder) and,
 * beside it, one that replaces or loads ranges of days (`range-writer.lock`). All other writers
 * hold both. The locks are courtesy, so that a second copy hears it at once and by name; the commit
 * itself is the fence.
 *
 * The file appears whole (linked, never written in place). The lock of a dead process is taken
 * over by exactly one other: whoever creates the claim file named after the dead lock's id may
 * replace that lock, and looks once more after claiming, because the lock may have changed hands
 * meanwhile. A claim whose claimant died is claimed in the same way.
 */
export const writerRoles = ['stream', 'range'] as const
export type WriterRole = (typeof writerRoles)[number]

/**
 * `turn` and `stream-turn`: held for a moment by the writer of ranges, or the one that streams, that
 * asks the other to let the next cut be its own.
 */
export type LockRole = WriterRole | 'turn' | 'stream-turn'

const lockNames: Readonly<Record<LockRole, string>> = {
  stream: 'writer',
  range: 'range-writer',
  turn: 'commit-turn',
  'stream-turn': 'stream-turn',
}

const lockOrder: readonly LockRole[] = [...writerRoles, 'turn', 'stream-turn']

const holderSchema = z.object({
  lockId: z.string(),
  pid: z.number().int(),
  host: z.string(),
  bornAt: z.string().optional(),
  purpose: z.string(),
  /** Microseconds since 1970, as text: JSON numbers end at 2^53. */
  startedUs: z.string(),
  catalogUrl: z.string().optional(),
})

type HolderRecord = z.infer<typeof holderSchema>

/** Who writes to a lake. */
export interface LakeHolder {
  readonly pid: number
  readonly host: string
  /** What it does, in words: `sluice demo`. */
  readonly purpose: string
  readonly startedUs: bigint
  readonly catalogUrl: string | undefined
}

export interface LakeLock {
  /** Stores where this process serves the lake's catalog. */
  recordCatalogUrl(catalogUrl: string): Promise<void>
  /** Gives the lake free. Safe to call twice. */
  release(): Promise<void>
}

export interface LakeLockOptions {
  readonly directory: string
  readonly purpose: string
  readonly clock: Clock
  readonly ids: IdSource
  /** Default: both, so that nobody else writes. */
  readonly roles?: readonly LockRole[]
}

/** A bound on how often the lock may change hands while we look. */
const MAX_TRIES = 50

/**
 * Becomes the lake's one writer of these roles, or says who is.
 * @throws SluiceError `commit-conflict` while another process holds one of them,
 * `storage-unavailable` where the folder cannot be written.
 */
export async function acquireLakeLock(options: LakeLockOptions): Promise<LakeLock> {
  const held: LakeLock[] = []
  const release = async () => {
    for (const lock of [...held].reverse()) await lock.release()
  }
  try {
    // Always in one order: of two that want both, one gets both.
    for (const role of lockOrder) {
      if ((options.roles ?? writerRoles).includes(role)) held.push(await acquireRole(options, role))
    }
  } catch (error) {
    await release()
    throw error
  }
  return {
    recordCatalogUrl: async (catalogUrl) => held[0]?.recordCatalogUrl(catalogUrl),
    release,
  }
}

async function acquireRole(options: LakeLockOptions, role: LockRole): Promise<LakeLock> {
  const directory = resolve(options.directory)
  const self = await identifyProcess()
  const record: HolderRecord = {
    lockId: options.ids.uuid(),
    pid: self.pid,
    host: self.host,
    ...(self.bornAt === undefined ? {} : { bornAt: self.bornAt }),
    purpose: options.purpose,
    startedUs: String(options.clock.nowUs()),
  }
  const place = { directory, name: lockNames[role] }
  const ownPath = join(directory, `${place.name}.${record.lockId}.new`)
  try {
    await mkdir(directory, { recursive: true })
    await writeFile(ownPath, serialize(record), { flush: true })
    await takeLock(place, ownPath, options.ids)
  } catch (error) {
    if (error instanceof SluiceError) throw error
    throw new SluiceError(
      'storage-unavailable',
      `The lake's lock in ${directory} cannot be written. Nothing was started. ` +
        "Check the folder's permissions and the free space, or name another with --lake DIR.",
      { cause: error },
    )
  } finally {
    await rm(ownPath, { force: true })
  }
  return createHeldLock(place, record)
}

/** Who holds the lake in a role now; undefined where nobody does or the holder is dead. */
export async function readLakeHolder(
  directory: string,
  role: LockRole = 'stream',
): Promise<LakeHolder | undefined> {
  const record = await readRecord(
    lockPath({ directory: resolve(directory), name: lockNames[role] }),
  )
  if (record === undefined || !(await isAlive(record))) return undefined
  return {
    pid: record.pid,
    host: record.host,
    purpose: record.purpose,
    startedUs: BigInt(record.startedUs),
    catalogUrl: record.catalogUrl,
  }
}

/** The lock of one role: `<name>.lock` in the folder. */
interface LockPlace {
  readonly directory: string
  readonly name: string
}

async function takeLock(place: LockPlace, ownPath: string, ids: IdSource): Promise<void> {
  const { directory, name } = place
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if (await linkIfAbsent(ownPath, lockPath(place))) return
    const holder = await readRecord(lockPath(place))
    if (holder === undefined) continue
    if (await isAlive(holder)) throw lakeInUse(place, holder)
    const claims = await claim(place, holder, ownPath)
    const stillThere = await readRecord(lockPath(place))
    if (stillThere?.lockId === holder.lockId) {
      // Renaming a link onto another name of the same file does nothing, so a copy is renamed.
      const copy = join(directory, `${name}.${ids.uuid()}.new`)
      await writeFile(copy, await readFile(ownPath), { flush: true })
      await rename(copy, lockPath(place))
      await removeClaims(claims)
      return
    }
    await removeClaims(claims)
  }
  throw changedHands(directory)
}

/**
 * The claim files up to our own.
 * @throws SluiceError `commit-conflict` where a living process is ahead of us.
 */
async function claim(
  place: LockPlace,
  dead: HolderRecord,
  ownPath: string,
): Promise<readonly string[]> {
  const claims: string[] = []
  let predecessor = dead
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const path = join(place.directory, `${place.name}.${predecessor.lockId}.claim`)
    claims.push(path)
    if (await linkIfAbsent(ownPath, path)) return claims
    const claimant = await readRecord(path)
    if (claimant === undefined) claims.pop()
    else if (await isAlive(claimant)) throw lakeInUse(place, claimant)
    else predecessor = claimant
  }
  throw changedHands(place.directory)
}

/** The newest claim goes last: while an older one is there, it still leads to ours. */
async function removeClaims(claims: readonly string[]): Promise<void> {
  for (const path of claims) await rm(path, { force: true })
}

function createHeldLock(place: LockPlace, first: HolderRecord): LakeLock {
  const path = lockPath(place)
  let record = first
  const isOurs = async (): Promise<boolean> => (await readRecord(path))?.lockId === first.lockId
  return {
    recordCatalogUrl: async (catalogUrl) => {
      record = { ...record, catalogUrl }
      const copy = join(place.directory, `${place.name}.${record.lockId}.new`)
      await writeFile(copy, serialize(record), { flush: true })
      if (await isOurs()) await rename(copy, path)
      else await rm(copy, { force: true })
    },
    release: async () => {
      if (await isOurs()) await rm(path, { force: true })
    },
  }
}

function changedHands(directory: string): SluiceError {
  return new SluiceError(
    'commit-conflict',
    `The lock of the lake in ${directory} changed hands again and again. Nothing was started. ` +
      'Start one process at a time.',
    { isRetryable: true },
  )
}

function lakeInUse(place: LockPlace, holder: HolderRecord): SluiceError {
  const { directory } = place
  const since = new Date(Number(BigInt(holder.startedUs) / 1000n)).toISOString()
  const catalog = holder.catalogUrl === undefined ? '' : `, its catalog is ${holder.catalogUrl}`
  return new SluiceError(
    'commit-conflict',
    `This lake (${directory}) is in use by ${holder.purpose}, process ${holder.pid} on ` +
      `${holder.host} since ${since}${catalog}. Nothing was started. Stop that process, or ` +
      `choose another folder with --lake DIR. Should ${holder.host} be gone for good, delete ` +
      `${lockPath(place)}.`,
    { context: { pid: holder.pid, host: holder.host } },
  )
}

function lockPath({ directory, name }: LockPlace): string {
  return join(directory, `${name}.lock`)
}

function serialize(record: HolderRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`
}

async function isAlive(record: HolderRecord): Promise<boolean> {
  return isProcessAlive({ pid: record.pid, host: record.host, bornAt: record.bornAt })
}

async function linkIfAbsent(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

async function readRecord(path: string): Promise<HolderRecord | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return holderSchema.parse(JSON.parse(text))
  } catch (error) {
    throw new SluiceError(
      'corrupt-data',
      `${path} is not a lake's lock. Nothing was started. If no Sluice process uses the lake, ` +
        'delete that file.',
      { cause: error },
    )
  }
}
