import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  truncateBytesLower,
  truncateBytesUpper,
  truncateTextLower,
  truncateTextUpper,
} from '../../../tables/write/truncate-bound.ts'

const bytesOf = (text: string): Buffer => Buffer.from(text, 'utf8')

describe('a truncated text bound', () => {
  it('keeps a text of 16 code points as it is', () => {
    const text = '😀'.repeat(16)
    expect(truncateTextLower(text)).toBe(text)
    expect(truncateTextUpper(text)).toBe(text)
  })

  it('cuts by code points and raises the last one for the upper bound', () => {
    expect(truncateTextLower('abcdefghijklmnopqrst')).toBe('abcdefghijklmnop')
    expect(truncateTextUpper('abcdefghijklmnopqrst')).toBe('abcdefghijklmnoq')
  })

  it('steps over surrogates, which UTF-8 cannot hold', () => {
    expect(truncateTextUpper('a'.repeat(15) + '\ud7ff' + 'b')).toBe('a'.repeat(15) + '\ue000')
  })

  it('raises an earlier code point where the last ones are the largest', () => {
    const last = String.fromCodePoint(0x10ffff)
    expect(truncateTextUpper('ab' + last.repeat(20))).toBe('ac')
    expect(truncateTextUpper(last.repeat(17))).toBeUndefined()
  })

  it('always encloses the text in the order of UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const upper = truncateTextUpper(text)
        expect(Buffer.compare(bytesOf(truncateTextLower(text)), bytesOf(text))).toBeLessThanOrEqual(
          0,
        )
        if (upper !== undefined) {
          expect(Buffer.compare(bytesOf(upper), bytesOf(text))).toBeGreaterThanOrEqual(0)
          expect(Array.from(upper).length).toBeLessThanOrEqual(16)
        }
      }),
    )
  })
})

describe('a truncated bytes bound', () => {
  it('has no upper bound above sixteen 0xff', () => {
    expect(truncateBytesUpper(new Uint8Array(17).fill(255))).toBeUndefined()
  })

  it('always encloses the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
        const upper = truncateBytesUpper(bytes)
        expect(Buffer.compare(truncateBytesLower(bytes), bytes)).toBeLessThanOrEqual(0)
        if (upper !== undefined) expect(Buffer.compare(upper, bytes)).toBeGreaterThanOrEqual(0)
      }),
    )
  })
})
