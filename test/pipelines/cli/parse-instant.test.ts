import { describe, expect, it } from 'vitest'
import { parseInstant } from '../../../pipelines/cli/parse-instant.ts'

const noonUs = BigInt(Date.UTC(2024, 7, 8, 12)) * 1000n

describe('an instant', () => {
  it.each([
    ['2024-08-08T12:00:00Z', noonUs],
    ['2024-08-08 12:00', noonUs],
    ['2024-08-08T14:00:00+02:00', noonUs],
    ['2024-08-08T06:30:00-0530', noonUs],
    ['2024-08-08', noonUs - 43_200_000_000n],
    ['2024-08-08T12:00:00.000001Z', noonUs + 1n],
    ['2024-08-08T12:00:00.1234567Z', noonUs + 123_456n],
  ])('%s is %d us', (text, expectedUs) => {
    expect(parseInstant(text)).toBe(expectedUs)
  })

  it.each(['', 'yesterday', '2024-02-30', '2024-13-01', '2024-08-08T25:00:00Z', '12:00'])(
    "'%s' is refused with an example",
    (text) => {
      expect(() => parseInstant(text)).toThrow(/is no time.*2025-01-15T10:30:00Z/)
    },
  )
})
