import { describe, expect, it } from 'vitest'
import { uncompressSnappy } from '../../../tables/write/snappy.ts'

const unpack = (hex: string) => Buffer.from(uncompressSnappy(Buffer.from(hex, 'hex'))).toString()

describe('snappy blocks', () => {
  // Made by hand from the format description: length, then tags.
  it.each([
    ['an empty block', '00', ''],
    ['a literal', '0308616263', 'abc'],
    ['a copy with one byte of offset', '0708616263' + '0103', 'abcabca'],
    ['a copy that overlaps itself, a run', '0600' + '61' + '1201' + '00', 'aaaaaa'],
    ['a copy with four bytes of offset', '0404' + '6162' + '0702000000', 'abab'],
  ])('unpacks %s', (_, hex, expected) => {
    expect(unpack(hex)).toBe(expected)
  })

  it('unpacks a literal whose length follows in bytes of its own', () => {
    const text = 'x'.repeat(300)
    const block = Buffer.concat([Buffer.from('ac02f42b01', 'hex'), Buffer.from(text)])
    expect(Buffer.from(uncompressSnappy(block)).toString()).toBe(text)
  })

  it.each([
    ['no length', ''],
    ['a literal that is cut off', '03086162'],
    ['a copy from before the block', '0500' + '61' + '0105'],
    ['less than it says', '0508616263'],
    ['more than it says', '0208616263'],
  ])('refuses a block with %s', (_, hex) => {
    expect(() => unpack(hex)).toThrow(/snappy/)
  })
})
