import type { CutReceipt } from './cut-receipt.ts'
import { createFreshness, type FreshnessQuantiles } from './freshness.ts'

/** What the cuts of this run have done so far. */
export interface RunTotals {
  readonly cutCount: number
  readonly messageCount: number
  readonly rejectedCount: number
  /** Without rows that do not count on their day for another reason. */
  readonly duplicateCount: number
  /** As of `CutReceipt`. */
  readonly uncountedCount: number
  readonly lateCount: number
  readonly freshness: FreshnessQuantiles | undefined
}

export interface RunStatistics {
  add(receipt: CutReceipt): void
  totals(): RunTotals
  lastCut(): CutReceipt | undefined
  /** Messages committed per second of the last ten seconds. */
  eventsPerSecond(nowUs: bigint): number
  /** Freshness of the last minute's messages. */
  recentFreshness(nowUs: bigint): FreshnessQuantiles | undefined
}

const RATE_WINDOW_US = 10_000_000n
const FRESHNESS_WINDOW_US = 60_000_000n
/** Also a bound in number, for a loop that cuts very often. */
const MAX_RECENT_CUTS = 600

export function createRunStatistics(startedUs: bigint): RunStatistics {
  const freshness = createFreshness()
  let recent: readonly CutReceipt[] = []
  let totals: Omit<RunTotals, 'freshness'> = {
    cutCount: 0,
    messageCount: 0,
    rejectedCount: 0,
    duplicateCount: 0,
    uncountedCount: 0,
    lateCount: 0,
  }
  return {
    add: (receipt) => {
      freshness.add(receipt)
      totals = {
        cutCount: totals.cutCount + 1,
        messageCount: totals.messageCount + receipt.messageCount,
        rejectedCount: totals.rejectedCount + receipt.rejectedCount + receipt.refusedCount,
        duplicateCount: totals.duplicateCount + receipt.duplicateCount - receipt.uncountedCount,
        uncountedCount: totals.uncountedCount + receipt.uncountedCount,
        lateCount: totals.lateCount + receipt.lateCount,
      }
      const oldestUs = receipt.committedUs - FRESHNESS_WINDOW_US
      recent = [...recent.filter((cut) => cut.committedUs > oldestUs), receipt].slice(
        -MAX_RECENT_CUTS,
      )
    },
    totals: () => ({ ...totals, freshness: freshness.quantiles() }),
    lastCut: () => recent.at(-1),
    eventsPerSecond: (nowUs) => {
      const fromUs = nowUs - RATE_WINDOW_US > startedUs ? nowUs - RATE_WINDOW_US : startedUs
      const messages = recent.reduce(
        (sum, cut) => (cut.committedUs > fromUs ? sum + cut.messageCount : sum),
        0,
      )
      const seconds = Number(nowUs - fromUs) / 1e6
      return seconds > 0 ? messages / seconds : 0
    },
    recentFreshness: (nowUs) => {
      const lastMinute = createFreshness()
      for (const cut of recent) {
        if (cut.committedUs > nowUs - FRESHNESS_WINDOW_US) lastMinute.add(cut)
      }
      return lastMinute.quantiles()
    },
  }
}
