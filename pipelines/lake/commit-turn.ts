import type { Clock, IdSource } from '../../tables/clock.ts'
import { acquireLakeLock, readLakeHolder, type LockRole, type WriterRole } from './lake-lock.ts'

/** A cut waits no longer for a turn than this: the stream must go on. */
const MAX_WAIT_MS = 15_000
/** An older turn is nobody's: its holder may have died on a machine that nobody here can see. */
const TURN_US = 60_000_000n
const POLL_MS = 25

const turns = { range: 'turn', stream: 'stream-turn' } as const satisfies Record<
  WriterRole,
  LockRole
>

/**
 * Asks the writer of the other role to let the next cut be ours: a stream commits every second, and
 * a replay whose staging takes longer would lose every race; a backfill of small cuts could be
 * quicker than a stream that restores much. Answers with what gives the turn back. Like the locks
 * it is courtesy: who does not wait only makes the cut conflict once more.
 */
export async function takeCommitTurn(options: {
  readonly directory: string
  readonly purpose: string
  readonly clock: Clock
  readonly ids: IdSource
  readonly by: WriterRole
}): Promise<() => Promise<void>> {
  const lock = await acquireLakeLock({ ...options, roles: [turns[options.by]] })
  return () => lock.release()
}

/** Resolves once nobody alive of a role asks for the next cut, or has asked for too long. */
export async function awaitCommitTurn(options: {
  readonly directory: string
  readonly clock: Clock
  readonly of: WriterRole
  readonly sleep?: (waitMs: number) => Promise<void>
}): Promise<void> {
  const { directory, clock, of, sleep = sleepByTimer } = options
  for (let waitedMs = 0; waitedMs < MAX_WAIT_MS; waitedMs += POLL_MS) {
    const holder = await readLakeHolder(directory, turns[of])
    if (holder === undefined || clock.nowUs() - holder.startedUs > TURN_US) return
    await sleep(POLL_MS)
  }
}

function sleepByTimer(waitMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, waitMs))
}
