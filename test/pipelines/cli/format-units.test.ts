import { describe, expect, it } from 'vitest'
import {
  formatCount,
  formatDuration,
  formatInstant,
  formatIso,
  formatSize,
  formatTimeOfDay,
} from '../../../pipelines/cli/format-units.ts'

describe('numbers for a person', () => {
  it('group digits by three', () => {
    expect([0, 999, 1000, 1234567].map(formatCount)).toEqual(['0', '999', '1,000', '1,234,567'])
  })

  it('say sizes in powers of a thousand, never as 1000.0 of a unit', () => {
    expect([0, 812, 4_200_000, 999_950].map(formatSize)).toEqual([
      '0 B',
      '812 B',
      '4.2 MB',
      '1.0 MB',
    ])
  })

  it('say durations in the unit that a person would take', () => {
    expect([12, 3200, 240_000, 9_000_000, 864_000_000].map(formatDuration)).toEqual([
      '12 ms',
      '3.2 s',
      '4 min',
      '2.5 h',
      '10 d',
    ])
  })

  it('say times in UTC', () => {
    expect(formatInstant(1_723_118_400_123_456n)).toBe('2024-08-08 12:00:00.123Z')
    expect(formatIso(1_723_118_400_123_456n)).toBe('2024-08-08T12:00:00.123456Z')
    expect(formatIso(-1n)).toBe('1969-12-31T23:59:59.999999Z')
    expect(formatTimeOfDay(1_723_118_400_123_456n)).toBe('12:00:00')
  })
})
