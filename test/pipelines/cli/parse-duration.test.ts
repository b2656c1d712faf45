import { describe, expect, it } from 'vitest'
import { parseDuration } from '../../../pipelines/cli/parse-duration.ts'

describe('a duration', () => {
  it.each([
    ['500ms', 500],
    ['20s', 20_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    [' 3s ', 3000],
  ])('%s is %d ms', (text, expectedMs) => {
    expect(parseDuration(text)).toBe(expectedMs)
  })

  it.each(['', '20', 's', '-1s', '1 s', '1e3s', '20 seconds', '1,5s'])(
    "'%s' is refused with an example",
    (text) => {
      expect(() => parseDuration(text)).toThrow(/is no duration.*20s/)
    },
  )
})
