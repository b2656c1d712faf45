import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { barsFinalizeSql, barsMergeSql, barsPartialSql } from '../../shared-transforms/bars.ts'
import { windowSteps } from '../../shared-transforms/window-step.ts'
import {
  referenceBars,
  roundedQuotient,
  scaledText,
  type ReferenceBar,
  type ReferenceTrade,
} from './reference-bars.ts'
import { openSqlSession, type JsonRow, type SqlSession } from './sql-session.ts'

let session: SqlSession

beforeAll(async () => {
  session = await openSqlSession()
})

afterAll(() => {
  session.close()
})

const columns =
  'venue VARCHAR, venue_symbol VARCHAR, instrument_id VARCHAR, trade_id VARCHAR, ' +
  'trade_seq BIGINT, event_us BIGINT, price DECIMAL(18, 8), quantity DECIMAL(28, 8), ' +
  'taker_side VARCHAR, source VARCHAR, source_partition INTEGER, source_offset BIGINT, ' +
  'source_row INTEGER, part INTEGER'

/** Loads trades as silver rows; `parts` says to which part each row belongs. */
async function loadTrades(
  trades: readonly ReferenceTrade[],
  parts: readonly number[] = [],
): Promise<void> {
  await session.load(
    'loaded',
    columns,
    trades.map(({ symbol, id, us, price, quantity, side }, index) => [
      ...['v', symbol, `v:${symbol}`, id, null, us],
      ...[scaledText(price, 8), scaledText(quantity, 8), side],
      ...['s', 0, index, 0, parts[index] ?? 0],
    ]),
  )
  await session.run(
    'CREATE OR REPLACE TABLE trades AS SELECT *, make_timestamptz(event_us) AS event_ts FROM loaded',
  )
}

const DAY_US = 86_400_000_000n
const BASE_US = 1_736_899_200_000_000n // 2025-01-15T00:00:00Z

const trade = fc.record({
  symbol: fc.constantFrom('A', 'B'),
  us: fc.oneof(
    fc.bigInt({ min: BASE_US, max: BASE_US + 2n * DAY_US }),
    // Few instants in few minutes: equal times, and windows that many rows share.
    fc
      .bigInt({ min: 0n, max: 9n })
      .map((tick) => BASE_US + DAY_US - 30_000_000n + tick * 6_000_000n),
  ),
  price: fc.oneof(
    fc.bigInt({ min: 1n, max: 10n ** 17n - 1n }),
    fc.bigInt({ min: 17_550_000_000n, max: 17_560_000_000n }),
  ),
  quantity: fc.bigInt({ min: 0n, max: 10n ** 13n }),
  side: fc.constantFrom('buy', 'sell', 'unknown'),
})
const trades = fc.array(trade, { minLength: 1, maxLength: 60 }).map((rows): ReferenceTrade[] =>
  rows.map((row, index) => ({
    ...row,
    side: row.side,
    id: String((index * 7919) % 1000).padStart(4, '0'),
  })),
)

function expectedRow(key: string, step: string, bar: ReferenceBar): JsonRow {
  const [symbol = '', us = ''] = key.split(' ')
  const isSquared = bar.high <= 10n ** 15n
  return {
    ...{ step, venue: 'v', venue_symbol: symbol, instrument_id: `v:${symbol}`, open_us: us },
    open: scaledText(bar.open, 8),
    high: scaledText(bar.high, 8),
    low: scaledText(bar.low, 8),
    close: scaledText(bar.close, 8),
    volume: scaledText(bar.volume, 8),
    notional: scaledText(bar.notional, 16),
    trade_count: String(bar.count),
    buy_volume: scaledText(bar.buy, 8),
    sell_volume: scaledText(bar.sell, 8),
    sum_price: scaledText(bar.sum, 8),
    sum_price_sq: isSquared ? scaledText(bar.squares, 16) : null,
    vwap: bar.volume > 0n ? scaledText(roundedQuotient(bar.notional, bar.volume), 8) : null,
    avg_price: scaledText(roundedQuotient(bar.sum, bar.count), 8),
  }
}

const contentColumns =
  'step, venue, venue_symbol, instrument_id, epoch_us(open_ts) AS open_us, open, high, low, ' +
  'close, volume, notional, trade_count, buy_volume, sell_volume, sum_price, sum_price_sq, ' +
  'vwap, avg_price'

function finalized(states: string, select = contentColumns): string {
  return `SELECT ${select} FROM (${barsFinalizeSql(`(${states})`)}) ORDER BY step, venue_symbol, open_ts`
}

function referenceRows(rows: readonly ReferenceTrade[]): JsonRow[] {
  const all = windowSteps.flatMap(({ step, lengthUs }) =>
    [...referenceBars(rows, BigInt(lengthUs))].map(([key, bar]) => expectedRow(key, step, bar)),
  )
  const order = (row: JsonRow): string =>
    [row['step'], row['venue_symbol'], String(row['open_us']).padStart(20, '0')].join(' ')
  return all.sort((a, b) => (order(a) < order(b) ? -1 : 1))
}

