import { gunzipSync } from 'node:zlib'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { backfill } from '../../../pipelines/backfill/backfill.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { loadHeads } from '../../../pipelines/loop/loop-context.ts'
import { replay } from '../../../pipelines/replay/replay.ts'
import { sealUntil } from '../../../pipelines/replay/seal-until.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import { capturePath, captures, type Capture } from '../../support/captures.ts'
import { createForeignWriter } from '../../support/foreign-writer.ts'
import { readContentHashes, readRows } from '../../support/lake-content.ts'
import { createTestClock, openMemoryLake, type TestClock } from '../../support/memory-lake.ts'
import { runList } from '../../support/run-list.ts'
import { missingNumbers } from './law-reference.ts'

const DAY_US = 86_400_000_000n
/** 2024-08-08, the captures' day. */
const DAY = (BigInt(Date.UTC(2024, 7, 8)) * 1000n) / DAY_US
const TRADES_EACH = 800

/** A trade's frame of a capture. */
interface Frame {
  readonly line: string
  readonly payload: string
  readonly symbol: string
  readonly number: bigint
  readonly eventUs: bigint
}

let frames: readonly Frame[]
/** Of two captures between which no number is missing. */
let overMidnight: readonly Frame[]
beforeAll(async () => {
  const [btc = [], eth = [], next = []] = await Promise.all(
    [captures.btc8, captures.eth8, captures.btc9].map(readFrames),
  )
  overMidnight = [...btc.slice(-TRADES_EACH / 2), ...next.slice(0, TRADES_EACH / 2)]
  const both = [...btc.slice(0, TRADES_EACH), ...eth.slice(0, TRADES_EACH)]
  frames = both.sort((a, b) => Number(a.eventUs - b.eventUs))
})

async function readFrames(capture: Capture): Promise<Frame[]> {
  const text = gunzipSync(await readFile(capturePath(capture))).toString('utf8')
  const lines = text.split('\n').filter((line) => line.includes('@trade"'))
  return lines.map((line) => {
    const payload = line.slice(line.indexOf(' ') + 1)
    const { data } = JSON.parse(payload) as { data: { s: string; t: number; T: number } }
    const { s: symbol, t: number, T: timeMs } = data
    return { line, payload, symbol, number: BigInt(number), eventUs: BigInt(timeMs) * 1000n }
  })
}

/** Ranges of places within each symbol's frames: one number, many, and two close to each other. */
const cutOut: readonly (readonly [symbol: string, from: number, to: number])[] = [
  ['BTCUSDT', 5, 5],
  ['BTCUSDT', 100, 149],
  ['BTCUSDT', 151, 160],
  ['BTCUSDT', 500, 700],
  ['ETHUSDT', 300, 320],
]

function takeOut(all: readonly Frame[]): { kept: Frame[]; missing: Frame[] } {
  const seen = new Map<string, number>()
  const isOut = all.map(({ symbol }) => {
    const place = seen.get(symbol) ?? 0
    seen.set(symbol, place + 1)
    return cutOut.some(([name, from, to]) => name === symbol && place >= from && place <= to)
  })
  return { kept: all.filter((_, i) => isOut[i] === false), missing: all.filter((_, i) => isOut[i]) }
}

let clock: TestClock
let lake: Lake
let offset: bigint
async function open(): Promise<void> {
  clock = createTestClock((DAY + 3n) * DAY_US)
  lake = await openMemoryLake({ clock })
  offset = 0n
}
beforeEach(open)
afterEach(() => lake.close())

/** Takes frames behind those that were taken before, in cuts of so many, by a loop that starts. */
async function take(some: readonly Frame[], size: number): Promise<void> {
  offset += await runFrames(lake, some, size, offset)
}

async function runFrames(of: Lake, some: readonly Frame[], size: number, from: bigint) {
  const part = { source: 'kafka:frames', partition: 0 }
  const messages = some.map(({ payload, eventUs }, index) => {
    const common = { part, format: 'binance-frames', payload, receivedUs: eventUs }
    return { ...common, offset: from + BigInt(index) }
  })
  await runList(of, messages, [size])
  return BigInt(some.length)
}

interface GapRow {
  readonly symbol: string
  readonly from: bigint
  readonly to: bigint
  readonly healed_by: string | null
  readonly line: string
}

