import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { randomIds } from '../../../tables/clock.ts'
import { retryWithBackoff } from '../../../tables/file-io/retry-with-backoff.ts'
import type { RetryPolicy } from '../../../tables/file-io/retry-with-backoff.ts'

const policy: RetryPolicy = { triesMax: 5, firstDelayMs: 10, delayMsMax: 25, totalMsMax: 1_000 }

/** A run in which time passes by waiting alone. */
function newRun(how: Partial<RetryPolicy> = {}) {
  const waitsMs: number[] = []
  let nowUs = 0n
  const context = {
    policy: { ...policy, ...how },
    clock: { nowUs: () => nowUs },
    ids: randomIds,
    wait: async (waitMs: number) => {
      waitsMs.push(waitMs)
      nowUs += BigInt(waitMs) * 1000n
    },
  }
  return { context, waitsMs }
}

describe('retryWithBackoff', () => {
  it('ends with the first success', async () => {
    const { context, waitsMs } = newRun()
    const tried: number[] = []
    const result = await retryWithBackoff(
      context,
      () => true,
      async (tryNumber) => {
        tried.push(tryNumber)
        if (tryNumber < 3) throw new Error('passing')
        return 'done'
      },
    )
    expect(result).toBe('done')
    expect(tried).toEqual([1, 2, 3])
    expect(waitsMs).toHaveLength(2)
  })

  it('does not repeat what cannot succeed, and throws it as it is', async () => {
    const { context, waitsMs } = newRun()
    const final = new Error('final')
    const failing = retryWithBackoff(
      context,
      (error) => error !== final,
      async () => {
        throw final
      },
    )
    await expect(failing).rejects.toBe(final)
    expect(waitsMs).toEqual([])
  })

  it('keeps to its limits, whatever they are: tries, single waits, all of it', async () => {
    const limits = fc.record({
      triesMax: fc.integer({ min: 1, max: 12 }),
      firstDelayMs: fc.integer({ min: 1, max: 100 }),
      delayMsMax: fc.integer({ min: 1, max: 500 }),
      totalMsMax: fc.integer({ min: 0, max: 2_000 }),
    })
    await fc.assert(
      fc.asyncProperty(limits, async (how) => {
        const { context, waitsMs } = newRun(how)
        let tryCount = 0
        const failing = retryWithBackoff(
          context,
          () => true,
          async () => {
            tryCount += 1
            throw new Error('always')
          },
        )
        await expect(failing).rejects.toThrow('always')
        expect(tryCount).toBeLessThanOrEqual(how.triesMax)
        expect(tryCount).toBe(waitsMs.length + 1)
        expect(waitsMs.reduce((sum, waitMs) => sum + waitMs, 0)).toBeLessThanOrEqual(how.totalMsMax)
        for (const [index, waitMs] of waitsMs.entries()) {
          const longestMs = Math.min(how.delayMsMax, how.firstDelayMs * 2 ** index)
          expect(waitMs).toBeLessThanOrEqual(longestMs)
          expect(waitMs).toBeGreaterThanOrEqual(Math.floor(longestMs / 2))
        }
      }),
    )
  })

  it('does not let many clients come back in step', async () => {
    const runs = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const { context, waitsMs } = newRun({ firstDelayMs: 1_000_000, delayMsMax: 1_000_000 })
        const always = async (): Promise<never> => {
          throw new Error('always')
        }
        const endless = { ...context, policy: { ...context.policy, totalMsMax: Infinity } }
        await retryWithBackoff(endless, () => true, always).catch(() => undefined)
        return waitsMs[0]
      }),
    )
    expect(new Set(runs).size).toBeGreaterThan(40)
  })
})
