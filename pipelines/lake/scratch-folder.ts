import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isProcessAlive, type ProcessIdentity } from './process-identity.ts'

/**
 * Scratch folders live as long as a process, mostly in memory-backed storage, and a killed process
 * leaves its own behind. The name says whose it is, so that there is no instant at which a folder
 * has no owner: `sluice-<pid>-<birth>-<host>-<six random characters>`.
 */
const nameForm = /^sluice-(\d+)-([0-9a-f-]+\.\d+|unknown)-(.+)-[^-]{6}$/

/** Memory-backed storage where the machine has it: scratch files live for one cut only. */
export function scratchParent(): string {
  return existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
}

/** Makes a new, empty scratch folder of that process and answers its path. */
export async function createScratchFolder(parent: string, owner: ProcessIdentity): Promise<string> {
  const birth = owner.bornAt?.replace(':', '.') ?? 'unknown'
  return mkdtemp(join(parent, `sluice-${owner.pid}-${birth}-${encodeURIComponent(owner.host)}-`))
}

/**
 * Removes what dead processes of this machine left behind. Folders of living ones, of other
 * machines, and whatever else is there stay. Never throws: nobody needs it to succeed.
 */
export async function removeDeadScratchFolders(parent: string): Promise<void> {
  const entries = await readdir(parent, { withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    const owner = entry.isDirectory() ? ownerOf(entry.name) : undefined
    if (owner === undefined || (await isProcessAlive(owner))) continue
    // Another user's, or being removed by another process at this moment.
    await rm(join(parent, entry.name), { recursive: true, force: true }).catch(() => undefined)
  }
}

function ownerOf(name: string): ProcessIdentity | undefined {
  const [, pid, birth, host] = nameForm.exec(name) ?? []
  if (pid === undefined || birth === undefined || host === undefined) return undefined
  const bornAt = birth === 'unknown' ? undefined : birth.replace('.', ':')
  try {
    return { pid: Number(pid), host: decodeURIComponent(host), bornAt }
  } catch {
    return undefined // a stray per cent sign: not a name of ours
  }
}
