import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLeftEstimate, leftText } from '../../../pipelines/cli/estimate-left.ts'

const SECOND_US = 1_000_000n

describe('the estimate of the time left', () => {
  it('says nothing before three steps and three seconds', () => {
    const estimate = createLeftEstimate()
    const seen = [0, 1, 2, 3, 4].map((second) => {
      estimate.note(BigInt(second) * SECOND_US, second * 10, 100)
      return leftText(estimate.leftMs())
    })
    expect(seen.slice(0, 3)).toEqual([undefined, undefined, undefined])
    expect(seen.slice(3)).toEqual(['less than 10 s left', 'less than 10 s left'])
    const slow = createLeftEstimate()
    slow.note(0n, 0, 100)
    slow.note(60n * SECOND_US, 50, 100)
    expect(slow.leftMs()).toBeUndefined()
  })

  it('says nothing at the end, and begins anew where the work does', () => {
    const estimate = createLeftEstimate()
    for (let second = 0n; second <= 10n; second += 1n) {
      estimate.note(second * SECOND_US, Number(second) * 10, 100)
    }
    expect(estimate.leftMs()).toBeUndefined()
    estimate.note(11n * SECOND_US, 0, 100)
    expect(estimate.leftMs()).toBeUndefined()
  })

  it('is right at an even speed, whatever the steps are, and never negative', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 30_000 }), { minLength: 4, maxLength: 60 }),
        fc.integer({ min: 1, max: 1_000_000 }),
        (stepsMs, bytesPerMs) => {
          const estimate = createLeftEstimate()
          const totalMs = stepsMs.reduce((sum, step) => sum + step, 0) + 5000
          let atMs = 0
          estimate.note(0n, 0, totalMs * bytesPerMs)
          for (const [index, step] of stepsMs.entries()) {
            atMs += step
            estimate.note(BigInt(atMs) * 1000n, atMs * bytesPerMs, totalMs * bytesPerMs)
            const left = estimate.leftMs()
            const isKnown = index >= 2 && atMs >= 3000
            expect(left !== undefined).toBe(isKnown)
            if (left !== undefined) expect(left / (totalMs - atMs)).toBeCloseTo(1, 6)
          }
        },
      ),
    )
  })

  it('follows a speed that changes within a minute', () => {
    const estimate = createLeftEstimate()
    for (let second = 0; second <= 60; second += 1) {
      estimate.note(BigInt(second) * SECOND_US, second * 100, 100_000)
    }
    for (let second = 61; second <= 120; second += 1) {
      estimate.note(BigInt(second) * SECOND_US, 6000 + (second - 60) * 10, 100_000)
    }
    const exactMs = ((100_000 - 6600) / 10) * 1000
    expect(estimate.leftMs()).toBeGreaterThan(exactMs * 0.6)
    expect(estimate.leftMs()).toBeLessThan(exactMs)
  })

  it.each([
    [undefined, undefined],
    [900, 'less than 10 s left'],
    [12_000, 'about 10 s left'],
    [88_000, 'about 90 s left'],
    [100_000, 'about 2 min left'],
    [7_000_000, 'about 1.9 h left'],
  ])('of %s ms reads %s', (leftMs, text) => {
    expect(leftText(leftMs)).toBe(text)
  })
})
