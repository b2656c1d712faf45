import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { LocalLog } from '../../../pipelines/producers/local-log.ts'
import { openLocalLog } from '../../../pipelines/producers/local-log.ts'
import { readRecords } from '../../../pipelines/producers/segment-file.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-log-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const record = (text: string) => ({
  key: Buffer.from('AAPL'),
  payload: Buffer.from(text),
  receivedUs: 1_700_000_000_000_000n,
})
const openLog = (segmentBytes = 1000) => openLocalLog({ directory, name: 'demo', segmentBytes })
const segmentFiles = () => readdirSync(directory).sort()
const lastSegment = () => join(directory, segmentFiles().at(-1) ?? '')

async function readAll(log: LocalLog, fromOffset: bigint): Promise<[bigint, string | undefined][]> {
  const reader = log.reader(fromOffset)
  const seen: [bigint, string | undefined][] = []
  for (let block = await reader.next(); block !== undefined; block = await reader.next()) {
    for (const { offset, payload } of readRecords(block, fromOffset)) {
      seen.push([offset, payload?.toString()])
    }
  }
  await reader.close()
  return seen
}

describe('the local log', () => {
  it('gives back what was appended, every field of it', async () => {
    const log = await openLog()
    const first = await log.append([
      { key: null, payload: null, receivedUs: -1n },
      { key: Buffer.alloc(0), payload: Buffer.alloc(0), headers: '{"é":1}', receivedUs: 5n },
      { key: Buffer.from([0xff]), payload: Buffer.from('\n'), receivedUs: 2n ** 62n },
    ])
    expect(first).toBe(0n)
    const reader = log.reader(0n)
    const block = await reader.next()
    await reader.close()
    if (block === undefined) throw new Error('no block')
    expect([...readRecords(block, 0n)]).toEqual([
      { offset: 0n, key: null, payload: null, headers: undefined, receivedUs: -1n },
      {
        offset: 1n,
        key: Buffer.alloc(0),
        payload: Buffer.alloc(0),
        headers: '{"é":1}',
        receivedUs: 5n,
      },
      {
        offset: 2n,
        key: Buffer.from([0xff]),
        payload: Buffer.from('\n'),
        headers: undefined,
        receivedUs: 2n ** 62n,
      },
    ])
    await log.close()
  })

  it('goes on with its offsets after a restart and reads from any of them', async () => {
    const log = await openLog(150)
    for (let index = 0; index < 20; index += 1) await log.append([record(`m${index}`)])
    expect(segmentFiles().length).toBeGreaterThan(3)
    await log.close()
    const again = await openLog(150)
    expect(again.endOffset()).toBe(20n)
    await again.append([record('m20'), record('m21')])
    for (const from of [0n, 7n, 19n, 21n, 22n]) {
      const expected = Array.from({ length: 22 - Number(from) }, (_, index) => {
        const offset = from + BigInt(index)
        return [offset, `m${offset}`]
      })
      expect(await readAll(again, from)).toEqual(expected)
    }
    await again.close()
  })

  it('cuts off a torn last append at every length, keeps all before it and appends behind it', async () => {
    const log = await openLog(1_000_000)
    await log.append([record('one')])
    const whole = log.sizeBytes()
    await log.append([record('two'), record('three')])
    const torn = readFileSync(lastSegment())
    await log.close()
    for (let length = whole; length < torn.length; length += 1) {
      writeFileSync(lastSegment(), torn.subarray(0, length))
      const again = await openLog(1_000_000)
      expect(again.endOffset()).toBe(1n)
      await again.append([record('new')])
      expect(await readAll(again, 0n)).toEqual([
        [0n, 'one'],
        [1n, 'new'],
      ])
      await again.close()
    }
  })

  it('cuts off a last append whose bytes were altered', async () => {
    const log = await openLog(1_000_000)
    await log.append([record('one')])
    const whole = log.sizeBytes()
    await log.append([record('two')])
    await log.close()
    const bytes = readFileSync(lastSegment())
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
    writeFileSync(lastSegment(), bytes)
    const again = await openLog(1_000_000)
    expect(await readAll(again, 0n)).toEqual([[0n, 'one']])
    expect(statSync(lastSegment()).size).toBe(whole)
    await again.close()
  })

  it('cuts off zeros that a crashed file system left at the end', async () => {
    const log = await openLog()
    await log.append([record('one')])
    await log.close()
    appendFileSync(lastSegment(), Buffer.alloc(4096))
    const again = await openLog()
    expect(await readAll(again, 0n)).toEqual([[0n, 'one']])
    await again.close()
  })

  it('refuses a log whose damage lies before its end, or that misses a segment', async () => {
    const log = await openLog(100)
    for (let index = 0; index < 12; index += 1) await log.append([record(`m${index}`)])
    await log.close()
    const [first = '', second = ''] = segmentFiles()
    const bytes = readFileSync(join(directory, first))
    truncateSync(join(directory, first), bytes.length - 1)
    await expect(openLog(100)).rejects.toMatchObject({ kind: 'corrupt-data' })
    writeFileSync(join(directory, first), bytes)
    rmSync(join(directory, second))
    await expect(openLog(100)).rejects.toMatchObject({ kind: 'corrupt-data' })
  })

  it('deletes whole segments that are passed, and its offsets survive that and a restart', async () => {
    const log = await openLog(100)
    for (let index = 0; index < 10; index += 1) await log.append([record(`m${index}`)])
    const before = segmentFiles()
    await log.deleteBefore(5n)
    expect(log.startOffset()).toBeGreaterThan(0n)
    expect(log.startOffset()).toBeLessThanOrEqual(5n)
    await log.deleteBefore(10n)
    expect(segmentFiles()).toEqual(before.slice(-1))
    await log.close()
    const again = await openLog(100)
    expect(again.endOffset()).toBe(10n)
    expect(await again.append([record('m10')])).toBe(10n)
    await again.close()
  })

  it('says data-loss, with the range, where the position is not held', async () => {
    const log = await openLog(100)
    for (let index = 0; index < 10; index += 1) await log.append([record(`m${index}`)])
    await log.deleteBefore(10n)
    const start = log.startOffset()
    expect(() => log.reader(start - 1n)).toThrow(`offsets ${start - 1n} to ${start - 1n} are gone`)
    expect(() => log.reader(12n)).toThrow('offsets 10 to 11 are gone')
    await log.close()
  })

  it('keeps the order of appends that were not waited for', async () => {
    const log = await openLog(300)
    const firsts = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        log.append([record(`a${index}`), record(`b${index}`)]),
      ),
    )
    expect(firsts).toEqual(Array.from({ length: 50 }, (_, index) => BigInt(index * 2)))
    const texts = (await readAll(log, 0n)).map(([, text]) => text)
    expect(texts).toEqual(
      Array.from({ length: 50 }, (_, index) => [`a${index}`, `b${index}`]).flat(),
    )
    await log.close()
  })
})
