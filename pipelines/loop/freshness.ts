import type { CutReceipt } from './cut-receipt.ts'

/** Quantiles of the time from "handed to the producer" to "visible in the lake", in ms. */
export interface FreshnessQuantiles {
  readonly p50: number
  readonly p99: number
}

export interface Freshness {
  add(receipt: CutReceipt): void
  /** Of all messages so far. */
  quantiles(): FreshnessQuantiles | undefined
}

/** Older than this is counted as this: a bound on the memory, far above what is of interest. */
const MAX_MS = 60_000

/**
 * A histogram in steps of a millisecond. A receipt carries evenly spaced quantiles of its
 * messages, so each of them stands for an equal share of the cut's messages.
 */
export function createFreshness(): Freshness {
  const weights = new Float64Array(MAX_MS + 1)
  let total = 0
  const quantile = (share: number): number => {
    let sum = 0
    for (let ms = 0; ms <= MAX_MS; ms++) {
      sum += weights[ms] ?? 0
      if (sum >= share * total) return ms
    }
    return MAX_MS
  }
  return {
    add: (receipt) => {
      const samples = receipt.receivedUsQuantiles
      const weight = receipt.messageCount / samples.length
      for (const receivedUs of samples) {
        const ms = Number((receipt.committedUs - receivedUs) / 1000n)
        const step = Math.min(Math.max(ms, 0), MAX_MS)
        weights[step] = (weights[step] ?? 0) + weight
        total += weight
      }
    },
    quantiles: () => (total > 0 ? { p50: quantile(0.5), p99: quantile(0.99) } : undefined),
  }
}
