import type { Clock } from '../../tables/clock.ts'

/** How many messages a reader may take now. */
export interface RateLimit {
  /** Grants up to `wanted` messages, 0 where the reader has to wait. */
  take(wanted: number): number
  /** Gives back what was granted and not used. */
  giveBack(unused: number): void
  /** Milliseconds until `take` grants something, at least 1. */
  waitMs(): number
}

/** A bucket of at most a tenth of a second's messages, so that the rate holds over any second. */
export function createRateLimit(options: {
  readonly eventsPerSecond: number
  readonly clock: Clock
}): RateLimit {
  const { eventsPerSecond, clock } = options
  const capacity = Math.max(1, eventsPerSecond / 10)
  let available = capacity
  let refilledUs = clock.nowUs()

  const refill = () => {
    const nowUs = clock.nowUs()
    if (nowUs <= refilledUs) return
    const earned = (Number(nowUs - refilledUs) * eventsPerSecond) / 1e6
    available = Math.min(capacity, available + earned)
    refilledUs = nowUs
  }

  return {
    take: (wanted) => {
      refill()
      const granted = Math.min(wanted, Math.floor(available))
      available -= granted
      return granted
    },
    giveBack: (unused) => {
      available = Math.min(capacity, available + unused)
    },
    waitMs: () => Math.max(1, Math.ceil(((1 - available) / eventsPerSecond) * 1000)),
  }
}

/** No limit at all. */
export const unlimited: RateLimit = {
  take: (wanted) => wanted,
  giveBack: () => undefined,
  waitMs: () => 1,
}