const readGaps = (where: string) =>
  readRows<GapRow>(
    lake,
    'silver.gaps',
    `SELECT venue_symbol AS symbol, from_seq AS "from", to_seq AS "to", healed_by, ` +
      `concat_ws(' ', venue_symbol, from_seq, to_seq, epoch_us(from_ts), epoch_us(to_ts)) ` +
      `AS line FROM t WHERE ${where} ORDER BY line`,
  )
const readOpen = async () => (await readGaps('healed_cut IS NULL')).map(({ line }) => line)

/** Each number of rows of the ledger, with what brought it. */
async function numbersOf(where: string): Promise<string[]> {
  const rows = await readGaps(where)
  return rows
    .flatMap(({ symbol, from, to, healed_by: by }) =>
      Array.from(
        { length: Number(to - from) + 1 },
        (_, i) => `${symbol} ${from + BigInt(i)} ${by ?? 'null'}`,
      ),
    )
    .sort()
}

function namesOf(some: readonly Frame[], by: string): string[] {
  return some.map(({ symbol, number }) => `${symbol} ${number} ${by}`).sort()
}

/** Bars of the lake that say another thing than ranges of missing numbers, given as lines. */
async function wrongBars(missing: readonly string[]): Promise<string[]> {
  const ranges = missing.map((line) => {
    const [symbol = '', , , fromUs = '0', toUs = '0'] = line.split(' ')
    return { symbol, fromUs: BigInt(fromUs), toUs: BigInt(toUs) }
  })
  const bars = await readRows<{
    readonly symbol: string
    readonly step: string
    readonly open_us: bigint
    readonly close_us: bigint
    readonly is_complete: boolean
  }>(
    lake,
    'gold.bars',
    'SELECT venue_symbol AS symbol, step, epoch_us(open_ts) AS open_us, ' +
      'epoch_us(close_ts) AS close_us, is_complete FROM t',
  )
  const isTouched = (bar: (typeof bars)[number]) =>
    ranges.some(
      ({ symbol, fromUs, toUs }) =>
        symbol === bar.symbol && fromUs < bar.close_us && toUs >= bar.open_us,
    )
  expect(bars.length).toBeGreaterThanOrEqual(8)
  return bars
    .filter((bar) => bar.is_complete === isTouched(bar))
    .map((bar) => `${bar.step} ${bar.symbol} ${bar.open_us}`)
}

