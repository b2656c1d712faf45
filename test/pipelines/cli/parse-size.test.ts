import { describe, expect, it } from 'vitest'
import { sizeOption } from '../../../pipelines/cli/parse-size.ts'

describe('sizeOption', () => {
  it.each([
    ['512B', 512],
    ['8kB', 8_000],
    ['128MB', 128_000_000],
    ['64MiB', 67_108_864],
    ['1.5GB', 1_500_000_000],
    [' 2GiB ', 2_147_483_648],
  ])('reads %s as %d bytes', (text, bytes) => {
    expect(sizeOption(text)).toBe(bytes)
  })

  it.each(['', '128', 'MB', '-1MB', '1 TB', '1mb', '1.5.5MB', '99999999999B'])(
    'refuses %j',
    (text) => {
      expect(() => sizeOption(text)).toThrow(/is no size/)
    },
  )
})
