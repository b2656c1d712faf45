import { describe, expect, it } from 'vitest'
import {
  decodeDeletionVector,
  encodeDeletionVector,
} from '../../../tables/puffin/deletion-vector.ts'
import { positionsOf } from '../../../tables/puffin/roaring-bitmap.ts'
import { readGoldenBytes } from '../../support/golden.ts'

function range(first: bigint, end: bigint): readonly bigint[] {
  return Array.from({ length: Number(end - first) }, (_, index) => first + BigInt(index))
}

/** As the Java test that wrote the file puts it together: bitmap, container, position. */
const allContainers = [0n, 1n << 32n].flatMap((bitmap, index) => [
  ...(index === 0 ? [5n, 7n] : [10n, 20n]).map((low) => bitmap + low),
  ...(index === 0 ? range(1n, 1000n) : range(10n, 500n)).map((low) => bitmap + 65_536n + low),
  ...range(1n, 65_535n).map((low) => bitmap + 131_072n + low),
])

const written: readonly (readonly [string, readonly bigint[]])[] = [
  ['empty', []],
  ['small-alternating-values', [1n, 3n, 5n, 7n, 9n]],
  ['small-and-large-values', [100n, 101n, 2n ** 31n + 99n, 2n ** 31n + 100n]],
  ['all-container-types', allContainers],
]

function facts(cardinality: number, rowCount = 2 ** 40) {
  return { location: 'file:///t/data/d.puffin', cardinality, rowCount }
}

describe('a deletion vector', () => {
  it.each(written)('that Java wrote is read: %s', (name, expected) => {
    const blob = readGoldenBytes(`deletion-vectors/${name}-position-index.bin`)
    const blocks = decodeDeletionVector(blob, facts(expected.length))
    expect([...positionsOf(blocks)]).toEqual(expected)
  })

  it.each(written)('is written with the bytes of Java: %s', (name, positions) => {
    const blob = readGoldenBytes(`deletion-vectors/${name}-position-index.bin`)
    expect(Buffer.from(encodeDeletionVector(positions)).equals(blob)).toBe(true)
  })

  it('is refused with its file named where any byte of it is wrong', () => {
    const blob = encodeDeletionVector([1n, 3n, 5n, 7n, 9n])
    for (let at = 0; at < blob.length; at += 1) {
      const broken = Uint8Array.from(blob)
      broken[at] = (broken[at] ?? 0) ^ 0x20
      expect(() => decodeDeletionVector(broken, facts(5))).toThrow(
        expect.objectContaining({
          kind: 'corrupt-data',
          message: expect.stringContaining('file:///t/data/d.puffin') as unknown,
        }),
      )
    }
  })

  it.each([0, 3, 7, 19, 49])('of %i bytes is refused: its end is missing', (length) => {
    const blob = encodeDeletionVector([1n, 3n, 5n, 7n, 9n]).slice(0, length)
    expect(() => decodeDeletionVector(blob, facts(5))).toThrow('cannot be trusted')
  })

  it('is refused where the manifest names another number of rows', () => {
    const blob = encodeDeletionVector([1n, 3n])
    expect(() => decodeDeletionVector(blob, facts(3))).toThrow('the 3 positions of the manifest')
  })

  it('is refused where it names a row that the data file does not have', () => {
    const blob = encodeDeletionVector([1n, 100n])
    expect(() => decodeDeletionVector(blob, facts(2, 100))).toThrow('row 100 in a file of 100 rows')
    expect(decodeDeletionVector(blob, facts(2, 101))).toHaveLength(1)
  })

  it.each([-1n, 2n ** 63n])('is not made of %s, which is no position', (position) => {
    expect(() => encodeDeletionVector([position])).toThrow(
      expect.objectContaining({ kind: 'invalid-input' }),
    )
  })
})
