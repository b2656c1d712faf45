import { describe, expect, it } from 'vitest'
import { parseDecimal, parseStatistic } from '../../../tables/write/parse-statistic.ts'

describe('a statistic of the engine', () => {
  it.each([
    ['boolean', '1', true],
    ['boolean', 'false', false],
    ['int', '-5', -5],
    ['long', '9223372036854775807', 2n ** 63n - 1n],
    ['double', '1e-07', 1e-7],
    ['double', '-inf', -Infinity],
    ['date', '1969-12-31', -1],
    ['time', '00:00:01.5', 1_500_000n],
    ['timestamp', '1970-01-01 00:00:00', 0n],
    ['timestamptz', '2024-08-08 01:02:03.000004+00', 1723078923000004n],
    ['timestamptz', '1969-12-31 23:59:59.999999+00', -1n],
    ['decimal(18, 8)', '-0.00000001', -1n],
    ['decimal(38, 16)', '73.5000000000000000', 735000000000000000n],
    ['string', '+00', '+00'],
    ['timestamp_ns', '2024-01-01 00:00:00.000000001', 1704067200000000001n],
    ['timestamp_ns', '1969-12-31 23:59:59.5', -500000000n],
    ['uuid', '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000001'],
  ] as const)('of type %s reads %s', (type, text, expected) => {
    expect(parseStatistic(type, text)).toBe(expected)
  })

  it('of type binary is hexadecimal', () => {
    expect(parseStatistic('binary', '00FF')).toEqual(Buffer.from([0, 255]))
    expect(parseStatistic('binary', '')).toEqual(Buffer.from([]))
  })

  it.each([
    ['timestamptz', 'infinity'],
    ['timestamptz', '0044-01-01 (BC) 00:00:00+00'],
    ['timestamptz', '12044-01-01 00:00:00+00'],
    ['date', '-infinity'],
    ['double', 'nan'],
    ['uuid', '1'],
    ['timestamp', '2024-01-01 00:00:00.123456789'],
  ] as const)('of type %s gives no bound for %s', (type, text) => {
    expect(parseStatistic(type, text)).toBeUndefined()
  })

  it('refuses a decimal with more digits than the scale', () => {
    expect(parseDecimal(2, '1.230')).toBe(123n)
    expect(parseDecimal(2, '1.234')).toBeUndefined()
  })
})