/** Takes frames in by a file of them. */
async function backfillFrames(some: readonly Frame[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-gaps-'))
  try {
    const path = join(folder, 'frames.jsonl')
    await writeFile(path, some.map(({ line }) => `${line}\n`).join(''))
    const options = { lake, format: 'binance-frames' as const, files: [path], writer: 'test' }
    await backfill(options, new AbortController().signal)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function expectLawful(): Promise<void> {
  expect(await wrongBars(await readOpen())).toEqual([])
  const { checks } = await verifyLake({ lake, isDeep: true })
  expect(checks.flatMap(({ findings }) => findings)).toEqual([])
}

describe('the gap ledger on real captures', { timeout: 300_000 }, () => {
  it('stays empty, without a snapshot, where no number is missing', async () => {
    await take(frames, 500)
    const head = (await loadHeads(lake)).get('silver.gaps')
    expect(head?.metadata['current-snapshot-id']).toBeUndefined()
  })

  it('holds the ranges that were cut out, whatever cuts and order the rest came in', async () => {
    const { kept } = takeOut(frames)
    const expected = missingNumbers(kept).sort()
    expect(expected).toHaveLength(cutOut.length)
    await take(kept, 333)
    expect(await readOpen()).toEqual(expected)
    await expectLawful()
    const hashes = await readContentHashes(lake)
    const shuffled = kept
      .map((_, i) => kept.at((i * 1009) % kept.length))
      .filter((one) => one !== undefined)
    for (const [some, size] of [
      [kept, kept.length],
      [shuffled, 400],
    ] as const) {
      await lake.close()
      await open()
      await take(some, size)
      expect(await readOpen()).toEqual(expected)
      expect(await readContentHashes(lake)).toEqual(hashes)
    }
  })

  it('is healed by what comes late, each number in one row', async () => {
    const { kept, missing } = takeOut(frames)
    await take(kept, 800)
    const late = missing.filter((_, index) => index % 3 !== 0)
    await take(late, 100)
    const rest = missing.filter((_, index) => index % 3 === 0)
    expect(await readOpen()).toEqual(missingNumbers([...kept, ...late]).sort())
    expect(await numbersOf('healed_cut IS NULL')).toEqual(namesOf(rest, 'null'))
    expect(await numbersOf('healed_cut IS NOT NULL')).toEqual(namesOf(late, 'live'))
    await take([...rest, ...late], 100)
    expect(await numbersOf('true')).toEqual(namesOf(missing, 'live'))
    await expectLawful()
  })

  it('is healed by a backfill of an hour that the stream did not see', async () => {
    const isNewTime = ({ eventUs }: Frame, index: number) =>
      index > 100 && overMidnight[index - 1]?.eventUs !== eventUs
    const from = overMidnight.findIndex(isNewTime)
    const until = overMidnight.findLastIndex(
      (frame, i) => i < TRADES_EACH / 2 && isNewTime(frame, i),
    )
    const missing = overMidnight.slice(from, until)
    await take([...overMidnight.slice(0, from), ...overMidnight.slice(until)], 500)
    expect(await numbersOf('true')).toEqual(namesOf(missing, 'null'))
    await expectLawful()
    await sealUntil({ lake, writer: 'test', untilUs: (DAY + 2n) * DAY_US })
    await backfillFrames(missing)
    expect(await numbersOf('true')).toEqual(namesOf(missing, 'backfill'))
    await expectLawful()
  })

  it('is healed by a backfill of all that the stream saw in part', async () => {
    const { kept, missing } = takeOut(frames)
    await take(kept, 500)
    expect(await numbersOf('true')).toEqual(namesOf(missing, 'null'))
    await backfillFrames(frames)
    expect(await numbersOf('true')).toEqual(namesOf(missing, 'backfill'))
    const [count] = await readRows<{ n: bigint }>(
      lake,
      'silver.trades',
      'SELECT count(*) AS n FROM t',
    )
    expect(count?.n).toBe(BigInt(frames.length))
    await expectLawful()
  })

  it('tells anew what others changed, and a replay heals it', async () => {
    await take(frames, 2000)
    await sealUntil({ lake, writer: 'test', untilUs: (DAY + 2n) * DAY_US })
    const numbers = frames.filter(({ symbol }) => symbol === 'ETHUSDT').map(({ number }) => number)
    const [from, to] = [numbers[400] ?? 0n, numbers[450] ?? 0n]
    await createForeignWriter(lake).deleteWhere(
      'silver.trades',
      `venue_symbol = 'ETHUSDT' AND trade_seq BETWEEN ${from} AND ${to}`,
    )
    // The next cut, of whatever, tells it.
    await sealUntil({ lake, writer: 'test', untilUs: (DAY + 2n) * DAY_US + 1n })
    const isGone = ({ symbol, number }: Frame) =>
      symbol === 'ETHUSDT' && number >= from && number <= to
    expect(await readOpen()).toEqual(missingNumbers(frames.filter((one) => !isGone(one))))
    const range = { fromDay: DAY, toDay: DAY + 1n }
    const options = { lake, range, layers: 'silver,gold' as const, writer: 'test' }
    await replay(options, new AbortController().signal)
    expect(await readOpen()).toEqual([])
    expect(await numbersOf('true')).toEqual(namesOf(frames.filter(isGone), 'replay'))
    await expectLawful()
  })

  it('is put right where others changed it', async () => {
    const { kept } = takeOut(frames)
    await take(kept.slice(0, -10), 2000)
    const expected = await readOpen()
    const writer = createForeignWriter(lake)
    await writer.deleteWhere('silver.gaps', `venue_symbol = 'ETHUSDT'`)
    await writer.insert('silver.gaps', `SELECT * FROM t WHERE from_seq < to_seq`)
    const { checks } = await verifyLake({ lake, isDeep: true })
    const found = checks.flatMap(({ findings }) => findings).filter(({ check }) => check === 'gaps')
    expect(found).toHaveLength(4)
    await take(kept.slice(-10), 10)
    expect(await readOpen()).toEqual(expected)
    await expectLawful()
  })
})
