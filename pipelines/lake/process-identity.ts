import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'

/** Which process of which machine. A pid alone says little: the machine gives it away again. */
export interface ProcessIdentity {
  readonly pid: number
  readonly host: string
  /** `<boot id>:<start in clock ticks>`; undefined where the machine does not tell. */
  readonly bornAt: string | undefined
}

/** This process, as other processes of the machine can recognise it. */
export async function identifyProcess(pid: number = process.pid): Promise<ProcessIdentity> {
  return { pid, host: hostname(), bornAt: await readBirth(pid) }
}

/**
 * Whether that process still runs. A process of another machine counts as running: nobody here
 * can know, and a second writer would be worse than a question.
 */
export async function isProcessAlive(identity: ProcessIdentity): Promise<boolean> {
  if (identity.host !== hostname()) return true
  if (!answersSignals(identity.pid)) return false
  if (identity.bornAt === undefined) return true
  const bornAt = await readBirth(identity.pid)
  return bornAt === undefined ? answersSignals(identity.pid) : bornAt === identity.bornAt
}

function answersSignals(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Field 22 of /proc/<pid>/stat; the name in field 2 may hold blanks and brackets. */
async function readBirth(pid: number): Promise<string | undefined> {
  try {
    const [stat, bootId] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    ])
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    return ticks === undefined ? undefined : `${bootId.trim()}:${ticks}`
  } catch {
    return undefined
  }
}
