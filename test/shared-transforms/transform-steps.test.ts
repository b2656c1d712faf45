import { describe, expect, it } from 'vitest'
import { formats } from '../../shared-transforms/formats/formats.ts'
import { formatSteps, stepVersions } from '../../shared-transforms/transform-steps.ts'

/** What a pure step cannot say: a clock, chance, or how large its input is. */
const impure = /\b(now|current_timestamp|current_date|random|uuid|gen_random|today)\b/i

describe('the steps', () => {
  it('are named once each, with a version', () => {
    const names = stepVersions.map((step) => step.name)
    expect(new Set(names).size).toBe(names.length)
    expect(stepVersions.filter((step) => step.version < 1)).toEqual([])
    expect(names).toContain('decode-stock-json-quote')
    for (const format of formats.keys()) expect(names).toContain(`route-${format}`)
  })

  it('give the same text each time, without clock and chance', () => {
    for (const { sql } of formatSteps) {
      expect(sql('input')).toBe(sql('input'))
      expect(sql('input')).not.toMatch(impure)
    }
  })
})
