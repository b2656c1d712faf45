import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  duplicateRule,
  duplicatesSql,
  identityHashSql,
  IDENTITY_HORIZON_US,
} from '../../shared-transforms/duplicates.ts'
import { builtInModel } from '../../shared-transforms/lake-model.ts'
import { openSqlSession, type SqlSession } from './sql-session.ts'

let session: SqlSession

beforeAll(async () => {
  session = await openSqlSession()
})

afterAll(() => {
  session.close()
})

interface Row {
  readonly symbol: string
  readonly id: string | null
  readonly us: bigint
  readonly price: number
  readonly conditions: string | null
  readonly isReceived: boolean
}

type Verdict = 'accepted' | 'duplicate' | 'conflict'

/** The reference: one row after the other, each against the accepted rows before it. */
function judge(silver: readonly Row[], candidates: readonly Row[]): Verdict[] {
  const accepted = [...silver]
  return candidates.map((row) => {
    const reach = row.isReceived ? BigInt(IDENTITY_HORIZON_US) : 0n
    const same = accepted.filter(
      (other) =>
        row.id !== null &&
        other.id === row.id &&
        other.symbol === row.symbol &&
        other.us >= row.us - reach &&
        other.us <= row.us + reach,
    )
    if (same.length === 0) {
      accepted.push(row)
      return 'accepted'
    }
    const agrees = same.some(
      (other) => other.price === row.price && other.conditions === row.conditions,
    )
    return agrees ? 'duplicate' : 'conflict'
  })
}

const columns =
  'venue VARCHAR, venue_symbol VARCHAR, instrument_id VARCHAR, trade_id VARCHAR, ' +
  'trade_seq BIGINT, us BIGINT, price DECIMAL(18, 8), quantity DECIMAL(28, 8), ' +
  'taker_side VARCHAR, conditions VARCHAR, is_rounded BOOLEAN, source VARCHAR, ' +
  'source_partition INTEGER, source_offset BIGINT, source_row INTEGER, ingested_us BIGINT, ' +
  'is_event_time_received BOOLEAN'

async function load(table: string, rows: readonly Row[]): Promise<void> {
  await session.load(
    table,
    columns,
    rows.map((row, index) => [
      ...['v', row.symbol, `v:${row.symbol}`, row.id, null, row.us, row.price, 1, 'buy'],
      ...[row.conditions, false, 's', Math.floor(index / 10), index % 10, 0, 5, row.isReceived],
    ]),
  )
  await session.run(
    `CREATE OR REPLACE TABLE ${table} AS SELECT *, make_timestamptz(us) AS event_ts, ` +
      `make_timestamptz(ingested_us) AS ingested_ts FROM ${table}`,
  )
}

async function verdicts(silver: readonly Row[], candidates: readonly Row[]): Promise<Verdict[]> {
  await load('silver', silver)
  await load('candidates', candidates)
  const sql = duplicatesSql(duplicateRule(builtInModel.tables, 'trade'), {
    candidates: 'candidates',
    accepted: 'silver',
  })
  const rows = await session.rows(
    `SELECT verdict FROM (${sql}) ORDER BY source_partition, source_offset`,
  )
  return rows.map((row) => row['verdict'] as Verdict)
}

const BASE_US = 1_736_937_000_000_000n
const H = BigInt(IDENTITY_HORIZON_US)

const row = (isReceived: fc.Arbitrary<boolean>): fc.Arbitrary<Row> =>
  fc.record({
    symbol: fc.constantFrom('A', 'B'),
    id: fc.option(fc.constantFrom('1', '2', '3'), { freq: 8 }),
    // Instants around multiples of H, so that both sides of the horizon are hit, and few enough
    // that identities meet.
    us: fc
      .tuple(fc.bigInt({ min: 0n, max: 6n }), fc.constantFrom(-1n, 0n, 0n, 1n))
      .map(([half, beside]) => BASE_US + (half * H) / 2n + beside),
    price: fc.constantFrom(1, 1, 2),
    conditions: fc.constantFrom(null, null, 'x'),
    isReceived,
  })

/** Silver as it can be: what the rule itself accepted before. */
const situation = (isReceived: fc.Arbitrary<boolean>) =>
  fc.tuple(
    fc.array(row(isReceived), { maxLength: 12 }),
    fc.array(row(isReceived), { minLength: 1, maxLength: 40 }),
  )

async function holdAgainstReference(isReceived: fc.Arbitrary<boolean>): Promise<Set<Verdict>> {
  const seen = new Set<Verdict>()
  const property = fc.asyncProperty(situation(isReceived), async ([before, candidates]) => {
    const earlier = judge([], before)
    const silver = before.filter((_, index) => earlier[index] === 'accepted')
    const expected = judge(silver, candidates)
    for (const verdict of expected) seen.add(verdict)
    expect(await verdicts(silver, candidates)).toEqual(expected)
  })
  await fc.assert(property, { numRuns: 80 })
  return seen
}

const all = new Set<Verdict>(['accepted', 'duplicate', 'conflict'])

describe('duplicates', () => {
  it('with event times of the venue equal the sequential reference', async () => {
    expect(await holdAgainstReference(fc.constant(false))).toEqual(all)
  })

  it('with receive times for event times equal it within ±H', async () => {
    expect(await holdAgainstReference(fc.constant(true))).toEqual(all)
  })

  it('with both in one batch equal it', async () => {
    expect(await holdAgainstReference(fc.boolean())).toEqual(all)
  })

  it('of a restarted number at another time are rows of their own', async () => {
    const first: Row = {
      ...{ symbol: 'A', id: '1', us: BASE_US, price: 1, conditions: null, isReceived: false },
    }
    const restarted = { ...first, us: BASE_US + 1n, price: 2 }
    expect(await verdicts([first], [restarted, first])).toEqual(['accepted', 'duplicate'])
  })

  it('of ten thousand rows with one id are found without ten thousand rounds', async () => {
    const rows = Array.from({ length: 10_000 }, (_, index): Row => {
      const us = BASE_US + BigInt(index) * 30_000n
      return { symbol: 'A', id: '1', us, price: 1, conditions: null, isReceived: true }
    })
    const expected = judge([], rows)
    const byPartition = (await verdicts([], rows)).filter((verdict) => verdict === 'accepted')
    expect(byPartition).toHaveLength(expected.filter((verdict) => verdict === 'accepted').length)
  })
})

describe('the identity hash', () => {
  it('is equal for one identity, and leaves the time out where it is the receive time', async () => {
    const base: Row = {
      ...{ symbol: 'A', id: '1', us: BASE_US, price: 1, conditions: null, isReceived: false },
    }
    await load('candidates', [
      base,
      { ...base, price: 2 },
      { ...base, us: BASE_US + 1n },
      { ...base, isReceived: true },
      { ...base, isReceived: true, us: BASE_US + H },
      { ...base, symbol: 'B' },
    ])
    const rows = await session.rows(
      `SELECT ${identityHashSql('trade', 'c')} AS bits FROM candidates c ORDER BY source_offset`,
    )
    const [a, agreeing, later, received, receivedLater, other] = rows.map((one) => one['bits'])
    expect(agreeing).toBe(a)
    expect(receivedLater).toBe(received)
    expect(new Set([a, later, received, other]).size).toBe(4)
  })
})
