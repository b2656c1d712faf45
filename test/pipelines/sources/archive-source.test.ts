import { createReadStream, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createGunzip, gzipSync } from 'node:zlib'
import { strToU8, zipSync } from 'fflate'
import { afterAll, describe, expect, it } from 'vitest'
import { readArchiveParts } from '../../../pipelines/sources/archive-parts.ts'
import type { ArchiveSource } from '../../../pipelines/sources/archive-source.ts'
import { createArchiveSource } from '../../../pipelines/sources/archive-source.ts'
import type { MicroBatch } from '../../../pipelines/sources/source.ts'
import { randomIds } from '../../../tables/clock.ts'
import { dataPath } from '../../support/data.ts'
import { describeWithService } from '../../support/service.ts'
import type { ReadMessage } from './kafka-rig.ts'
import { makeScratch, messagesOf, NEVER } from './kafka-rig.ts'

const scratch = makeScratch()
afterAll(() => scratch.remove())
const LIMITS = { rows: 1000, bytes: 10_000_000, timeMs: 10_000 }

async function sourceOf(paths: readonly string[], format: string): Promise<ArchiveSource> {
  const parts = await readArchiveParts(paths)
  return createArchiveSource({ parts, format, scratchDir: scratch.path, ids: randomIds })
}

interface Reading {
  readonly messages: readonly ReadMessage[]
  readonly batches: readonly MicroBatch[]
}

async function readAll(
  paths: readonly string[],
  format: string,
  positions: ReadonlyMap<string, bigint> = new Map(),
  limits = LIMITS,
): Promise<Reading> {
  const source = await sourceOf(paths, format)
  await source.open(positions)
  const messages: ReadMessage[] = []
  const batches: MicroBatch[] = []
  for (let batch = await source.next(limits, NEVER); batch !== undefined;) {
    messages.push(...messagesOf(batch))
    batches.push(batch)
    await source.release(batch)
    batch = await source.next(limits, NEVER)
  }
  await source.close()
  return { messages, batches }
}

function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(scratch.path, name)
  writeFileSync(path, content)
  return path
}

const finishedEnds = ({ batches }: Reading) =>
  batches
    .flatMap(({ progress }) => progress)
    .filter(({ isFinished }) => isFinished)
    .map(({ part, endOffset }) => [
      part.source.replace(/^file:[0-9a-f]{64}:\d+/, 'file'),
      endOffset,
    ])

describe('the archive source', () => {
  it('takes each line as a message, without its end, and leaves out the blank end', async () => {
    const reading = await readAll([fileOf('a.jsonl', '{"a":1}\r\n\r\n{"b":2}\n\n')], 'stock-json')
    expect(reading.messages.map(({ offset, payload }) => [offset, payload])).toEqual([
      [0n, '{"a":1}'],
      [1n, ''],
      [2n, '{"b":2}'],
    ])
    expect(
      reading.messages.every(({ receivedUs, key, headers }) => !receivedUs && !key && !headers),
    ).toBe(true)
    expect(finishedEnds(reading)).toEqual([['file', 3n]])
  })

  it('floors the receive time of Binance frames to µs and leaves other lines whole', async () => {
    const path = fileOf(
      'frames',
      '1723161253937085768 {"x":1}\n1723161253937085999 y\nno time\n12 {"short":1}\n1723161253937085768{"z":1}\n',
    )
    const { messages } = await readAll([path], 'binance-frames')
    expect(messages.map(({ receivedUs, payload }) => [receivedUs, payload])).toEqual([
      [1723161253937085n, '{"x":1}'],
      [1723161253937085n, 'y'],
      [undefined, 'no time'],
      [undefined, '12 {"short":1}'],
      [undefined, '1723161253937085768{"z":1}'],
    ])
  })

  it('gives Lean lines the name of their entry, and each entry its own part', async () => {
    const zip = zipSync({
      '20131011_ibm_Trade_Tick.csv': strToU8('1,2\n3,4'),
      'folder/': new Uint8Array(),
      'folder/é.csv': strToU8('5,6\n'),
    })
    const reading = await readAll([fileOf('ibm.zip', zip)], 'lean-trades')
    const seen = reading.messages.map(({ offset, payload, headers }) => [
      offset,
      payload,
      (JSON.parse(headers ?? '{}') as { entry: string }).entry,
    ])
    expect(seen).toEqual([
      [0n, '1,2', '20131011_ibm_Trade_Tick.csv'],
      [1n, '3,4', '20131011_ibm_Trade_Tick.csv'],
      [0n, '5,6', 'folder/é.csv'],
    ])
    expect(finishedEnds(reading)).toEqual([
      ['file:20131011_ibm_Trade_Tick.csv', 2n],
      ['file:folder/é.csv', 1n],
    ])
  })

  it('names a file by its content: a copy under another path is read once', async () => {
    const path = fileOf('one.jsonl', 'a\nb\n')
    const copy = join(scratch.path, 'two.jsonl')
    copyFileSync(path, copy)
    const parts = await readArchiveParts([path, copy])
    expect(parts.map(({ shownPath }) => shownPath)).toEqual([path])
    // By sha256sum of the same four bytes.
    expect(parts[0]?.part.source).toBe(
      'file:911169ddaaf146aff539f58c26c489af3b892dff0fe283c1c264c65ae5aa59a2:4',
    )
  })

  it('ends with one batch that says so, also for files without a new line', async () => {
    const path = fileOf('done.jsonl', 'a\nb\n')
    const empty = fileOf('empty.jsonl', '')
    const [part] = await readArchiveParts([path])
    const positions = new Map([[`${part?.part.source}#0`, 2n]])
    const reading = await readAll([path, empty], 'stock-json', positions)
    expect(reading.messages).toEqual([])
    expect(reading.batches).toHaveLength(1)
    expect(finishedEnds(reading)).toEqual([
      ['file', 2n],
      ['file', 0n],
    ])
  })

  it('says data-loss where a file is shorter than its position', async () => {
    const path = fileOf('short.jsonl', 'a\nb\n')
    const [part] = await readArchiveParts([path])
    const positions = new Map([[`${part?.part.source}#0`, 5n]])
    await expect(readAll([path], 'stock-json', positions)).rejects.toMatchObject({
      kind: 'data-loss',
      message: expect.stringContaining('lines 2 to 4') as string,
    })
  })

  it('unpacks by the first bytes, not by the name, and all members of a .gz', async () => {
    const packed = Buffer.concat([gzipSync('a\nb'), gzipSync('c\nd\n')])
    const { messages } = await readAll([fileOf('packed.txt', packed)], 'stock-json')
    expect(messages.map(({ payload }) => payload)).toEqual(['a', 'bc', 'd'])
  })

  it.each([
    ['a .gz that is cut off', () => gzipSync('line\n'.repeat(1000)).subarray(0, 40)],
    [
      'a zip with an altered byte',
      () => {
        const zip = zipSync({ 'a.csv': strToU8('1,2\n3,4\n') }, { level: 0 })
        zip[40] = (zip[40] ?? 0) ^ 1
        return zip
      },
    ],
    ['a zip that is cut off', () => zipSync({ 'a.csv': strToU8('1,2\n') }).subarray(0, 50)],
  ])('says corrupt-data for %s', async (name, make) => {
    const path = fileOf(name.replaceAll(/\W/g, '-'), make())
    await expect(readAll([path], 'stock-json')).rejects.toMatchObject({ kind: 'corrupt-data' })
  })

  it('says what is wrong with a folder and a missing file', async () => {
    mkdirSync(join(scratch.path, 'folder'))
    for (const name of ['folder', 'nowhere']) {
      await expect(readArchiveParts([join(scratch.path, name)])).rejects.toMatchObject({
        kind: 'invalid-input',
      })
    }
  })

  it('stops in the middle and leaves no file behind', async () => {
    const source = await sourceOf([fileOf('long.jsonl', 'line\n'.repeat(50_000))], 'stock-json')
    await source.open(new Map())
    const batch = await source.next(LIMITS, NEVER)
    expect(batch?.messageCount).toBe(1000)
    await source.close()
    expect(await source.next(LIMITS, NEVER)).toBeUndefined()
  })
})

