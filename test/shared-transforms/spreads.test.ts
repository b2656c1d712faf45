import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  spreadsFinalizeSql,
  spreadsMergeSql,
  spreadsPartialSql,
} from '../../shared-transforms/spreads.ts'
import { roundedQuotient, scaledText } from './reference-bars.ts'
import { openSqlSession, type JsonRow, type SqlSession } from './sql-session.ts'

let session: SqlSession

beforeAll(async () => {
  session = await openSqlSession()
})

afterAll(() => {
  session.close()
})

interface Quote {
  readonly us: bigint
  readonly seq: bigint
  readonly bid: bigint | null
  readonly ask: bigint | null
}

const BASE_US = 1_736_899_200_000_000n
const HOUR_US = 3_600_000_000n

async function loadQuotes(quotes: readonly Quote[], parts: readonly number[] = []): Promise<void> {
  await session.load(
    'loaded',
    'venue VARCHAR, venue_symbol VARCHAR, instrument_id VARCHAR, quote_id VARCHAR, ' +
      'quote_seq BIGINT, event_us BIGINT, bid_price DECIMAL(18, 8), ask_price DECIMAL(18, 8), ' +
      'source VARCHAR, source_partition INTEGER, source_offset BIGINT, source_row INTEGER, ' +
      'part INTEGER',
    quotes.map(({ us, seq, bid, ask }, index) => [
      ...['v', 'A', 'v:A', String(seq), seq, us],
      ...[bid === null ? null : scaledText(bid, 8), ask === null ? null : scaledText(ask, 8)],
      ...['s', 0, index, 0, parts[index] ?? 0],
    ]),
  )
  await session.run(
    'CREATE OR REPLACE TABLE quotes AS SELECT *, make_timestamptz(event_us) AS event_ts FROM loaded',
  )
}

const text = (value: bigint | null): string | null => (value === null ? null : scaledText(value, 8))

/** The reference: one hour's row by a loop over BigInt. */
function referenceHours(quotes: readonly Quote[]): JsonRow[] {
  const hours = new Map<bigint, Quote[]>()
  const inOrder = [...quotes].sort((a, b) => Number(a.us - b.us) || Number(a.seq - b.seq))
  for (const quote of inOrder) {
    const hour = quote.us - (quote.us % HOUR_US)
    hours.set(hour, [...(hours.get(hour) ?? []), quote])
  }
  return [...hours].map(([hour, rows]) => {
    const bid = rows.findLast((row) => row.bid !== null)?.bid ?? null
    const ask = rows.findLast((row) => row.ask !== null)?.ask ?? null
    const spreads = rows.flatMap((row) =>
      row.bid !== null && row.ask !== null ? [row.ask - row.bid] : [],
    )
    const sorted = [...spreads].sort((a, b) => Number(a - b))
    const sum = spreads.reduce((total, spread) => total + spread, 0n)
    const count = BigInt(spreads.length)
    return {
      open_us: String(hour),
      bid_price: text(bid),
      ask_price: text(ask),
      mid: bid === null || ask === null ? null : text(roundedQuotient(bid + ask, 2n)),
      min_spread: text(sorted[0] ?? null),
      avg_spread: count === 0n ? null : text(roundedQuotient(sum, count)),
      max_spread: text(sorted.at(-1) ?? null),
      quote_count: String(rows.length),
      both_sides_count: String(count),
      crossed_count: String(spreads.filter((spread) => spread < 0n).length),
      sum_spread: text(sum),
    }
  })
}

const side = fc.option(fc.bigInt({ min: 1n, max: 40n }), { freq: 4 })
const quotes = fc
  .array(
    fc.record({
      us: fc.bigInt({ min: 0n, max: 30n }).map((tick) => BASE_US + tick * 600_000_000n),
      bid: side,
      ask: side,
    }),
    { minLength: 1, maxLength: 50 },
  )
  .map((rows): Quote[] =>
    rows.map((row, index) => ({ ...row, seq: BigInt((index * 7919) % 1000) })),
  )

const contentColumns =
  'epoch_us(open_ts) AS open_us, bid_price, ask_price, mid, min_spread, avg_spread, max_spread, ' +
  'quote_count, both_sides_count, crossed_count, sum_spread'

describe('spreads', () => {
  it('of an hour equal a loop over BigInt, crossed and one-sided quotes among them', async () => {
    const property = fc.asyncProperty(quotes, async (rows) => {
      await loadQuotes(rows)
      const sql =
        `SELECT ${contentColumns} FROM (${spreadsFinalizeSql(`(${spreadsPartialSql('quotes')})`)}) ` +
        `WHERE step = '1h' ORDER BY open_ts`
      expect(await session.rows(sql)).toEqual(referenceHours(rows))
    })
    await fc.assert(property, { numRuns: 60 })
  })

  it('merge to the same states for any partition of the rows', async () => {
    const split = quotes.chain((rows) =>
      fc.tuple(
        fc.constant(rows),
        fc.array(fc.integer({ min: 0, max: 2 }), {
          minLength: rows.length,
          maxLength: rows.length,
        }),
      ),
    )
    const property = fc.asyncProperty(split, async ([rows, parts]) => {
      await loadQuotes(rows, parts)
      const [a = '', b = '', c = ''] = [0, 1, 2].map(
        (part) => `(${spreadsPartialSql(`(SELECT * FROM quotes WHERE part = ${part})`)})`,
      )
      const merge = (left: string, right: string): string =>
        `(${spreadsMergeSql(`(SELECT * FROM ${left} UNION ALL SELECT * FROM ${right})`)})`
      const read = (states: string) => session.rows(`SELECT * FROM ${states} ORDER BY ALL`)
      const whole = await read(`(${spreadsPartialSql('quotes')})`)
      expect(await read(merge(merge(a, b), c))).toEqual(whole)
      expect(await read(merge(c, merge(b, a)))).toEqual(whole)
    })
    await fc.assert(property, { numRuns: 40 })
  })

  it('round the mid half away from zero, and keep what other columns a state has', async () => {
    await loadQuotes([{ us: BASE_US, seq: 1n, bid: 3n, ask: 4n }])
    const states = `(SELECT *, 7 AS revision FROM (${spreadsPartialSql('quotes')}))`
    const [row] = await session.rows(spreadsFinalizeSql(states))
    expect(row).toMatchObject({ mid: '0.00000004', avg_spread: '0.00000001', revision: 7 })
  })
})
