import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { watermarkAfter, type PartState } from '../../../pipelines/loop/watermark.ts'

const rules = { allowedLatenessUs: 10n, idleAfterUs: 30n }

function part(partition: number, fields: Partial<PartState>): PartState {
  return {
    part: { source: 'kafka:trades', partition },
    endOffset: 1n,
    maxEventUs: undefined,
    newestReceivedUs: undefined,
    isAtEnd: false,
    ...fields,
  }
}

describe('the watermark after a cut', () => {
  it('is the latest event time less the allowed lateness', () => {
    expect(watermarkAfter(undefined, [part(0, { maxEventUs: 100n })], rules)).toBe(90n)
  })

  it('is that of the part that is furthest behind', () => {
    const parts = [part(0, { maxEventUs: 100n }), part(1, { maxEventUs: 50n })]
    expect(watermarkAfter(undefined, parts, rules)).toBe(40n)
  })

  it('never moves back when a part appears with older events', () => {
    const parts = [part(0, { maxEventUs: 100n }), part(1, { maxEventUs: 20n })]
    expect(watermarkAfter(80n, parts, rules)).toBe(80n)
  })

  it('waits for a part that holds messages which were not read yet', () => {
    const parts = [part(0, { maxEventUs: 100n }), part(1, { endOffset: 0n, isAtEnd: false })]
    expect(watermarkAfter(undefined, parts, rules)).toBeUndefined()
  })

  it('does not wait for an empty part', () => {
    const parts = [part(0, { maxEventUs: 100n }), part(1, { endOffset: 0n, isAtEnd: true })]
    expect(watermarkAfter(undefined, parts, rules)).toBe(90n)
  })

  it('does not wait for a part at its end that fell silent', () => {
    const parts = [
      part(0, { maxEventUs: 100n, newestReceivedUs: 100n, isAtEnd: true }),
      part(1, { maxEventUs: 10n, newestReceivedUs: 69n, isAtEnd: true }),
    ]
    expect(watermarkAfter(undefined, parts, rules)).toBe(90n)
  })

  it('waits for a part that is behind but still has unread messages', () => {
    const parts = [
      part(0, { maxEventUs: 100n, newestReceivedUs: 100n, isAtEnd: true }),
      part(1, { maxEventUs: 10n, newestReceivedUs: 1n, isAtEnd: false }),
    ]
    expect(watermarkAfter(undefined, parts, rules)).toBe(0n)
  })

  it('is not held back by a file that was begun, where a stream goes on', () => {
    const file = { source: 'file:00ff:7', partition: 0 }
    const begun = part(0, { part: file, maxEventUs: 3n, newestReceivedUs: undefined })
    expect(watermarkAfter(20n, [begun, part(0, { maxEventUs: 100n })], rules)).toBe(90n)
    expect(watermarkAfter(20n, [{ ...begun, maxEventUs: 200n }, part(0, {})], rules)).toBe(20n)
    expect(watermarkAfter(undefined, [{ ...begun, maxEventUs: 50n }], rules)).toBe(40n)
  })

  it('stays where it was when no part counts', () => {
    expect(watermarkAfter(7n, [part(0, { endOffset: 0n, isAtEnd: true })], rules)).toBe(7n)
  })

  it('is monotone over any sequence of part states', () => {
    const state = fc.record({
      endOffset: fc.bigInt(0n, 3n),
      maxEventUs: fc.option(fc.bigInt(0n, 1000n), { nil: undefined }),
      newestReceivedUs: fc.option(fc.bigInt(0n, 1000n), { nil: undefined }),
      isAtEnd: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(fc.array(state, { maxLength: 4 })), (steps) => {
        let watermarkUs: bigint | undefined
        for (const step of steps) {
          const parts = step.map((fields, index) => part(index, fields))
          const next = watermarkAfter(watermarkUs, parts, rules)
          if (watermarkUs !== undefined) expect(next).toBeGreaterThanOrEqual(watermarkUs)
          watermarkUs = next
        }
      }),
    )
  })
})
