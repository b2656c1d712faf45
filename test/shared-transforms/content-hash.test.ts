import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contentHashSql } from '../../shared-transforms/content-hash.ts'
import { trinoDialect } from '../../shared-transforms/dialect.ts'
import { quotes } from '../../silver/quotes.ts'
import { trades } from '../../silver/trades.ts'
import { deriveMessages } from './decode-messages.ts'
import { stockQuote, stockTrade } from './messages.ts'
import { openSqlSession, type SqlSession } from './sql-session.ts'

let session: SqlSession

beforeAll(async () => {
  session = await openSqlSession()
})

afterAll(() => {
  session.close()
})

/** First 60 bits of the md5 of a canonical text. */
function bits(text: string): bigint {
  return BigInt(`0x${createHash('md5').update(text).digest('hex').slice(0, 15)}`)
}

describe('the content hash', () => {
  it('is the sum of the first 60 bits of md5 over the canonical text of each row', async () => {
    const payloads = [
      stockTrade({ symbol: '"é|"' }),
      stockTrade({ symbol: '"é|"' }),
      stockTrade({ timestamp: '"1999-12-31T23:59:59.000001Z"', price: '0.5', volume: '2' }),
    ]
    await deriveMessages(
      session,
      'stock-json',
      payloads.map((payload) => ({ payload })),
    )
    const canonical = (symbol: string, us: string, price: string, quantity: string): string =>
      `6:NASDAQ|${symbol.length}:${symbol}|${symbol.length + 7}:NASDAQ:${symbol}|7:TRD_001|\\N|` +
      `${us}|${price}|${quantity}|3:buy|\\N|false`
    const first = canonical('é|', '1736937000000000', '175.50000000', '100.00000000')
    const early = canonical('AAPL', '946684799000001', '0.50000000', '2.00000000')
    expect(await session.rows(contentHashSql(trades, 'decoded_trade'))).toEqual([
      { day: '1999-12-31', row_count: '1', hash: String(bits(early)) },
      { day: '2025-01-15', row_count: '2', hash: String(bits(first) * 2n) },
    ])
  })

  it('changes with content and not with lineage or order', async () => {
    const hashOf = async (relation: string) => session.rows(contentHashSql(quotes, relation))
    await deriveMessages(session, 'stock-json', [
      { payload: stockQuote({}) },
      { payload: stockQuote({ quote_id: '"2"' }) },
    ])
    const hash = await hashOf('decoded_quote')
    const moved =
      '(SELECT * REPLACE (source_offset + 9 AS source_offset, NULL AS received_ts) ' +
      'FROM decoded_quote ORDER BY source_offset DESC)'
    const changed = '(SELECT * REPLACE (bid_price * 2 AS bid_price) FROM decoded_quote)'
    expect(await hashOf(moved)).toEqual(hash)
    expect(await hashOf(changed)).not.toEqual(hash)
  })

  it('is the same text for Trino but for the functions of its dialect', () => {
    const text = contentHashSql(trades, 'silver.trades', trinoDialect)
    expect(text).toContain('from_base(substr(lower(to_hex(md5(to_utf8(CAST(length(venue)')
    expect(text).not.toMatch(/epoch_us|make_timestamptz|BIGINT\)\) AS bits.*0x/)
  })
})
