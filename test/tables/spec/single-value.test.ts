import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PrimitiveType } from '../../../tables/spec/schema.ts'
import {
  decimalBytes,
  fixedDecimalBytes,
  fromSingleValue,
  toSingleValue,
} from '../../../tables/spec/single-value.ts'
import type { SingleValue } from '../../../tables/spec/single-value.ts'

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })

const typedValue: fc.Arbitrary<[PrimitiveType, SingleValue]> = fc.oneof(
  fc.tuple(fc.constant<PrimitiveType>('boolean'), fc.boolean()),
  fc.tuple(fc.constantFrom<PrimitiveType>('int', 'date'), int32),
  fc.tuple(fc.constantFrom<PrimitiveType>('long', 'time', 'timestamp', 'timestamptz'), int64),
  fc.tuple(fc.constantFrom<PrimitiveType>('timestamp_ns', 'timestamptz_ns'), int64),
  fc.tuple(fc.constant<PrimitiveType>('float'), fc.float({ noNaN: true })),
  fc.tuple(fc.constant<PrimitiveType>('double'), fc.double({ noNaN: true })),
  fc.tuple(fc.constant<PrimitiveType>('string'), fc.string({ unit: 'grapheme' })),
  fc.tuple(fc.constant<PrimitiveType>('uuid'), fc.uuid()),
  fc.tuple(
    fc.constant<PrimitiveType>('decimal(38,16)'),
    fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n }),
  ),
)

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

