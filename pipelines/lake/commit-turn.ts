import type { Clock, IdSource } from '../../tables/clock.ts'
import { acquireLakeLock, readLakeHolder } from './lake-lock.ts'

/** A cut waits no longer for a turn than this: the stream must go on. */
const MAX_WAIT_MS = 15_000
/** An older turn is nobody's: its holder may have died on a machine that nobody here can see. */
const TURN_US = 60_000_000n
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
  clock: Clock,
  sleep: (waitMs: number) => Promise<void> = sleepByTimer,
): Promise<void> {
  for (let waitedMs = 0; waitedMs < MAX_WAIT_MS; waitedMs += POLL_MS) {
    const holder = await readLakeHolder(directory, 'turn')
    if (holder === undefined || clock.nowUs() - holder.startedUs > TURN_US) return
    await sleep(POLL_MS)
  }
}

function sleepByTimer(waitMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, waitMs))
}
