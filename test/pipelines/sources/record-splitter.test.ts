import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRecordSplitter, splitCells } from '../../../pipelines/sources/record-splitter.ts'
import { dataPath } from '../../support/data.ts'
import { describeWithService } from '../../support/service.ts'

function splitAll(
  bytes: Buffer,
  chunkSizes: readonly number[],
  startRecord = 0,
): [number, string][] {
  const splitter = createRecordSplitter({ startRecord, delimiter: ';', shownPath: 'x' })
  const records: [number, string][] = []
  const take = (lines: ReturnType<typeof splitter.rest>) => {
    for (const { number, bytes: line } of lines)
      records.push([number, Buffer.from(line).toString()])
  }
  for (let start = 0, index = 0; start < bytes.length; index += 1) {
    const size = chunkSizes[index % chunkSizes.length] ?? 1
    take(splitter.split(bytes.subarray(start, start + size)))
    start += size
  }
  take(splitter.rest())
  return records
}

/** Character by character; a record that is cut off by the end gives up its first line. */
function referenceRecords(text: string): [number, string][] {
  const records: string[] = []
  let start = 0
  while (start < text.length) {
    let end = -1
    let isQuoted = false
    let isCellStart = true
    for (let at = start; at < text.length && end < 0; at += 1) {
      if (isQuoted) {
        if (text[at] !== '"') continue
        if (text[at + 1] === '"') at += 1
        else isQuoted = false
      } else if (isCellStart && text[at] === '"') {
        isQuoted = true
        isCellStart = false
      } else if (text[at] === '\n') end = at
      else isCellStart = text[at] === ';'
    }
    if (end < 0 && isQuoted && text.indexOf('\n', start) >= 0) end = text.indexOf('\n', start)
    if (end < 0) end = text.length
    records.push(text.slice(start, end).replace(/\r$/, ''))
    start = end + 1
  }
  while (records.at(-1) === '') records.pop()
  return records.map((record, number) => [number, record])
}

describe('the record splitter', () => {
  it('gives the records of the whole text, whatever the chunks are', () => {
    const piece = fc.constantFrom('a', '"', '"', '""', ';', '\n', '\r\n', 'é', ';"', '";')
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 40 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
        fc.nat(6),
        (pieces, chunkSizes, startRecord) => {
          const text = pieces.join('')
          const expected = referenceRecords(text).filter(([number]) => number >= startRecord)
          expect(splitAll(Buffer.from(text), chunkSizes, startRecord)).toEqual(expected)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('does not let a quote that is never closed swallow the file', () => {
    const behind = 'x;y\n'.repeat(400_000)
    const text = Buffer.from(`a;b\n"open;c\n${behind}last;one`)
    for (const chunkSize of [64 * 1024, 3_000_000]) {
      const records = splitAll(text, [chunkSize])
      expect(records).toHaveLength(400_003)
      expect(records.slice(0, 3).map(([, record]) => record)).toEqual(['a;b', '"open;c', 'x;y'])
      expect(records.at(-1)).toEqual([400_002, 'last;one'])
    }
  })

  it.each([
    ['a;b', ['a', 'b']],
    ['', ['']],
    [';', ['', '']],
    ['"a;""b""";c"d', ['a;"b"', 'c"d']],
    ['"a"b;c', ['"a"b', 'c']],
  ])('finds the cells of %j', (record, cells) => {
    expect(splitCells(record, ';')).toEqual(cells)
  })
})

await describeWithService('data', 'the record splitter on comments of many lines', () => {
  it('cuts 562 records and a header, and loses no byte of them', () => {
    const bytes = readFileSync(dataPath('sentiment/surge_crypto_sentiment.csv'))
    const splitter = createRecordSplitter({ startRecord: 0, delimiter: ',', shownPath: 'x' })
    const records = [...splitter.split(bytes), ...splitter.rest()].map(({ bytes: record }) =>
      Buffer.from(record).toString(),
    )
    expect(records).toHaveLength(563)
    expect(records.filter((record) => record.includes('\n')).length).toBeGreaterThan(0)
    const text = bytes.toString().replaceAll('\r\n', '\n').trimEnd()
    expect(records.join('\n').replaceAll('\r\n', '\n')).toBe(text)
    const labels = records.slice(1).map((record) => splitCells(record, ',')[1])
    expect(labels.filter((label) => label === 'Positive')).toHaveLength(302)
    expect(labels.filter((label) => label === 'Negative')).toHaveLength(260)
  })
})
