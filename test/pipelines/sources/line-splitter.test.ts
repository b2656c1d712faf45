import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLineSplitter } from '../../../pipelines/sources/line-splitter.ts'

function splitAll(text: string, chunkSizes: readonly number[], startLine = 0): [number, string][] {
  const splitter = createLineSplitter({ startLine, shownPath: 'x' })
  const bytes = Buffer.from(text)
  const lines: [number, string][] = []
  let start = 0
  for (let index = 0; start < bytes.length; index += 1) {
    const size = chunkSizes[index % chunkSizes.length] ?? 1
    for (const { number, bytes: line } of splitter.split(bytes.subarray(start, start + size))) {
      lines.push([number, Buffer.from(line).toString()])
    }
    start += size
  }
  for (const { number, bytes: line } of splitter.rest()) {
    lines.push([number, Buffer.from(line).toString()])
  }
  return lines
}

/** Split, strip, and drop the blank end: what a reader of the whole text would do. */
function referenceLines(text: string): [number, string][] {
  const lines = text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
  while (lines.at(-1) === '') lines.pop()
  return lines.map((line, number) => [number, line])
}

describe('the line splitter', () => {
  it('gives the lines of the whole text, whatever the chunks are', () => {
    const piece = fc.constantFrom('a', 'bc', '\n', '\r\n', '\r', 'é', '\n\n')
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
        fc.nat(10),
        (pieces, chunkSizes, startLine) => {
          const text = pieces.join('')
          const expected = referenceLines(text).filter(([number]) => number >= startLine)
          expect(splitAll(text, chunkSizes, startLine)).toEqual(expected)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('keeps blank lines before others and drops those at the end', () => {
    expect(splitAll('\na\r\n\r\nb\n\n\r\n', [3])).toEqual([
      [0, ''],
      [1, 'a'],
      [2, ''],
      [3, 'b'],
    ])
  })
})
