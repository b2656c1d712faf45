import { randomBytes, randomUUID } from 'node:crypto'

/** Where time comes from. Passed in everywhere, so that a test can run a day in a second. */
export interface Clock {
  /** Wall clock, microseconds since 1970 UTC. */
  nowUs(): bigint
}

/** Where ids come from. Passed in everywhere, so that a test can repeat a run. */
export interface IdSource {
  /** A random UUID in its text form. */
  uuid(): string
  /** A random positive 63-bit snapshot id, never 0. */
  snapshotId(): bigint
}

/** The machine's clock: the only place that reads it. */
export const systemClock: Clock = {
  nowUs: () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)),
}

/** Random ids: the only place that draws them. */
export const randomIds: IdSource = {
  uuid: () => randomUUID(),
  snapshotId: () => {
    const id = randomBytes(8).readBigUInt64BE() >> 1n
    return id === 0n ? 1n : id
  },
}

/** Milliseconds since 1970 of a clock, for the spec's `*-ms` fields. */
export function nowMs(clock: Clock): number {
  return Number(clock.nowUs() / 1000n)
}
