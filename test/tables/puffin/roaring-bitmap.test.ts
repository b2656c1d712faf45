import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeRoaringBitmap } from '../../../tables/puffin/encode-roaring-bitmap.ts'
import {
  blocksOf,
  countPositions,
  decodeRoaringBitmap,
  positionsOf,
} from '../../../tables/puffin/roaring-bitmap.ts'
import { readGoldenBytes } from '../../support/golden.ts'

const COUNT_MAX = 10_000_000

function decode(bytes: Uint8Array): readonly bigint[] {
  return [...positionsOf(decodeRoaringBitmap(bytes, COUNT_MAX))]
}

/** Dense, sparse and long runs, over several containers and both halves of a position. */
const positions = fc
  .array(
    fc.record({
      key: fc.constantFrom(0n, 1n, 7n, 2n ** 31n - 1n),
      high: fc.integer({ min: 0, max: 6 }),
      first: fc.integer({ min: 0, max: 65_535 }),
      step: fc.constantFrom(1, 1, 2, 3, 64),
      count: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 4000, max: 20_000 })),
    }),
    { maxLength: 8 },
  )
  .map((groups) => {
    const all = new Set<bigint>()
    for (const { key, high, first, step, count } of groups) {
      for (let index = 0; index < count; index += 1) {
        all.add((key << 32n) + BigInt(high * 65_536 + first + index * step))
      }
    }
    return [...all]
  })

describe('a Roaring bitmap', () => {
  it.each([
    ['64mapempty', []],
    ['64map32bitvals', Array.from({ length: 10 }, (_, low) => BigInt(low))],
    [
      '64mapspreadvals',
      Array.from({ length: 100 }, (_, index) => {
        return (BigInt(Math.floor(index / 10)) << 32n) + BigInt(index % 10)
      }),
    ],
  ])('of the format specification is read: %s', (name, expected) => {
    expect(decode(readGoldenBytes(`deletion-vectors/${name}.bin`))).toEqual(expected)
  })

  it('that text tools spoiled is refused', () => {
    expect(() => decode(readGoldenBytes('deletion-vectors/64maphighvals.bin'))).toThrow(
      expect.objectContaining({ kind: 'corrupt-data' }),
    )
  })

  it('comes back as it was written, whatever its containers', () => {
    fc.assert(
      fc.property(positions, (expected) => {
        const blocks = blocksOf(expected)
        expect(countPositions(blocks)).toBe(expected.length)
        const read = decode(encodeRoaringBitmap(blocks))
        const sorted = expected.toSorted((a, b) => (a < b ? -1 : 1))
        expect(read.length).toBe(sorted.length)
        expect(read.every((position, index) => position === sorted[index])).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  it('holds a position once that is given twice, in any order', () => {
    expect([...positionsOf(blocksOf([9n, 3n, 9n, 70_000n, 3n]))]).toEqual([3n, 9n, 70_000n])
  })

  it('is never read in part: each truncation is refused', () => {
    const lows = Array.from({ length: 300 }, (_, index) => BigInt(index * 7))
    const bytes = encodeRoaringBitmap(blocksOf([...lows, 70_000n, 70_001n, 1n << 33n]))
    for (let end = 0; end < bytes.length; end += 1) {
      expect(() => decode(bytes.slice(0, end))).toThrow(
        expect.objectContaining({ kind: 'corrupt-data' }),
      )
    }
    expect(() => decode(Uint8Array.of(...bytes, 0))).toThrow('bytes follow its end')
  })

  it('is refused before it is unpacked where it says more positions than may be', () => {
    const all = Array.from({ length: 65_536 }, (_, low) => BigInt(low))
    const bytes = encodeRoaringBitmap(blocksOf(all))
    expect(bytes.length).toBeLessThan(40)
    expect(() => decodeRoaringBitmap(bytes, 65_535)).toThrow('more than the 65535 positions')
    expect(countPositions(decodeRoaringBitmap(bytes, 65_536))).toBe(65_536)
  })

  it('with any byte changed is another set or refused, never a crash', () => {
    const bytes = encodeRoaringBitmap(blocksOf([1n, 5n, 6n, 7n, 8n, 9n, 100_000n, 1n << 34n]))
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const broken = Uint8Array.from(bytes)
        broken[at] = (broken[at] ?? 0) ^ change
        try {
          decode(broken)
        } catch (error) {
          expect(error).toMatchObject({ kind: 'corrupt-data' })
        }
      }),
    )
  })
})
