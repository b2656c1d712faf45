import type { CutReceipt } from '../pipelines/loop/cut-receipt.ts'
import { readProcessCost } from './process-cost.ts'

/** What a loop took in, and what that cost the process it ran in. */
export interface LoopReport {
  readonly messages: number
  readonly silverRows: number
  readonly cuts: number
  /** From the beginning to the last cut. */
  readonly wallSeconds: number
  readonly cpuSeconds: number
  readonly rssMbPeak: number
  /** Seconds of all cuts together. */
  readonly deriveSeconds: number
  readonly writeSeconds: number
  readonly commitSeconds: number
}

/** Adds up receipts, and ends a loop once it has committed a number of messages. */
export interface CutMeter {
  begin(): void
  take(receipt: CutReceipt): void
  /** Aborts `signal` as soon as so many messages are committed. */
  endAfter(messageCount: number): void
  readonly signal: AbortSignal
  report(): LoopReport
}

/** A meter that ends after `messageCount` messages; undefined: not before `endAfter` says when. */
export function createCutMeter(messageCount: number | undefined): CutMeter {
  const stop = new AbortController()
  const sums = { messages: 0, silverRows: 0, cuts: 0, derive: 0, write: 0, commit: 0 }
  let wanted = messageCount
  let start = performance.now()
  let cpuStart = process.cpuUsage()
  let wallSeconds = 0
  let cpuSeconds = 0
  const endIfDone = (): void => {
    if (wanted !== undefined && sums.messages >= wanted) stop.abort()
  }
  return {
    signal: stop.signal,
    begin: () => {
      start = performance.now()
      cpuStart = process.cpuUsage()
    },
    endAfter: (count) => {
      wanted = count
      endIfDone()
    },
    take: ({ messageCount: messages, silverCount, timings }) => {
      sums.messages += messages
      sums.silverRows += silverCount
      sums.cuts += 1
      sums.derive += timings.derive
      sums.write += timings.write
      sums.commit += timings.commit
      wallSeconds = (performance.now() - start) / 1000
      const { user, system } = process.cpuUsage(cpuStart)
      cpuSeconds = (user + system) / 1e6
      endIfDone()
    },
    report: () => ({
      messages: sums.messages,
      silverRows: sums.silverRows,
      cuts: sums.cuts,
      wallSeconds,
      cpuSeconds,
      rssMbPeak: readProcessCost().rssMbPeak,
      deriveSeconds: sums.derive / 1000,
      writeSeconds: sums.write / 1000,
      commitSeconds: sums.commit / 1000,
    }),
  }
}