describe('bars of all steps', () => {
  it('equal a loop over BigInt', async () => {
    const property = fc.asyncProperty(trades, async (rows) => {
      await loadTrades(rows)
      expect(await session.rows(finalized(barsPartialSql('trades')))).toEqual(referenceRows(rows))
    })
    await fc.assert(property, { numRuns: 60 })
  })

  it('close where the next begin, and begin at whole steps in UTC', async () => {
    await loadTrades([
      { symbol: 'A', us: BASE_US + DAY_US - 1n, id: '1', price: 1n, quantity: 1n, side: 'buy' },
    ])
    const rows = await session.rows(
      `SELECT step, open_ts, close_ts FROM (${barsPartialSql('trades')}) ORDER BY open_ts`,
    )
    const close_ts = '2025-01-16 00:00:00+00'
    expect(rows).toEqual([
      { step: '1d', open_ts: '2025-01-15 00:00:00+00', close_ts },
      { step: '1h', open_ts: '2025-01-15 23:00:00+00', close_ts },
      { step: '5m', open_ts: '2025-01-15 23:55:00+00', close_ts },
      { step: '1m', open_ts: '2025-01-15 23:59:00+00', close_ts },
    ])
  })

  it('take open and close of equal times by number, then id, and by position without an id', async () => {
    const row = (id: string | null, seq: bigint | null, offset: bigint, price: string) => [
      ...['v', 'A', 'v:A', id, seq, BASE_US, price, '1', 'buy', 's', 0, offset, 0, 0],
    ]
    const openAndClose = `SELECT open, close FROM (${barsPartialSql('trades')}) WHERE step = '1m'`
    const read = async (rows: (string | number | bigint | null)[][]) => {
      await session.load('loaded', columns, rows)
      await session.run(
        'CREATE OR REPLACE TABLE trades AS ' +
          'SELECT *, make_timestamptz(event_us) AS event_ts FROM loaded',
      )
      const [bar] = await session.rows(openAndClose)
      return [bar?.['open'], bar?.['close']].map((price) => Number(price))
    }
    expect(await read([row('9', 9n, 1n, '3'), row('10', 10n, 0n, '4')])).toEqual([3, 4])
    expect(await read([row('b', null, 0n, '3'), row('a', null, 1n, '4')])).toEqual([4, 3])
    expect(await read([row(null, null, 10n, '3'), row(null, null, 9n, '4')])).toEqual([4, 3])
  })

  it('of no rows are no rows', async () => {
    await loadTrades([])
    expect(await session.rows(finalized(barsPartialSql('trades')))).toEqual([])
  })
})

describe('merging', () => {
  it('gives the same states for any partition and order of the rows', async () => {
    const split = trades.chain((rows) =>
      fc.tuple(
        fc.shuffledSubarray(rows, { minLength: rows.length, maxLength: rows.length }),
        fc.array(fc.integer({ min: 0, max: 3 }), {
          minLength: rows.length,
          maxLength: rows.length,
        }),
      ),
    )
    const property = fc.asyncProperty(split, async ([rows, parts]) => {
      await loadTrades(rows, parts)
      const whole = `SELECT * FROM (${barsPartialSql('trades')}) ORDER BY ALL`
      const partials = [0, 1, 2, 3].map(
        (part) => `(${barsPartialSql(`(SELECT * FROM trades WHERE part = ${part})`)})`,
      )
      const [a = '', b = '', c = '', d = ''] = partials
      const merge = (...states: string[]): string =>
        `(${barsMergeSql(`(${states.map((s) => `SELECT * FROM ${s}`).join(' UNION ALL ')})`)})`
      const expected = await session.rows(whole)
      const atOnce = `SELECT * FROM ${merge(d, b, a, c)} ORDER BY ALL`
      const nested = `SELECT * FROM ${merge(merge(a, b), merge(c, d))} ORDER BY ALL`
      expect(await session.rows(atOnce)).toEqual(expected)
      expect(await session.rows(nested)).toEqual(expected)
    })
    await fc.assert(property, { numRuns: 40 })
  })
})

describe('price_stddev', () => {
  const deviations = async (prices: readonly bigint[]): Promise<unknown> => {
    const rows = prices.map((price, index): ReferenceTrade => ({
      ...{ symbol: 'A', us: BASE_US, id: String(index), price, quantity: 1n, side: 'buy' },
    }))
    await loadTrades(rows)
    const sql = finalized(barsPartialSql('trades'), 'price_stddev')
    return (await session.rows(sql))[0]?.['price_stddev']
  }

  it('is the sample deviation, to 1e-12 of itself', async () => {
    const prices = [17_550_000_000n, 17_550_000_001n, 17_560_000_000n, 17_449_999_999n]
    const n = BigInt(prices.length)
    const sum = prices.reduce((total, price) => total + price, 0n)
    const squares = prices.reduce((total, price) => total + (price * n - sum) ** 2n, 0n)
    const expected = Math.sqrt(Number(squares) / Number(n * n) / Number(n - 1n)) / 1e8
    const read = (await deviations(prices)) as number
    expect(Math.abs(read - expected) / expected).toBeLessThan(1e-12)
  })

  it('is 0 for equal prices, null for one trade and for a price above 1e7', async () => {
    expect(await deviations([5n, 5n, 5n])).toBe(0)
    expect(await deviations([5n])).toBeNull()
    expect(await deviations([5n, 10n ** 15n + 1n])).toBeNull()
    expect(await deviations([10n ** 15n, 10n ** 15n])).toBe(0)
  })
})
