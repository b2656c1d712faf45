import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodedRows, deriveMessages } from './decode-messages.ts'
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
  it.each([
    ['white space around everything', ` \n${stockTrade({}).replaceAll('":', '" :\t')}\r\n`, {}],
    ['another order of fields', `{"exchange":"NASDAQ",${stockTrade({}).slice(1)}`, {}],
    [
      'an escaped key',
      stockTrade({}).replace('"price"', '"\\u0070rice"'),
      { price: '175.50000000' },
    ],
    ['an escaped symbol', stockTrade({ symbol: '"\\u0041APL"' }), {}],
    [
      'a symbol beyond ASCII',
      stockTrade({ symbol: '"币安\\ud83d\\ude80"' }),
      { venue_symbol: '币安🚀' },
    ],
    ['a key in another case beside it', stockTrade({ PRICE: '1', Symbol: '"X"' }), {}],
    ['nan in a text', stockTrade({ note: '", NaN, inf ,]"' }), {}],
    ['a quote_id in a text', stockTrade({ note: '"quote_id"' }), {}],
    ['fields nobody asked for', stockTrade({ note: '{"price":[1,{"a":null}]}' }), {}],
    [
      'an id that is a number',
      stockTrade({ trade_id: '12345678901234567890' }),
      {
        trade_id: '12345678901234567890',
      },
    ],
    ['a long number elsewhere', stockTrade({ note: longText }), { price: '175.50000000' }],
    ['a long number and texts with escapes', stockTrade({ note: `["\\"1\\\\", ${longText}]` }), {}],
    ['an unknown trade type', stockTrade({ trade_type: '"CROSS"' }), { taker_side: 'unknown' }],
    ['no trade type', stockTrade({ trade_type: undefined }), { taker_side: 'unknown' }],
    ['a seller', stockTrade({ trade_type: '"SELL"' }), { taker_side: 'sell' }],
    ['no volume at all', stockTrade({ volume: '0' }), { quantity: '0.00000000' }],
    [
      'a price of 16 digits',
      stockTrade({ price: '0.1234567812345678' }),
      {
        price: '0.12345678',
        is_rounded: true,
      },
    ],
    [
      'the end of the bounds',
      stockTrade({ price: '999999999.99999999', volume: '100000' }),
      {
        price: '999999999.99999999',
      },
    ],
    [
      'a volume just below 1e15',
      stockTrade({ price: '0.001', volume: '999999999999999.99999999' }),
      {
        quantity: '999999999999999.99999999',
      },
    ],
    [
      'an event 60 s after its receipt',
      stockTrade({ timestamp: '"2025-01-15T10:31:00Z"' }),
      {
        event_ts: '2025-01-15 10:31:00+00',
      },
    ],
    [
      'nine digits of a second and an offset',
      stockTrade({ timestamp: '"2025-01-15T12:00:00.123456789+01:30"' }),
      {
        event_ts: '2025-01-15 10:30:00.123456+00',
      },
    ],
  ])('%s is read', async (_, payload, expected) => {
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
