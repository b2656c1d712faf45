import type { Clock, IdSource } from '../clock.ts'

/** How often and how long a request is repeated. */
export interface RetryPolicy {
  /** Tries in all, the first among them. */
  readonly triesMax: number
  /** The longest wait before the second try; doubled before each further one. */
  readonly firstDelayMs: number
  /** No wait is longer. */
  readonly delayMsMax: number
  /** No try begins later than this after the first one began. */
  readonly totalMsMax: number
}

/** Waits of at most 0.1, 0.2, 0.4, 0.8 and 1.6 s: a store that restarts in a second is outlived. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  triesMax: 6,
  firstDelayMs: 100,
  delayMsMax: 5_000,
  totalMsMax: 60_000,
}

export interface RetryContext {
  readonly policy: RetryPolicy
  readonly clock: Clock
  /** Gives the jitter. */
  readonly ids: IdSource
  /** By a timer where it is left out. */
  readonly wait?: (waitMs: number) => Promise<void>
}

/**
 * Calls `attempt` until it succeeds, fails in a way that `isRetryable` denies, or the policy is
 * used up; then throws what the last try threw. Attempts are numbered from 1. A wait is half fixed
 * and half chance, so that many clients of one broken store do not come back in step.
 */
export async function retryWithBackoff<T>(
  context: RetryContext,
  isRetryable: (error: unknown) => boolean,
  attempt: (tryNumber: number) => Promise<T>,
): Promise<T> {
  const { policy, clock, wait = waitByTimer } = context
  const beganUs = clock.nowUs()
  for (let tryNumber = 1; ; tryNumber += 1) {
    try {
      return await attempt(tryNumber)
    } catch (error) {
      if (tryNumber >= policy.triesMax || !isRetryable(error)) throw error
      const waitMs = backoffMs(policy, context.ids, tryNumber)
      const passedMs = Number((clock.nowUs() - beganUs) / 1000n)
      if (passedMs + waitMs > policy.totalMsMax) throw error
      await wait(waitMs)
    }
  }
}

function backoffMs(policy: RetryPolicy, ids: IdSource, failedTries: number): number {
  const longestMs = Math.min(policy.delayMsMax, policy.firstDelayMs * 2 ** (failedTries - 1))
  // 53 of the 63 random bits, as many as a number holds.
  const chance = Number(ids.snapshotId() >> 10n) / 2 ** 53
  return Math.round((longestMs * (1 + chance)) / 2)
}

function waitByTimer(waitMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, waitMs))
}
