import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { runMicroBatches } from '../../../pipelines/loop/run-micro-batches.ts'
import { randomIds } from '../../../tables/clock.ts'
import {
  createCountingFileIO,
  type CountingFileIO,
} from '../../../tables/file-io/counting-file-io.ts'
import { readRows } from '../../support/lake-content.ts'
import {
  accountFiles,
  type LakeSize,
  readColdBytes,
  readKeptCuts,
  readLakeSize,
  type StretchCost,
  takeCost,
} from '../../support/lake-growth.ts'
import { createListSource, type ListedMessage } from '../../support/list-source.ts'
import { createTestClock, openMemoryLake, type TestClock } from '../../support/memory-lake.ts'
import { readTotals, receiptProblems } from '../../support/receipts.ts'

const CUT_COUNT = 240
const STRETCH = 60
/** An hour, after which expired files go, is 60 cuts of it: both stretches that are compared have them. */
const CUT_US = 60_000_000n
const START_US = BigInt(Date.UTC(2025, 0, 15, 0, 30)) * 1000n
/** Far behind the last flush: the window lies in a sealed file. */
const LATE_US = 720_000_000n
const SYMBOLS = ['AAPL', 'MSFT']

interface MadeTrade {
  readonly symbol: string
  readonly eventUs: bigint
  readonly quantity: number
}

interface Input {
  readonly messages: readonly ListedMessage[]
  /** Messages of each cut. */
  readonly batchSizes: readonly number[]
  readonly trades: readonly MadeTrade[]
  readonly quoteCount: number
  readonly duplicateCount: number
  readonly brokenCount: number
}

const isoText = (us: bigint) => new Date(Number(us / 1000n)).toISOString()

function tradeText(id: string, { symbol, eventUs, quantity }: MadeTrade): string {
  return JSON.stringify({
    ...{ trade_id: id, symbol, price: 100 + (quantity % 7), volume: quantity },
    ...{ timestamp: isoText(eventUs), trade_type: 'BUY', exchange: 'NASDAQ' },
  })
}

function quoteText(id: string, symbol: string, eventUs: bigint): string {
  return JSON.stringify({
    ...{ quote_id: id, symbol, bid: 100, ask: 101 },
    ...{ timestamp: isoText(eventUs), exchange: 'NASDAQ' },
  })
}

/** A trade and a quote of each symbol a cut; now and then a late, a repeated and a broken one. */
function makeInput(): Input {
  const messages: ListedMessage[] = []
  const batchSizes: number[] = []
  const trades: MadeTrade[] = []
  let [quoteCount, duplicateCount, brokenCount] = [0, 0, 0]
  for (let cutNumber = 1; cutNumber <= CUT_COUNT; cutNumber++) {
    const nowUs = START_US + BigInt(cutNumber) * CUT_US
    const before = messages.length
    const send = (payload: string) => {
      const part = { source: 'kafka:stocks', partition: 0 }
      const offset = BigInt(messages.length)
      messages.push({ part, format: 'stock-json', offset, payload, receivedUs: nowUs })
    }
    const sendTrade = (id: string, trade: MadeTrade) => {
      trades.push(trade)
      send(tradeText(id, trade))
    }
    for (const symbol of SYMBOLS) {
      sendTrade(`${symbol}-${cutNumber}`, { symbol, eventUs: nowUs, quantity: cutNumber })
      send(quoteText(`${symbol}-${cutNumber}`, symbol, nowUs))
      quoteCount += 1
    }
    if (cutNumber % 7 === 0) {
      const late = { symbol: 'AAPL', eventUs: nowUs - LATE_US, quantity: 3 }
      sendTrade(`late-${cutNumber}`, late)
    }
    if (cutNumber % 5 === 0) {
      const sent = { symbol: 'AAPL', eventUs: nowUs - CUT_US, quantity: cutNumber - 1 }
      send(tradeText(`AAPL-${cutNumber - 1}`, sent))
      duplicateCount += 1
    }
    if (cutNumber % 10 === 0) {
      send('{"trade_id":')
      brokenCount += 1
    }
    batchSizes.push(messages.length - before)
  }
  return { messages, batchSizes, trades, quoteCount, duplicateCount, brokenCount }
}

const input = makeInput()
const costs = new Map<number, StretchCost>()
const coldBytes: number[] = []
const sizes: LakeSize[] = []
let clock: TestClock
let store: CountingFileIO
let lake: Lake

/** The loop from the committed end on, as a process runs it that ends after half of the cuts. */
async function runHalf(batchSizes: readonly number[]): Promise<void> {
  const source = createListSource({
    ...{ messages: input.messages, batchSizes, batchCountMax: batchSizes.length },
    ...{ scratchDir: lake.scratchDir, ids: randomIds },
  })
  await runMicroBatches(
    {
      ...{ lake, source, mode: 'live', writer: 'growth' },
      limits: { rows: 1_000, bytes: 1_000_000, timeMs: 1 },
      onCut: ({ cutNumber }) => {
        clock.advanceUs(CUT_US)
        if (cutNumber % STRETCH === 0) costs.set(cutNumber, takeCost(store))
      },
    },
    new AbortController().signal,
  )
  sizes.push(await readLakeSize(lake))
  coldBytes.push(await readColdBytes(lake))
}

