import { describe, expect, it } from 'vitest'
import { parseJavaMajor } from '../../stack/java.ts'

describe('parseJavaMajor', () => {
  it.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['java version "1.8.0_292"', 8],
    ['openjdk version "25" 2025-09-16', 25],
    ['sh: java: not found', undefined],
  ])('reads %s', (text, major) => {
    expect(parseJavaMajor(text)).toBe(major)
  })
})
