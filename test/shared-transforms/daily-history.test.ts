import { gunzipSync } from 'node:zlib'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dailyFilledSql, forecastInputSql } from '../../shared-transforms/daily-history.ts'
import { dataPath } from '../support/data.ts'
import { describeWithService } from '../support/service.ts'
import { openSqlSession, type JsonRow, type SqlSession } from './sql-session.ts'

let session: SqlSession
beforeAll(async () => {
  session = await openSqlSession()
})
afterAll(() => session.close())

/** A daily bar: days since 1970, close in hundred-millionths. */
interface DayBar {
  readonly day: number
  readonly close: bigint
}

interface FilledDay extends DayBar {
  readonly isFilled: boolean
  readonly ma7: string | null
  readonly ma30: string | null
}

/** The plain loop that the step must equal. */
function reference(bars: readonly DayBar[]): FilledDay[] {
  const closes = new Map(bars.map(({ day, close }) => [day, close]))
  const [first, last] = [bars[0]?.day ?? 0, bars.at(-1)?.day ?? -1]
  const filled: FilledDay[] = []
  for (let day = first; day <= last; day++) {
    const known = closes.get(day)
    const close = known ?? filled.at(-1)?.close ?? 0n
    const until = [...filled.map((each) => each.close), close]
    const mean = (length: number) => {
      if (until.length < length) return null
      const sum = until.slice(-length).reduce((total, each) => total + each, 0n)
      return decimal((2n * sum + BigInt(length)) / (2n * BigInt(length)))
    }
    filled.push({ day, close, isFilled: known === undefined, ma7: mean(7), ma30: mean(30) })
  }
  return filled
}

function decimal(units: bigint): string {
  const text = units.toString().padStart(9, '0')
  return `${text.slice(0, -8)}.${text.slice(-8)}`
}

const COLUMNS =
  `(day - DATE '1970-01-01')::INTEGER AS day, close::VARCHAR AS close, ` +
  `is_filled, ma7::VARCHAR AS ma7, ma30::VARCHAR AS ma30`

function expected(bars: readonly DayBar[]): JsonRow[] {
  return reference(bars).map(({ day, close, isFilled, ma7, ma30 }) => {
    return { day, close: decimal(close), is_filled: isFilled, ma7, ma30 }
  })
}

async function loadBars(symbols: ReadonlyMap<string, readonly DayBar[]>): Promise<void> {
  const rows = [...symbols].flatMap(([symbol, bars]) =>
    bars.map(({ day, close }) => [symbol, BigInt(day) * 86_400_000_000n, decimal(close)]),
  )
  await session.load('day_bars', 'symbol VARCHAR, us BIGINT, close VARCHAR', rows)
  const price = 'close::DECIMAL(18, 8)'
  await session.run(
    `CREATE OR REPLACE TABLE bars AS SELECT unnest(['1d', '1h']) AS step, 'v' AS venue, ` +
      `symbol AS venue_symbol, 'v:' || symbol AS instrument_id, make_timestamptz(us) AS open_ts, ` +
      `${price} + 1 AS open, ${price} + 2 AS high, ${price} AS low, ${price} AS close, ` +
      `7::DECIMAL(38, 8) AS volume FROM day_bars`,
  )
}

describe('daily bars without holes', () => {
  it('are what a plain loop gives, each symbol by itself', async () => {
    const bars = fc
      .uniqueArray(fc.integer({ min: 16_000, max: 16_090 }), { minLength: 1, maxLength: 60 })
      .chain((days) =>
        fc.tuple(
          ...[...days]
            .sort((a, b) => a - b)
            .map((day) =>
              fc.record({
                day: fc.constant(day),
                close: fc.bigInt({ min: 1n, max: 10n ** 17n - 1n }),
              }),
            ),
        ),
      )
    await fc.assert(
      fc.asyncProperty(bars, bars, async (one, other) => {
        await loadBars(
          new Map([
            ['A', one],
            ['B', other],
          ]),
        )
        for (const [symbol, own] of [
          ['A', one],
          ['B', other],
        ] as const) {
          const rows = await session.rows(
            `SELECT ${COLUMNS} FROM (${dailyFilledSql('bars')}) ` +
              `WHERE venue_symbol = '${symbol}' ORDER BY day`,
          )
          expect(rows).toEqual(expected(own))
        }
      }),
      { numRuns: 12 },
    )
  })

  it('repeat the close before a hole, with nothing traded, and end with the last bar', async () => {
    await loadBars(
      new Map([
        [
          'A',
          [
            { day: 5, close: 100_000_000n },
            { day: 7, close: 300_000_000n },
          ],
        ],
      ]),
    )
    const rows = await session.rows(
      `SELECT day::VARCHAR AS day, open, high, low, close, volume, is_filled ` +
        `FROM (${dailyFilledSql('bars')}) ORDER BY day`,
    )
    const one = '1.00000000'
    expect(rows).toEqual([
      {
        ...{ day: '1970-01-06', open: '2.00000000', high: '3.00000000', low: one, close: one },
        ...{ volume: '7.00000000', is_filled: false },
      },
      {
        ...{ day: '1970-01-07', open: one, high: one, low: one, close: one },
        ...{ volume: '0.00000000', is_filled: true },
      },
      {
        ...{ day: '1970-01-08', open: '4.00000000', high: '5.00000000', low: '3.00000000' },
        ...{ close: '3.00000000', volume: '7.00000000', is_filled: false },
      },
    ])
    expect(await session.rows(`SELECT * FROM (${forecastInputSql('bars')}) ORDER BY ds`)).toEqual([
      { ds: '1970-01-06', y: one, symbol: 'A', venue: 'v', is_filled: false },
      { ds: '1970-01-07', y: one, symbol: 'A', venue: 'v', is_filled: true },
      { ds: '1970-01-08', y: '3.00000000', symbol: 'A', venue: 'v', is_filled: false },
    ])
  })
})

await describeWithService('data', 'the days of Bitfinex BTCUSD 2016', () => {
  it('are the last minute of each day of the file, its week without trading filled', async () => {
    const path = dataPath('bitfinex-1m/BTCUSD-1m-2016.csv.gz')
    const closes = new Map<number, bigint>()
    for (const line of gunzipSync(readFileSync(path)).toString('latin1').split('\n').slice(1)) {
      const [ms = '', , close = ''] = line.split(',')
      if (ms === '') continue
      const [whole = '', fraction = ''] = close.split('.')
      closes.set(Math.floor(Number(ms) / 86_400_000), BigInt(whole + fraction.padEnd(8, '0')))
    }
    const bars = [...closes].map(([day, close]) => ({ day, close }))
    await loadBars(new Map([['BTCUSD', bars]]))
    const rows = await session.rows(
      `SELECT ${COLUMNS} FROM (${dailyFilledSql('bars')}) ORDER BY day`,
    )
    expect(rows).toEqual(expected(bars))
    // The venue stopped from 2 August, 18:02, to 10 August, 15:53.
    const august = Date.UTC(2016, 7, 1) / 86_400_000
    const stop = rows.filter(({ day }) => Number(day) > august && Number(day) < august + 11)
    expect(
      stop.filter((row) => row['is_filled']).map((row) => Number(row['day']) - august + 1),
    ).toEqual([3, 4, 5, 6, 7, 8, 9])
  })
})