/** Trades and their volume by symbol and window: what gold must say after all repairs. */
function windowsOf(trades: readonly MadeTrade[], widthUs: bigint): Map<string, string> {
  const windows = new Map<string, { count: number; volume: number }>()
  for (const { symbol, eventUs, quantity } of trades) {
    const key = `${symbol} ${eventUs - (eventUs % widthUs)}`
    const window = windows.get(key) ?? { count: 0, volume: 0 }
    windows.set(key, { count: window.count + 1, volume: window.volume + quantity })
  }
  const text = ({ count, volume }: { count: number; volume: number }) => `${count} of ${volume}`
  return new Map([...windows].map(([key, window]) => [key, text(window)]))
}

describe('the loop over hundreds of small cuts within one day', () => {
  beforeAll(async () => {
    clock = createTestClock(START_US + CUT_US + 1_000_000n)
    lake = await openMemoryLake({
      clock,
      wrapFileIO: (inner) => (store = createCountingFileIO(inner)),
    })
    await runHalf(input.batchSizes.slice(0, CUT_COUNT / 2))
    await runHalf(input.batchSizes.slice(CUT_COUNT / 2))
    const stretches = Object.fromEntries(costs)
    console.info(`${CUT_COUNT} cuts of the loop:`, JSON.stringify({ stretches, sizes, coldBytes }))
  }, 600_000)

  afterAll(() => lake.close())

  it('writes and reads as much in its last sixty cuts as in the second sixty', () => {
    const [early, last] = [costs.get(2 * STRETCH), costs.get(CUT_COUNT)]
    if (early === undefined || last === undefined) throw new Error('no costs')
    expect(last.bytesWritten).toBeLessThanOrEqual(early.bytesWritten * 1.5)
    expect(last.openCount).toBeLessThanOrEqual(early.openCount * 1.5)
    expect(last.metadataBytesRead).toBeLessThanOrEqual(early.metadataBytesRead * 1.5)
    expect(coldBytes[1]).toBeLessThanOrEqual((coldBytes[0] ?? 0) * 1.5)
  })

  it('keeps files, manifests, snapshots and waiting deletes under their bounds', () => {
    for (const size of sizes) {
      expect(size.liveFiles).toBeLessThanOrEqual(128)
      expect(size.manifests).toBeLessThanOrEqual(40)
      expect(size.snapshots).toBeLessThanOrEqual(320)
      expect(size.metadataLog).toBeLessThanOrEqual(20)
      expect(size.metadataFiles).toBeLessThanOrEqual(64)
      expect(size.deleteRecords).toBeLessThanOrEqual(128)
      // What an hour of cuts leaves behind: some forty files each.
      expect(size.queuedDeletes).toBeLessThanOrEqual(40 * 60)
    }
  })

  it('can be read at every kept cut', async () => {
    expect((await readKeptCuts(lake)).unreadable).toEqual([])
  })

  it('has lost no file and forgotten none', async () => {
    expect(await accountFiles(lake)).toEqual({ forgotten: [], missing: [] })
  })

  it('holds every message once', async () => {
    expect(await receiptProblems(lake)).toEqual([])
    const silver = input.trades.length + input.quoteCount
    expect(await readTotals(lake)).toMatchObject({
      message_count: BigInt(input.messages.length),
      rejected_count: BigInt(input.brokenCount),
      silver_count: BigInt(silver),
      duplicate_count: BigInt(input.duplicateCount),
      refused_count: 0n,
    })
  })

  it.each([
    ['1m', 60_000_000n],
    ['5m', 300_000_000n],
    ['1h', 3_600_000_000n],
    ['1d', 86_400_000_000n],
  ])('has each bar of %s once, late trades in it', async (step, widthUs) => {
    const rows = await readRows<{ symbol: string; open_us: bigint; n: bigint; volume: bigint }>(
      lake,
      'gold.bars',
      'SELECT venue_symbol AS symbol, epoch_us(open_ts) AS open_us, trade_count::BIGINT AS n, ' +
        `volume::BIGINT AS volume FROM t WHERE step = '${step}'`,
    )
    const bars = rows.map(({ symbol, open_us, n, volume }) => [
      `${symbol} ${open_us}`,
      `${n} of ${volume}`,
    ])
    const expected = windowsOf(input.trades, widthUs)
    expect(rows).toHaveLength(expected.size)
    expect(Object.fromEntries(bars)).toEqual(Object.fromEntries(expected))
  })
})
