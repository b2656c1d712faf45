import type { Clock, IdSource } from '../../tables/clock.ts'
import { acquireLakeLock, readLakeHolder } from './lake-lock.ts'

/** A turn that is held longer than this is not waited for: the stream must go on. */
const MAX_WAIT_MS = 15_000
const POLL_MS = 25

/**
 * Asks the stream beside to let the next cut be ours: it commits every second, and a replay whose
 * staging takes longer would lose every race. Answers with what gives the turn back. Like the
 * locks it is courtesy: who does not wait only makes the cut conflict once more.
 */
export async function takeCommitTurn(options: {
  readonly directory: string
  readonly purpose: string
  readonly clock: Clock
  readonly ids: IdSource
}): Promise<() => Promise<void>> {
  const lock = await acquireLakeLock({ ...options, roles: ['turn'] })
  return () => lock.release()
}

/** Resolves once nobody alive asks for the next cut, or has asked for too long. */
export async function awaitCommitTurn(
  directory: string,
  sleep: (waitMs: number) => Promise<void> = sleepByTimer,
): Promise<void> {
  for (let waitedMs = 0; waitedMs < MAX_WAIT_MS; waitedMs += POLL_MS) {
    if ((await readLakeHolder(directory, 'turn')) === undefined) return
    await sleep(POLL_MS)
  }
}

function sleepByTimer(waitMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, waitMs))
}