await describeWithService('data', 'the archive source on recorded files', () => {
  const capture = (name: string) => dataPath(`binance-ws-capture/${name}.jsonl.gz`)

  it.each([
    ['spot-btcusdt_20240808', 41_249],
    ['spot-btcusdt_20240809', 58_325],
    ['spot-ethusdt_20240808', 33_618],
    ['spot-ethusdt_20240809', 46_126],
  ])('reads every line of %s', async (name, lineCount) => {
    const source = await sourceOf([capture(name)], 'binance-frames')
    await source.open(new Map())
    let count = 0
    let end = 0n
    const limits = { ...LIMITS, rows: 20_000 }
    for (let batch = await source.next(limits, NEVER); batch !== undefined;) {
      count += batch.messageCount
      end = batch.progress[0]?.endOffset ?? end
      expect(batch.segments.flatMap(({ side }) => side)).toEqual([])
      await source.release(batch)
      batch = await source.next(limits, NEVER)
    }
    expect(count).toBe(lineCount)
    expect(end).toBe(BigInt(lineCount))
    const { bytesRead, bytesTotal, partsRead } = source.progress()
    expect(bytesRead).toBe(bytesTotal)
    expect(partsRead).toBe(1)
    await source.close()
  })

  it('goes on in the middle with exactly the lines that remain', async () => {
    const path = capture('spot-ethusdt_20240808')
    const [part] = await readArchiveParts([path])
    const limits = { ...LIMITS, rows: 7000, bytes: 100_000_000 }
    const positions = new Map([[`${part?.part.source}#0`, 20_000n]])
    const { messages } = await readAll([path], 'binance-frames', positions, limits)
    const lines: string[] = []
    const unpacked = createReadStream(path).pipe(createGunzip())
    for await (const line of createInterface({ input: unpacked })) lines.push(line)
    const remaining = lines.slice(20_000)
    expect(messages.map(({ payload }) => payload)).toEqual(
      remaining.map((line) => line.slice(line.indexOf(' ') + 1)),
    )
    expect(messages.map(({ receivedUs }) => receivedUs)).toEqual(
      remaining.map((line) => BigInt(line.slice(0, line.indexOf(' '))) / 1000n),
    )
    expect(messages.map(({ offset }) => offset)).toEqual(
      remaining.map((_, index) => BigInt(index + 20_000)),
    )
  })

  it('reads the trades of a Lean zip, the last line without an end among them', async () => {
    const path = dataPath('lean-us-equity/tick/ibm_20131011_trade.zip')
    const limits = { ...LIMITS, rows: 100_000 }
    const reading = await readAll([path], 'lean-trades', new Map(), limits)
    expect(reading.messages).toHaveLength(19_264)
    expect(reading.messages[0]?.payload).toBe('29475725,1849900,100,P,20002020,0')
    expect(reading.messages[0]?.headers).toBe('{"entry":"20131011_ibm_Trade_Tick.csv"}')
    expect(finishedEnds(reading)).toEqual([['file:20131011_ibm_Trade_Tick.csv', 19_264n]])
  })
})
