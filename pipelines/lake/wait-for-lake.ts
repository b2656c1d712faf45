import { setTimeout as pause } from 'node:timers/promises'
import { readLakeHolder, type LakeHolder } from './lake-lock.ts'

/** How often is looked whether the writer is still there. */
const POLL_MS = 500

/**
 * Resolves once nobody writes to the lake: `free` if that was so from the beginning, `freed` if a
 * writer ended meanwhile; or with `stopped` when the signal comes. A writer that died on this
 * machine is nobody; of one on another machine nobody here can know.
 * @param onWait hears of each writer that is waited for, once.
 */
export async function waitForLake(
  directory: string,
  signal: AbortSignal,
  onWait: (holder: LakeHolder) => void,
): Promise<'free' | 'freed' | 'stopped'> {
  let told: string | undefined
  while (!signal.aborted) {
    const holder = await readLakeHolder(directory)
    if (holder === undefined) return told === undefined ? 'free' : 'freed'
    const name = `${holder.host} ${holder.pid} ${holder.startedUs}`
    if (name !== told) onWait(holder)
    told = name
    await pause(POLL_MS, undefined, { signal }).catch(() => undefined)
  }
  return 'stopped'
}
