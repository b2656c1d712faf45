import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { murmur3 } from '../../../tables/spec/murmur3.ts'
import { partitionPath } from '../../../tables/spec/partition-path.ts'
import type { PartitionTransform, PartitionValue } from '../../../tables/spec/partition-spec.ts'
import { applyTransform, transformResultType } from '../../../tables/spec/partition-transform.ts'
import type { PrimitiveType } from '../../../tables/spec/schema.ts'

const BUCKETS_MAX = 2 ** 31 - 1
const utcUs = (text: string) => BigInt(Date.parse(text)) * 1000n

describe('murmur3', () => {
  it.each([
    ['', 0],
    ['iceberg', 1210000089],
    ['a', 1009084850],
    ['ab', -1681926305],
    ['abc', -1277324294],
    ['hello, world', 345750399],
  ])('hashes the text "%s"', (text, expected) => {
    expect(murmur3(Buffer.from(text))).toBe(expected)
  })
})

describe('partition transforms', () => {
  // Appendix B of the specification gives the hash; a bucket is its lower 31 bits modulo n.
  it.each<[PrimitiveType, PartitionValue, number]>([
    ['int', 34, 2017239379],
    ['long', 34n, 2017239379],
    ['decimal(4,2)', 1420n, -500754589],
    ['date', 17_486, -653330422],
    ['time', 81_068_000_000n, -662762989],
    ['timestamp', 1_510_871_468_000_000n, -2047944441],
    ['timestamptz', 1_510_871_468_000_000n, -2047944441],
    ['timestamp', 1_510_871_468_000_001n, -1207196810],
    ['timestamp_ns', 1_510_871_468_000_000_000n, -2047944441],
    ['timestamptz_ns', 1_510_871_468_000_001_001n, -1207196810],
    ['string', 'iceberg', 1210000089],
    ['uuid', 'f79c3e09-677c-4bbd-a479-3f349cb785e7', 1488055340],
    ['fixed[4]', Uint8Array.of(0, 1, 2, 3), -188683207],
    ['binary', Uint8Array.of(0, 1, 2, 3), -188683207],
  ])('buckets %s %s by the hash of the specification', (type, value, hash) => {
    const bucket = applyTransform(`bucket[${BUCKETS_MAX}]`, type, value)
    expect(bucket).toBe((hash & 0x7fffffff) % BUCKETS_MAX)
    expect(applyTransform('bucket[16]', type, value)).toBe((hash & 0x7fffffff) % 16)
  })

  it.each<[PartitionTransform, PrimitiveType, PartitionValue, PartitionValue]>([
    ['truncate[10]', 'int', 1, 0],
    ['truncate[10]', 'int', -1, -10],
    ['truncate[10]', 'long', -11n, -20n],
    ['truncate[50]', 'decimal(9,2)', 1065n, 1050n],
    ['truncate[50]', 'decimal(9,2)', -1n, -50n],
    ['truncate[3]', 'string', 'iceberg', 'ice'],
    ['truncate[1]', 'string', '\u{1F9CA}x', '\u{1F9CA}'],
    ['truncate[2]', 'binary', Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2)],
  ])('%s of %s %s rounds down', (transform, type, value, expected) => {
    expect(applyTransform(transform, type, value)).toEqual(expected)
  })

  it.each<[string, number, number, number, number]>([
    ['1970-01-01T00:00:00Z', 0, 0, 0, 0],
    ['1969-12-31T23:59:59.999Z', -1, -1, -1, -1],
    ['2024-08-08T13:45:00Z', 54, 655, 19943, 478645],
    ['2024-02-29T23:59:59Z', 54, 649, 19782, 474791],
    ['1899-03-01T00:00:00Z', -71, -850, -25873, -620952],
  ])('takes %s apart into years, months, days and hours', (text, year, month, day, hour) => {
    const us = utcUs(text)
    for (const type of ['timestamp', 'timestamptz'] as const) {
      expect(applyTransform('year', type, us)).toBe(year)
      expect(applyTransform('month', type, us)).toBe(month)
      expect(applyTransform('day', type, us)).toBe(day)
      expect(applyTransform('hour', type, us)).toBe(hour)
    }
    // One nanosecond before the next microsecond is still in the same part.
    for (const type of ['timestamp_ns', 'timestamptz_ns'] as const) {
      const ns = us * 1000n + 999n
      expect(applyTransform('year', type, ns)).toBe(year)
      expect(applyTransform('month', type, ns)).toBe(month)
      expect(applyTransform('day', type, ns)).toBe(day)
      expect(applyTransform('hour', type, ns)).toBe(hour)
    }
    expect(applyTransform('year', 'date', day)).toBe(year)
    expect(applyTransform('month', 'date', day)).toBe(month)
    expect(applyTransform('day', 'date', day)).toBe(day)
  })

  it('agrees with the calendar of JavaScript on every day', () => {
    fc.assert(
      fc.property(fc.integer({ min: -800_000, max: 3_000_000 }), (day) => {
        const date = new Date(day * 86_400_000)
        const year = date.getUTCFullYear()
        expect(applyTransform('year', 'date', day)).toBe(year - 1970)
        expect(applyTransform('month', 'date', day)).toBe((year - 1970) * 12 + date.getUTCMonth())
        const spec = { 'spec-id': 0, fields: [field('d', 'day')] }
        if (year >= 1000 && year <= 9999) {
          expect(partitionPath(spec, { d: day })).toBe(`d=${date.toISOString().slice(0, 10)}`)
        }
      }),
    )
  })

  it('keeps null as null, and makes everything null under void', () => {
    for (const transform of ['identity', 'day', 'bucket[4]', 'truncate[4]', 'void'] as const) {
      expect(applyTransform(transform, 'timestamptz', null)).toBeNull()
    }
    expect(applyTransform('void', 'string', 'x')).toBeNull()
    expect(applyTransform('identity', 'int', 0)).toBe(0)
  })

  it('refuses a type that the transform does not take', () => {
    expect(() => applyTransform('day', 'string', '2024')).toThrow(/does not take/)
    expect(() => applyTransform('hour', 'date', 1)).toThrow(/does not take/)
    expect(() => applyTransform('bucket[4]', 'double', 1)).toThrow(/does not take/)
    expect(() => applyTransform('truncate[4]', 'boolean', true)).toThrow(/does not take/)
    expect(() => applyTransform('zorder' as 'void', 'int', 1)).toThrow(/not known/)
    expect(() => applyTransform('bucket[0]', 'int', 1)).toThrow(/not known/)
  })

  it('gives partition values the types that the reference writes', () => {
    expect(transformResultType('day', 'timestamptz')).toBe('date')
    expect(transformResultType('hour', 'timestamptz')).toBe('int')
    expect(transformResultType('bucket[4]', 'string')).toBe('int')
    expect(transformResultType('truncate[4]', 'string')).toBe('string')
    expect(transformResultType('identity', 'decimal(4, 2)')).toBe('decimal(4, 2)')
  })
})

describe('partitionPath', () => {
  it('names folders as people read them, without a colon', () => {
    const spec = {
      'spec-id': 1,
      fields: [
        field('event_ts_month', 'month'),
        field('event_ts_hour', 'hour'),
        field('old', 'void'),
        field('symbol', 'identity'),
      ],
    }
    const tuple = { event_ts_month: -1, event_ts_hour: 478_645, old: null, symbol: 'a:b/ü %' }
    expect(partitionPath(spec, tuple)).toBe(
      'event_ts_month=1969-12/event_ts_hour=2024-08-08-13/symbol=a_b____',
    )
    expect(partitionPath(spec, { ...tuple, symbol: null })).toMatch(/\/symbol=null$/)
  })

  it('is empty for an unpartitioned table', () => {
    expect(partitionPath({ 'spec-id': 0, fields: [] }, {})).toBe('')
  })
})

function field(name: string, transform: PartitionTransform) {
  return { 'source-id': 1, 'field-id': 1000, name, transform }
}
