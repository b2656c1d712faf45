import fc from 'fast-check'
import { IDENTITY_HORIZON_US } from '../../shared-transforms/duplicates.ts'
import { RECEIVED_US } from '../shared-transforms/messages.ts'
import type { SqlSession, SqlValue } from '../shared-transforms/sql-session.ts'

const SEED = 20_261_121

const columns =
  'venue VARCHAR, venue_symbol VARCHAR, instrument_id VARCHAR, trade_id VARCHAR, ' +
  'trade_seq BIGINT, us BIGINT, price DECIMAL(18, 8), quantity DECIMAL(28, 8), ' +
  'taker_side VARCHAR, conditions VARCHAR, is_rounded BOOLEAN, source VARCHAR, ' +
  'source_partition INTEGER, source_offset BIGINT, source_row INTEGER, ' +
  'is_event_time_received BOOLEAN'

/**
 * Fills two tables with rows that share identities, agree and contradict: of the venue's times, of
 * receive times around multiples of the horizon, and of both.
 */
export async function loadRepeats(
  session: SqlSession,
  tables: { readonly candidates: string; readonly accepted: string },
): Promise<void> {
  const horizon = BigInt(IDENTITY_HORIZON_US)
  const row = fc.record({
    symbol: fc.constantFrom('venue', 'received', 'both'),
    id: fc.option(fc.integer({ min: 1, max: 60 }).map(String), { freq: 20 }),
    us: fc
      .tuple(fc.bigInt({ min: 0n, max: 6n }), fc.constantFrom(-1n, 0n, 0n, 1n))
      .map(([half, beside]) => RECEIVED_US + (half * horizon) / 2n + beside),
    price: fc.constantFrom(1, 1, 2),
    conditions: fc.constantFrom(null, null, 'x'),
    isReceived: fc.boolean(),
  })
  const load = async (table: string, count: number): Promise<void> => {
    const rows = fc.sample(row, { numRuns: count, seed: SEED + count })
    const values = rows.map((one, index): SqlValue[] => [
      ...['v', one.symbol, `v:${one.symbol}`, one.id, null, one.us, one.price, 1, 'buy'],
      ...[one.conditions, false, 's', Math.floor(index / 10), BigInt(index % 10), 0],
      one.symbol === 'both' ? one.isReceived : one.symbol === 'received',
    ])
    await session.load(table, columns, values)
    await session.run(
      `CREATE OR REPLACE TABLE ${table} AS SELECT *, make_timestamptz(us) AS event_ts, ` +
        `make_timestamptz(5) AS ingested_ts FROM ${table}`,
    )
  }
  await load(tables.candidates, 1500)
  await load(tables.accepted, 60)
}
