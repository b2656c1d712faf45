import { describe, expect, it } from 'vitest'
import { createRateLimit } from '../../../pipelines/sources/rate-limit.ts'

describe('a rate limit', () => {
  it('grants the rate over any time, in steps of at most a tenth of a second', () => {
    let nowUs = 0n
    const limit = createRateLimit({ eventsPerSecond: 1000, clock: { nowUs: () => nowUs } })
    let granted = 0
    let largest = 0
    for (let step = 0; step < 1000; step += 1) {
      const now = limit.take(1_000_000)
      granted += now
      largest = Math.max(largest, now)
      nowUs += 10_000n
    }
    expect(largest).toBe(100)
    expect(granted).toBeGreaterThanOrEqual(9_900)
    expect(granted).toBeLessThanOrEqual(10_100)
  })

  it('takes back what was not used and says how long to wait', () => {
    let nowUs = 0n
    const limit = createRateLimit({ eventsPerSecond: 10, clock: { nowUs: () => nowUs } })
    expect(limit.take(5)).toBe(1)
    expect(limit.take(5)).toBe(0)
    expect(limit.waitMs()).toBe(100)
    limit.giveBack(1)
    expect(limit.take(5)).toBe(1)
    nowUs += 50_000n
    expect(limit.take(5)).toBe(0)
    expect(limit.waitMs()).toBe(50)
  })
})
