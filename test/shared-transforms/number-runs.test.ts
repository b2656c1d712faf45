import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  gapsSql,
  numberRunsMergeSql,
  numberRunsPartialSql,
} from '../../shared-transforms/number-runs.ts'
import { missingNumbers } from '../pipelines/loop/law-reference.ts'
import { openSqlSession, type SqlSession } from './sql-session.ts'

let session: SqlSession
beforeAll(async () => {
  session = await openSqlSession()
})
afterAll(() => {
  session.close()
})

interface Numbered {
  readonly symbol: string
  readonly number: bigint
  readonly eventUs: bigint
}

/** Numbers that lie close, at the bounds of what is a gap, and far from each other. */
const numbers = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 30 }) },
  { weight: 1, arbitrary: fc.constantFrom(10_000_030, 10_000_031, 10_000_032, 30_000_000) },
)
const numbered: fc.Arbitrary<Numbered> = fc.record({
  symbol: fc.constantFrom('A', 'B'),
  number: numbers.map(BigInt),
  eventUs: fc.constantFrom(0, 1, 999_999, 1_000_000, 1_000_001, 5_000_000).map((us) => {
    return 1_700_000_000_000_000n + BigInt(us)
  }),
})

function rowsSql(rows: readonly Numbered[]): string {
  const values = rows.map(({ symbol, number, eventUs }) => `('${symbol}', ${number}, ${eventUs})`)
  return (
    `(SELECT 'v' AS venue, symbol AS venue_symbol, number::BIGINT AS trade_seq, ` +
    `make_timestamptz(us::BIGINT) AS event_ts, true AS seq_is_contiguous ` +
    `FROM (VALUES ${values.join(', ')}) AS t(symbol, number, us))`
  )
}

async function linesOf(query: string): Promise<string[]> {
  const rows = await session.rows(
    `SELECT concat_ws(' ', venue_symbol, from_seq, to_seq, epoch_us(from_ts), epoch_us(to_ts)) ` +
      `AS line FROM (${query}) ORDER BY line`,
  )
  return rows.map((row) => String(row['line']))
}

it('tells the same gaps as a plain loop, however the rows are cut up', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(numbered, { minLength: 1, maxLength: 30 }),
      fc.array(fc.nat(3), { minLength: 30, maxLength: 30 }),
      async (rows, places) => {
        const parts = [0, 1, 2, 3]
          .map((part) => rows.filter((_, index) => places[index] === part))
          .filter((part) => part.length > 0)
        const [first = '', ...others] = parts.map((part) => numberRunsPartialSql(rowsSql(part)))
        // Two states at a time, one after the other, and all of them at once.
        const folded = others.reduce(
          (state, part) => numberRunsMergeSql(`(${state} UNION ALL ${part})`),
          first,
        )
        const all = [first, ...others].join(' UNION ALL ')
        const expected = missingNumbers(rows).sort()
        expect(await linesOf(gapsSql(`(${folded})`))).toEqual(expected)
        expect(await linesOf(gapsSql(`(${numberRunsMergeSql(`(${all})`)})`))).toEqual(expected)
      },
    ),
    { numRuns: 60 },
  )
}, 300_000)

it('tells nothing of numbers that need not be contiguous', async () => {
  const rows = rowsSql([1n, 5n].map((number) => ({ symbol: 'A', number, eventUs: 0n })))
  for (const value of ['false', 'NULL::BOOLEAN']) {
    const others = `(SELECT * REPLACE (${value} AS seq_is_contiguous) FROM ${rows})`
    expect(await session.rows(numberRunsPartialSql(others))).toEqual([])
  }
})
