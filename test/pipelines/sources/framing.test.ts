import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FrameRecord, Frames } from '../../../pipelines/sources/framing.ts'
import { createFrameWriter } from '../../../pipelines/sources/framing.ts'
import { randomIds } from '../../../tables/clock.ts'
import { parseFrames } from './parse-frames.ts'

let scratchDir: string
beforeAll(() => {
  scratchDir = mkdtempSync(join(tmpdir(), 'sluice-framing-'))
})
afterAll(() => rmSync(scratchDir, { recursive: true, force: true }))

const record = (fields: Partial<FrameRecord>): FrameRecord => ({
  offset: '0',
  receivedUs: '',
  key: null,
  headers: undefined,
  payload: Buffer.from('x'),
  ...fields,
})

function frame(records: readonly FrameRecord[]): Frames {
  const writer = createFrameWriter({ scratchDir, ids: randomIds })
  records.forEach((each, index) => writer.add(index % 10_000, each))
  return writer.finish()
}

const bulkOf = ({ bulkFile }: Frames) =>
  bulkFile === undefined ? [] : parseFrames(readFileSync(bulkFile))

/** Which way a message must go, said as slowly as the rule reads. */
function belongsInBulk({ key, headers, payload, receivedUs }: FrameRecord): boolean {
  if (payload === null || payload.length >= 1_000_000) return false
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payload)
    if (/[\n\r\0\x01-\x08]/.test(text)) return false
  } catch {
    return false
  }
  const isPrintable = (text: string) => /^[\x20-\x7e]*$/.test(text)
  if (key !== null && !isPrintable(Buffer.from(key).toString('latin1'))) return false
  if (key !== null && key.length > 9998) return false
  if (headers !== undefined && (!isPrintable(headers) || headers.length > 999_999)) return false
  return receivedUs === '' || /^[1-9]\d{0,15}$/.test(receivedUs)
}

const bytes = fc.oneof(
  fc.string({ maxLength: 60 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 60 }),
  fc.string({ maxLength: 60, unit: 'binary' }).map((text) => Buffer.from(text)),
  fc.string({ maxLength: 60 }).map((text) => Buffer.from(text)),
)
const records = fc.array(
  fc.record({
    offset: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }).map(String),
    receivedUs: fc.oneof(
      fc.constant('1723161253937085'),
      fc.constant('1723161253937086'),
      fc.constant(''),
      fc.bigInt({ min: 0n, max: 2n ** 62n }).map(String),
      fc.bigInt({ min: 1n, max: 4_000_000_000_000_000n }).map(String),
      fc.bigInt({ min: -5n, max: -1n }).map(String),
    ),
    key: fc.option(bytes),
    headers: fc.option(
      fc.dictionary(fc.string(), fc.string()).map((value) => JSON.stringify(value)),
      {
        nil: undefined,
      },
    ),
    payload: fc.option(bytes, { freq: 10 }),
  }),
  { maxLength: 30 },
)

