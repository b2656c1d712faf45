import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import { readRows } from '../../support/lake-content.ts'
import type { ListedMessage } from '../../support/list-source.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import { runList } from '../../support/run-list.ts'

/** 2025-01-15 10:00 UTC. */
const START_MS = Date.UTC(2025, 0, 15, 10)
const part = { source: 'kafka:stocks', partition: 0 }
const HEADERS = JSON.stringify({ venue: 'NASDAQ', symbol: 'AAPL' })

let lake: Lake
beforeEach(async () => {
  lake = await openMemoryLake({
    clock: createTestClock(BigInt(START_MS) * 1000n + 86_400_000_000n),
  })
})
afterEach(() => lake.close())

/** A kline of AAPL whose prices tell its minute: opens at 100 + m, closes a half above. */
function kline(minute: number, changes: { readonly count?: number } = {}): Message {
  const openMs = START_MS + minute * 60_000
  const price = 100 + minute
  const payload =
    `${openMs},${price},${price + 1},${price - 1},${price}.5,2,${openMs + 59_999},` +
    `${price * 2},${changes.count ?? 4},0.5,50,0`
  return { format: 'binance-klines', payload, headers: HEADERS }
}

function trade(id: string, minute: number, price: number): Message {
  const payload = JSON.stringify({
    ...{ trade_id: id, symbol: 'AAPL', price, volume: 3, trade_type: 'BUY', exchange: 'NASDAQ' },
    timestamp: new Date(START_MS + minute * 60_000 + 1000).toISOString(),
  })
  return { format: 'stock-json', payload }
}

type Message = Pick<ListedMessage, 'format' | 'payload' | 'headers'>

let taken = 0n
/** Takes each list as a cut, behind what was taken before. */
async function take(...cuts: readonly Message[][]): Promise<void> {
  const messages = cuts.flat().map((message): ListedMessage => ({
    ...message,
    part,
    offset: taken++,
    receivedUs: BigInt(START_MS) * 1000n + 7_200_000_000n,
  }))
  await runList(
    lake,
    messages,
    cuts.map((cut) => cut.length),
  )
}
beforeEach(() => {
  taken = 0n
})

const bars = (step: string) =>
  readRows<Record<string, unknown>>(
    lake,
    'gold.bars',
    `SELECT strftime(open_ts, '%H:%M') AS at, bar_source AS of, open::DOUBLE AS open, ` +
      `high::DOUBLE AS high, low::DOUBLE AS low, close::DOUBLE AS close, volume::DOUBLE AS volume, ` +
      `trade_count::INTEGER AS n, revision FROM t WHERE step = '${step}' ORDER BY open_ts`,
  )

async function expectLawful(): Promise<void> {
  const { checks } = await verifyLake({ lake, isDeep: true })
  expect(checks.flatMap(({ findings }) => findings)).toEqual([])
}

describe('bars of klines', () => {
  it('merge the minutes of a window, whatever cut each came in', async () => {
    await take([kline(3), kline(0)], [kline(5)], [kline(1)])
    expect(await bars('5m')).toMatchObject([
      { at: '10:00', of: 'klines', open: 100, high: 104, low: 99, close: 103.5, volume: 6, n: 12 },
      { at: '10:05', of: 'klines', open: 105, high: 106, low: 104, close: 105.5, volume: 2, n: 4 },
    ])
    const [day] = await readRows<Record<string, unknown>>(
      lake,
      'gold.bars',
      `SELECT vwap::VARCHAR AS vwap, notional::VARCHAR AS notional, buy_volume::DOUBLE AS bought, ` +
        `sell_volume::DOUBLE AS sold, avg_price, price_stddev FROM t WHERE step = '1d'`,
    )
    expect(day).toEqual({
      ...{ vwap: '102.25000000', notional: '818.0000000000000000', bought: 2, sold: 6 },
      ...{ avg_price: null, price_stddev: null },
    })
    await expectLawful()
  })

  it('give way to trades that come later, in the cut that takes the trades', async () => {
    await take([kline(0), kline(1)], [kline(70)])
    await take([trade('T1', 1, 50)])
    expect(await bars('1m')).toMatchObject([
      { at: '10:00', of: 'klines', revision: 0 },
      { at: '10:01', of: 'trades', open: 50, close: 50, volume: 3, n: 1, revision: 1 },
      { at: '11:10', of: 'klines', revision: 0 },
    ])
    expect(await bars('1d')).toMatchObject([{ of: 'trades', open: 50, volume: 3, n: 1 }])
    await expectLawful()
  })

  it('leave windows alone that have trades: no window of them is a new revision', async () => {
    await take([trade('T1', 1, 50)], [trade('T2', 70, 51)])
    const before = await bars('1h')
    await take([kline(1), kline(2)], [kline(71)])
    expect(await bars('1h')).toEqual(before)
    expect(await bars('1m')).toMatchObject([
      { at: '10:01', of: 'trades', revision: 0 },
      { at: '10:02', of: 'klines' },
      { at: '11:10', of: 'trades' },
      { at: '11:11', of: 'klines' },
    ])
    await expectLawful()
  })

  it('tell no sum that one of their minutes does not tell', async () => {
    const openMs = START_MS + 60_000
    const short: Message = {
      ...{ format: 'bitfinex-klines', headers: HEADERS },
      payload: `${openMs},7,7.5,8,6,1`,
    }
    await take([kline(0), short])
    expect(await bars('5m')).toMatchObject([{ open: 100, close: 7.5, low: 6, volume: 3, n: null }])
    await expectLawful()
  })
})
