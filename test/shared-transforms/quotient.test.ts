import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { quotientSql } from '../../shared-transforms/quotient.ts'
import { openSqlSession, type SqlSession } from './sql-session.ts'
import { scaledText, roundedQuotient } from './reference-bars.ts'

let session: SqlSession

beforeAll(async () => {
  session = await openSqlSession()
})

afterAll(() => {
  session.close()
})

/** n with 16 decimals over v with 8, both as unscaled integers. */
interface Division {
  readonly n: bigint
  readonly v: bigint
}

async function divide(divisions: readonly Division[]): Promise<unknown[]> {
  await session.load(
    'divisions',
    'position INTEGER, n DECIMAL(38, 16), v DECIMAL(38, 8)',
    divisions.map(({ n, v }, position) => [position, scaledText(n, 16), scaledText(v, 8)]),
  )
  const rows = await session.rows(
    `SELECT ${quotientSql('n', 'v')} AS q FROM divisions ORDER BY position`,
  )
  return rows.map((row) => row['q'])
}

function expected({ n, v }: Division): string | null {
  return v > 0n ? scaledText(roundedQuotient(n, v), 8) : null
}

const denominator = fc.oneof(
  fc.bigInt({ min: 1n, max: 1000n }),
  fc.bigInt({ min: 1n, max: 10n ** 12n }),
  fc.bigInt({ min: 1n, max: 10n ** 22n }),
)
/** A quotient below 1e9 and a remainder, so that n = q·v + r: r decides the rounding. */
const division = fc
  .tuple(
    fc.bigInt({ min: 0n, max: 10n ** 17n - 2n }),
    denominator,
    fc.integer({ min: 0, max: 1_000_000 }),
    fc.boolean(),
  )
  .filter(([q, v]) => q * v < 10n ** 37n)
  .map(([q, v, part, isNegative]): Division => {
    const n = q * v + (v * BigInt(part)) / 1_000_001n
    return { n: isNegative ? -n : n, v }
  })
/** Exactly half of the last decimal, and one unit to both sides of it. */
const tie = fc
  .tuple(
    fc.bigInt({ min: 0n, max: 10n ** 17n - 2n }),
    denominator.map((v) => v * 2n),
    fc.constantFrom(-1n, 0n, 0n, 1n),
    fc.boolean(),
  )
  .filter(([q, v]) => q * v < 10n ** 37n)
  .map(([q, v, beside, isNegative]): Division => {
    const n = q * v + v / 2n + beside
    return { n: isNegative ? -n : n, v }
  })

describe('a quotient', () => {
  it('is the BigInt quotient, half away from zero, on ties and beside them', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.oneof(division, tie, tie), { minLength: 200, maxLength: 200 }),
      async (divisions) => {
        expect(await divide(divisions)).toEqual(divisions.map(expected))
      },
    )
    await fc.assert(property, { numRuns: 50 })
  })

  it('by zero is null', async () => {
    expect(await divide([{ n: 5n, v: 0n }])).toEqual([null])
  })
})