describe('the frame writer', () => {
  it('carries every message whole, as a line or at the side, as the rule says', () => {
    let bulkCount = 0
    let sideCount = 0
    fc.assert(
      fc.property(records, (given) => {
        const frames = frame(given)
        const bulk = bulkOf(frames)
        bulkCount += bulk.length
        sideCount += frames.side.length
        expect(frames.bulkCount).toBe(bulk.length)
        expect(bulk.map(({ partIndex }) => partIndex)).toEqual(
          [...given.keys()].filter((index) => belongsInBulk(given[index] as FrameRecord)),
        )
        expect(bulk.length + frames.side.length).toBe(given.length)
        for (const line of bulk) {
          const source = given[line.partIndex] as FrameRecord
          expect(line.offset).toBe(BigInt(source.offset))
          expect(line.receivedUs).toBe(
            source.receivedUs === '' ? undefined : BigInt(source.receivedUs),
          )
          expect(line.key).toBe(
            source.key === null ? undefined : Buffer.from(source.key).toString(),
          )
          expect(line.headers).toBe(source.headers)
          expect(Buffer.from(line.payload)).toEqual(Buffer.from(source.payload ?? []))
        }
        for (const message of frames.side) {
          const source = given[message.partIndex] as FrameRecord
          expect(message.offset).toBe(BigInt(source.offset))
          expect(message.receivedUs).toBe(
            source.receivedUs === '' ? undefined : BigInt(source.receivedUs),
          )
          const encoding = message.payloadEncoding === 'base64' ? 'base64' : 'utf8'
          const payload =
            message.payload === undefined ? null : Buffer.from(message.payload, encoding)
          expect(payload).toEqual(source.payload === null ? null : Buffer.from(source.payload))
          const headers: Record<string, unknown> = JSON.parse(message.headers ?? '{}')
          const isKeyBase64 = headers['message-key-encoding'] === 'base64'
          const key =
            message.key === undefined
              ? null
              : Buffer.from(message.key, isKeyBase64 ? 'base64' : 'utf8')
          expect(key).toEqual(source.key === null ? null : Buffer.from(source.key))
        }
        if (frames.bulkFile !== undefined) rmSync(frames.bulkFile)
      }),
      { numRuns: 600 },
    )
    expect(bulkCount).toBeGreaterThan(500)
    expect(sideCount).toBeGreaterThan(500)
  })

  it.each([
    ['a tombstone', record({ payload: null })],
    ['a line feed', record({ payload: Buffer.from('a\nb') })],
    ['a carriage return', record({ payload: Buffer.from('a\rb') })],
    ['a NUL', record({ payload: Buffer.from('a\0b') })],
    ['the delimiter \\x01', record({ payload: Buffer.from('a\x01b') })],
    ['bytes that are no UTF-8', record({ payload: Buffer.from([0xc0, 0xaf]) })],
    ['a lone surrogate', record({ payload: Buffer.from([0xed, 0xa0, 0x80]) })],
    ['a payload of 1 MB', record({ payload: Buffer.alloc(1_000_000, 0x61) })],
    ['a key above ASCII', record({ key: Buffer.from('é') })],
    ['a key of 9,999 bytes', record({ key: Buffer.alloc(9999, 0x61) })],
    ['headers above ASCII', record({ headers: '{"é":1}' })],
    ['headers of 1,000,000 bytes', record({ headers: `"${'a'.repeat(999_998)}"` })],
    ['a receive time of zero', record({ receivedUs: '0' })],
    ['a receive time of 17 digits', record({ receivedUs: '17231612539370857' })],
  ])('puts %s to the side and makes no file for it', (_, odd) => {
    const frames = frame([odd])
    expect(frames.side).toHaveLength(1)
    expect(frames.bulkFile).toBeUndefined()
  })

  it.each([
    ['an empty payload', record({ payload: Buffer.alloc(0) })],
    ['an empty key', record({ key: Buffer.alloc(0) })],
    ['a key of 9,998 bytes', record({ key: Buffer.alloc(9998, 0x61) })],
    ['a tab and \\x0b', record({ payload: Buffer.from('\t\x0b\x0c\x1f\x7f') })],
    ['a payload just below 1 MB', record({ payload: Buffer.alloc(999_999, 0x61) })],
    ['the last offset of 64 bits', record({ offset: '9223372036854775807' })],
    ['text above ASCII', record({ payload: Buffer.from('é漢🙂\u2028') })],
  ])('keeps %s in the line', (_, plain) => {
    const [line] = bulkOf(frame([plain]))
    expect(line?.offset).toBe(BigInt(plain.offset))
    expect(line?.payload).toBe(Buffer.from(plain.payload ?? []).toString())
    expect(line?.key).toBe(plain.key === null ? undefined : Buffer.from(plain.key).toString())
  })

  it('leaves nothing of a refused line between its neighbours', () => {
    const wide = Buffer.concat([Buffer.alloc(300_000, 0x61), Buffer.from('\n')])
    const given = [1, 2, 3].flatMap((number) => [
      record({ offset: String(number), payload: Buffer.from(`m${number}`) }),
      record({ payload: wide }),
    ])
    const frames = frame(given)
    expect(bulkOf(frames).map(({ payload }) => payload)).toEqual(['m1', 'm2', 'm3'])
    expect(frames.side).toHaveLength(3)
  })

  it('writes many chunks in order', () => {
    const given = Array.from({ length: 9000 }, (_, index) =>
      record({
        offset: String(index),
        payload: Buffer.from(`${index} ${'x'.repeat(index % 900)}`),
      }),
    )
    const lines = bulkOf(frame(given))
    expect(lines.map(({ offset }) => Number(offset))).toEqual([...given.keys()])
    expect(
      lines.every(({ payload }, index) => payload.length === `${index} `.length + (index % 900)),
    ).toBe(true)
  })

  it('removes its file when it is given up', () => {
    const before = readdirSync(scratchDir).length
    const writer = createFrameWriter({ scratchDir, ids: randomIds })
    for (let index = 0; index < 5; index += 1) {
      writer.add(0, record({ payload: Buffer.alloc(200_000, 0x61) }))
    }
    expect(readdirSync(scratchDir).length).toBe(before + 1)
    writer.discard()
    expect(readdirSync(scratchDir).length).toBe(before)
  })

  it('says what to do where the scratch folder cannot be written', () => {
    const writer = createFrameWriter({ scratchDir: join(scratchDir, 'missing'), ids: randomIds })
    writer.add(0, record({}))
    expect(() => writer.finish()).toThrow(/scratch folder .* Free space there/)
  })
})
