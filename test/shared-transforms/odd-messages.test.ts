import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodedRows, deriveMessages } from './decode-messages.ts'
import { oddTrades } from './odd-trades.ts'
import { longText, RECEIVED_US, stockQuote, stockTrade, type TestMessage } from './messages.ts'
import { openSqlSession, type JsonRow, type SqlSession } from './sql-session.ts'

let session: SqlSession

beforeAll(async () => {
  session = await openSqlSession()
})

afterAll(() => {
  session.close()
})

async function decodeTrade(message: TestMessage): Promise<JsonRow | undefined> {
  await deriveMessages(session, 'stock-json', [message])
  return (await decodedRows(session, 'trade'))[0]
}

const plain = { reason: null, venue: 'NASDAQ', venue_symbol: 'AAPL', trade_id: 'TRD_001' }

describe('odd and good', () => {
  it.each(oddTrades)('%s is read', async (_, payload, expected) => {
    const row = await decodeTrade({ payload })
    const wanted = 'venue_symbol' in expected || 'trade_id' in expected ? {} : plain
    expect(row).toMatchObject({ reason: null, ...wanted, ...expected })
  })

  it('a message of two megabytes, nested a hundred thousand deep, is read', async () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000)
    const note = `[${deep},"${'x'.repeat(2_000_000)}",${longText}]`
    expect(await decodeTrade({ payload: stockTrade({ note }) })).toMatchObject(plain)
  })

  it('a message without a receive time is held against the ingest time', async () => {
    const payload = stockTrade({ timestamp: '"2025-01-15T11:31:00Z"' })
    expect(await decodeTrade({ payload, receivedUs: null })).toMatchObject({ reason: null })
    expect(await decodeTrade({ payload, receivedUs: RECEIVED_US })).toMatchObject({
      reason: 'event-time-in-future',
      event_ts: '2025-01-15 11:31:00+00',
    })
  })

  it('a quote may lack one side', async () => {
    await deriveMessages(session, 'stock-json', [
      { payload: stockQuote({ ask: undefined }) },
      { payload: stockQuote({ bid: 'null' }) },
    ])
    expect(await decodedRows(session, 'quote')).toMatchObject([
      { reason: null, bid_price: '175.45000000', ask_price: null, bid_quantity: null },
      { reason: null, bid_price: null, ask_price: '175.55000000' },
    ])
  })

  it('an instrument is the map, else venue:venue_symbol', async () => {
    await session.run(`INSERT INTO instruments VALUES ('NASDAQ', 'AAPL', 'us-apple')`)
    await deriveMessages(session, 'stock-json', [
      { payload: stockTrade({}) },
      { payload: stockTrade({ symbol: '"MSFT"' }) },
    ])
    await session.run('DELETE FROM instruments')
    const rows = await decodedRows(session, 'trade')
    expect(rows.map((row) => row['instrument_id'])).toEqual(['us-apple', 'NASDAQ:MSFT'])
  })
})
