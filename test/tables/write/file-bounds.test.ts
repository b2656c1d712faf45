import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DataFile } from '../../../tables/spec/manifest.ts'
import type { PrimitiveType } from '../../../tables/spec/schema.ts'
import { fromSingleValue } from '../../../tables/spec/single-value.ts'
import type { SingleValue } from '../../../tables/spec/single-value.ts'
import { writeDataFiles } from '../../../tables/write/write-data-files.ts'
import { openWorkshop, sampleTable } from './sample-table.ts'
import type { Workshop } from './sample-table.ts'

describe('bounds for any values', () => {
  let shop: Workshop

  beforeAll(async () => {
    shop = await openWorkshop()
  })

  afterAll(async () => {
    await shop.close()
  })

  const bound = (file: DataFile, which: 'lower' | 'upper', type: PrimitiveType) => {
    const bytes = (which === 'lower' ? file.lowerBounds : file.upperBounds).get(1)
    return bytes === undefined ? undefined : fromSingleValue(type, bytes)
  }

  const day = fc.bigInt({ min: -(10n ** 16n), max: 10n ** 17n })
  const kinds: readonly {
    readonly type: PrimitiveType
    readonly values: fc.Arbitrary<SingleValue>
    readonly sql: (value: SingleValue) => string
  }[] = [
    { type: 'long', values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), sql: String },
    { type: 'int', values: fc.integer(), sql: String },
    { type: 'timestamptz', values: day, sql: (us) => `make_timestamptz(${String(us)})` },
    { type: 'timestamp', values: day, sql: (us) => `make_timestamp(${String(us)})` },
    {
      type: 'date',
      values: fc.integer({ min: -10000, max: 100000 }),
      sql: (d) => `DATE '1970-01-01' + ${String(d)}`,
    },
    {
      type: 'decimal(38, 16)',
      values: fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n }),
      sql: (unscaled) => {
        const text = String(unscaled).replace('-', '').padStart(17, '0')
        const sign = BigInt(String(unscaled)) < 0n ? '-' : ''
        return `'${sign}${text.slice(0, -16)}.${text.slice(-16)}'`
      },
    },
    {
      type: 'time',
      values: fc.bigInt({ min: 0n, max: 86_399_999_999n }),
      sql: (us) => `TIME '00:00:00' + to_microseconds(${String(us)})`,
    },
    { type: 'uuid', values: fc.uuid(), sql: (text) => `'${String(text)}'` },
    {
      type: 'binary',
      values: fc.uint8Array({ maxLength: 40 }),
      sql: (bytes) => `from_hex('${Buffer.from(bytes as Uint8Array).toString('hex')}')`,
    },
    {
      type: 'string',
      values: fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => !text.includes('\0')),
      sql: (text) => `'${String(text).replaceAll("'", "''")}'`,
    },
    {
      type: 'double',
      values: fc.double({ noNaN: true, noDefaultInfinity: true }),
      sql: (value) => `'${Object.is(value, -0) ? '-0.0' : String(value)}'`,
    },
  ]

  it.each(kinds)('of type $type the bounds contain every one', async ({ type, values, sql }) => {
    const table = sampleTable({ location: `${shop.location}/t-${type}`, columns: { value: type } })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(values), { minLength: 1, maxLength: 12 }),
        async (rows) => {
          const list = rows.map((value) => (value === null ? '(NULL)' : `(${sql(value)})`))
          const [file] = await writeDataFiles(
            shop,
            table,
            `FROM (VALUES ${list.join(', ')}) t(value)`,
          )
          const present = rows.filter((value) => value !== null)
          expect(file?.nullValueCounts.get(1)).toBe(rows.length - present.length)
          expect(file?.valueCounts.get(1)).toBe(rows.length)
          const lower = bound(file as DataFile, 'lower', type)
          const upper = bound(file as DataFile, 'upper', type)
          for (const value of present) {
            if (lower !== undefined) expect(isAtMost(lower, value)).toBe(true)
            if (upper !== undefined) expect(isAtMost(value, upper)).toBe(true)
          }
          if (present.length === 0) expect([lower, upper]).toEqual([undefined, undefined])
        },
      ),
      { numRuns: 40 },
    )
  })
})

/** The order of the specification, written apart from the one under test. */
function isAtMost(a: SingleValue, b: SingleValue): boolean {
  if (typeof a === 'string' && typeof b === 'string') {
    return Buffer.compare(Buffer.from(a), Buffer.from(b)) <= 0
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) <= 0
  return a <= b
}