describe('single-value binary', () => {
  // Written out from Appendix D of the specification, little-endian where it says so.
  it.each<[PrimitiveType, SingleValue, string]>([
    ['boolean', false, '00'],
    ['boolean', true, '01'],
    ['int', 34, '22000000'],
    ['int', -1, 'ffffffff'],
    ['date', 17_486, '4e440000'],
    ['long', 34n, '2200000000000000'],
    ['long', -2n, 'feffffffffffffff'],
    ['long', 7, '0700000000000000'],
    ['timestamptz', 1n, '0100000000000000'],
    ['timestamp_ns', 1_510_871_468_000_001_001n, 'e9bb695f98b1f714'],
    ['timestamptz_ns', -1n, 'ffffffffffffffff'],
    ['time', 81_068_000_000n, '008307e012000000'],
    ['float', 1, '0000803f'],
    ['double', -0, '0000000000000080'],
    ['decimal(4,2)', 1420n, '058c'],
    ['decimal(4, 2)', -1n, 'ff'],
    ['string', 'ICEBERG', '49434542455247'],
    ['string', '\u{1F9CA}', 'f09fa78a'],
    ['string', '', ''],
    ['uuid', 'f79c3e09-677c-4bbd-a479-3f349cb785e7', 'f79c3e09677c4bbda4793f349cb785e7'],
    ['fixed[4]', Uint8Array.of(0, 1, 2, 3), '00010203'],
    ['binary', Uint8Array.of(255, 0), 'ff00'],
  ])('writes %s %s as the bytes of Appendix D', (type, value, expected) => {
    expect(hex(toSingleValue(type, value))).toBe(expected)
  })

  it.each([
    [0n, '00'],
    [127n, '7f'],
    [128n, '0080'],
    [-128n, '80'],
    [-129n, 'ff7f'],
    [255n, '00ff'],
    [-256n, 'ff00'],
    [32_767n, '7fff'],
    [-32_768n, '8000'],
    [-32_769n, 'ff7fff'],
    [-(2n ** 63n), '8000000000000000'],
    [2n ** 63n, '008000000000000000'],
  ])('takes no byte more and no byte less than the decimal %s needs', (unscaled, expected) => {
    expect(hex(decimalBytes(unscaled))).toBe(expected)
  })

  it('writes a decimal in so few bytes that one byte less would lose it', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 126n), max: 2n ** 126n }), (unscaled) => {
        const bits = decimalBytes(unscaled).length * 8
        expect(BigInt.asIntN(bits, unscaled)).toBe(unscaled)
        if (bits > 8) expect(BigInt.asIntN(bits - 8, unscaled)).not.toBe(unscaled)
      }),
    )
  })

  it('fills a fixed decimal up with the sign', () => {
    expect(hex(fixedDecimalBytes(18, -1n))).toBe('ffffffffffffffff')
    expect(hex(fixedDecimalBytes(9, 1420n))).toBe('0000058c')
    expect(fixedDecimalBytes(38, 1n)).toHaveLength(16)
  })

  it('reads back what it wrote', () => {
    fc.assert(
      fc.property(typedValue, ([type, value]) => {
        expect(fromSingleValue(type, toSingleValue(type, value))).toEqual(value)
      }),
      { numRuns: 1000 },
    )
  })

  // A column that was widened keeps its old bounds: they must not read as another number.
  it('reads the bounds that were written before a column was widened', () => {
    expect(fromSingleValue('long', toSingleValue('int', -5))).toBe(-5n)
    expect(fromSingleValue('double', toSingleValue('float', 0.5))).toBe(0.5)
    expect(fromSingleValue('decimal(20, 2)', toSingleValue('decimal(4, 2)', -128n))).toBe(-128n)
  })

  it('refuses a value of another type', () => {
    expect(() => toSingleValue('int', 2 ** 31)).toThrow(/no int value/)
    expect(() => toSingleValue('int', 1.5)).toThrow(/no int value/)
    expect(() => toSingleValue('long', 2n ** 63n)).toThrow(/64 bits/)
    expect(() => toSingleValue('string', 1n)).toThrow(/no string value/)
    expect(() => toSingleValue('fixed[2]', Uint8Array.of(1))).toThrow(/no fixed\[2\] value/)
    expect(() => toSingleValue('uuid', 'no uuid')).toThrow(/not a UUID/)
  })

  it('refuses bytes of another length', () => {
    expect(() => fromSingleValue('long', new Uint8Array(3))).toThrow(/3 bytes where 8/)
    expect(() => fromSingleValue('decimal(4, 2)', new Uint8Array(0))).toThrow(/0 bytes/)
  })

  // A type that was widened leaves the bounds of older files as they are.
  it.each<[PrimitiveType, PrimitiveType, SingleValue, SingleValue]>([
    ['int', 'long', -34, -34n],
    ['float', 'double', 1.5, 1.5],
    ['date', 'timestamp', 17_486, 1_510_790_400_000_000n],
    ['date', 'timestamp_ns', -1, -86_400_000_000_000n],
    ['decimal(4, 2)', 'decimal(20, 2)', -128n, -128n],
  ])('reads a bound of %s in a column that is %s now', (before, now, value, expected) => {
    expect(fromSingleValue(now, toSingleValue(before, value))).toBe(expected)
  })

  it.each<PrimitiveType>(['timestamptz', 'timestamptz_ns', 'time'])(
    'refuses four bytes for %s, to which nothing widens',
    (type) => {
      expect(() => fromSingleValue(type, new Uint8Array(4))).toThrow(/4 bytes where 8 are due/)
    },
  )

  it('keeps the sign of zero, the infinities, and that NaN is none', () => {
    expect(fromSingleValue('double', toSingleValue('double', -0))).toBe(-0)
    expect(fromSingleValue('float', toSingleValue('float', -0))).toBe(-0)
    expect(fromSingleValue('float', toSingleValue('float', -Infinity))).toBe(-Infinity)
    expect(fromSingleValue('double', toSingleValue('double', NaN))).toBeNaN()
  })

  it('knows no value of the type unknown', () => {
    expect(() => toSingleValue('unknown', 1)).toThrow(/no unknown value/)
    expect(() => fromSingleValue('unknown', new Uint8Array(1))).toThrow(/no value at all/)
  })
})
