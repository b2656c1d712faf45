import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { klineGapsSql } from '../../shared-transforms/kline-gaps.ts'
import { dataPath } from '../support/data.ts'
import { describeWithService } from '../support/service.ts'
import { openSqlSession, type JsonRow, type SqlSession } from './sql-session.ts'

let session: SqlSession
beforeAll(async () => {
  session = await openSqlSession()
})
afterAll(() => session.close())

const MINUTE_US = 60_000_000n

/** Klines of one venue, symbol and step by the number of their step since 1970. */
interface Series {
  readonly venue: string
  readonly symbol: string
  readonly lengthMinutes: number
  readonly numbers: readonly number[]
}

/** The plain loop that the step must equal: every step from first to last is looked for. */
function reference({ venue, symbol, lengthMinutes, numbers }: Series): JsonRow[] {
  const known = new Set(numbers)
  const gaps: JsonRow[] = []
  let missing = 0
  for (let number = Math.min(...numbers); number <= Math.max(...numbers); number++) {
    if (!known.has(number)) {
      missing++
      continue
    }
    const [from, to] = [number - missing, number].map((at) => String(at * lengthMinutes))
    if (missing > 0) gaps.push({ venue, symbol, lengthMinutes, from, to, missing: String(missing) })
    missing = 0
  }
  return gaps
}

async function gapsOf(all: readonly Series[]): Promise<readonly JsonRow[]> {
  const rows = all.flatMap(({ venue, symbol, lengthMinutes, numbers }) =>
    numbers.map((number) => {
      const us = BigInt(lengthMinutes) * MINUTE_US
      return [venue, symbol, `${lengthMinutes}m`, BigInt(number) * us, BigInt(number + 1) * us]
    }),
  )
  await session.load(
    'times',
    'venue VARCHAR, venue_symbol VARCHAR, step VARCHAR, open_us BIGINT, close_us BIGINT',
    rows,
  )
  const klines =
    `(SELECT *, venue || ':' || venue_symbol AS instrument_id, ` +
    'make_timestamptz(open_us) AS open_ts, make_timestamptz(close_us) AS close_ts FROM times)'
  return session.rows(
    `SELECT venue, venue_symbol AS symbol, rtrim(step, 'm')::INTEGER AS "lengthMinutes", ` +
      `epoch_us(from_ts) // ${MINUTE_US} AS "from", epoch_us(to_ts) // ${MINUTE_US} AS "to", ` +
      `missing_count AS missing FROM (${klineGapsSql(klines)}) ORDER BY ALL`,
  )
}

const series = fc.record({
  numbers: fc.uniqueArray(fc.integer({ min: 24_000_000, max: 24_000_060 }), {
    minLength: 1,
    maxLength: 50,
  }),
  lengthMinutes: fc.constantFrom(1, 5),
})

describe('gaps of klines', () => {
  it('are the steps that a plain loop misses, each venue, symbol and step by itself', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(series, { minLength: 4, maxLength: 4 }), async (four) => {
        const all = four.map((each, index): Series => ({
          ...each,
          venue: index < 2 ? 'a' : 'b',
          symbol: index % 2 === 0 ? 'X' : 'Y',
        }))
        expect(await gapsOf(all)).toEqual(all.flatMap(reference))
      }),
      { numRuns: 25 },
    )
  })

  it('are none in one kline, before the first, behind the last, and between neighbours', async () => {
    const whole = { venue: 'a', lengthMinutes: 1 }
    expect(await gapsOf([{ ...whole, symbol: 'X', numbers: [7] }])).toEqual([])
    expect(await gapsOf([{ ...whole, symbol: 'X', numbers: [9, 7, 8] }])).toEqual([])
  })
})

/** The table of the recorded data's README: minutes with no row in a file, and its longest hole. */
const published = [
  ['BTCUSD-1m-2013', 247_938, 279],
  ['BTCUSD-1m-2015', 158_890, 44_400],
  ['BTCUSD-1m-2016', 233_809, 87_839],
  ['ETHUSD-1m-2016', 342_310, 87_869],
  ['ETHUSD-1m-2019', 69_629, 257],
] as const

await describeWithService('data', 'the gaps of recorded years of Bitfinex', () => {
  const klinesOf = (name: string): string =>
    `(SELECT 'bitfinex' AS venue, '${name}' AS venue_symbol, '' AS instrument_id, '1m' AS step, ` +
    `make_timestamptz(mts * 1000) AS open_ts, make_timestamptz(mts * 1000 + ${MINUTE_US}) ` +
    `AS close_ts FROM read_csv('${dataPath(`bitfinex-1m/${name}.csv.gz`)}', header = true, ` +
    `columns = {mts: 'BIGINT', open: 'VARCHAR', close: 'VARCHAR', high: 'VARCHAR', ` +
    `low: 'VARCHAR', volume: 'VARCHAR'}))`

  it.each(published)('%s: %i minutes, at most %i at once', async (name, total, longest) => {
    const rows = await session.rows(
      `SELECT sum(missing_count)::VARCHAR AS total, max(missing_count) AS longest ` +
        `FROM (${klineGapsSql(klinesOf(name))})`,
    )
    expect(rows).toEqual([{ total: String(total), longest: String(longest) }])
  })
})
