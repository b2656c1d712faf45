import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtInModel } from '../../shared-transforms/lake-model.ts'
import { duplicateRule, duplicatesSql } from '../../shared-transforms/duplicates.ts'
import { rejectReasons } from '../../shared-transforms/reject-reason.ts'
import { deriveMessages, formatNamed } from './decode-messages.ts'
import { stockQuote, stockTrade, type TestMessage } from './messages.ts'
import { poisons, reasonsWithoutMessage } from './poisons.ts'
import { openSqlSession, type JsonRow, type SqlSession } from './sql-session.ts'

let session: SqlSession

beforeAll(async () => {
  session = await openSqlSession()
})

afterAll(() => {
  session.close()
})

const leanHeaders = '{"entry":"20131007_spy_Trade_Tick.csv"}'
const candleHeaders = '{"entry":"BTCUSD-1m-2016.csv"}'
const klineHeaders = '{"entry":"some.csv","symbol":"ALGO-USDT","venue":"binance-futures"}'
const good: Readonly<Record<string, readonly TestMessage[]>> = {
  'stock-json': [
    { payload: stockTrade({}) },
    { payload: stockQuote({}) },
    { payload: stockTrade({ trade_id: '"TRD_002"', price: '0.12345678901234567890' }) },
    { payload: stockQuote({ quote_id: '"QTE_002"', bid: 'null' }) },
  ],
  'binance-frames': [
    {
      payload:
        '{"stream":"btcusdt@trade","data":{"e":"trade","E":1736937000001,"s":"BTCUSDT","t":6,' +
        '"p":"1.5","q":"2","T":1736937000000,"m":true,"M":true}}',
    },
    {
      payload:
        '{"stream":"btcusdt@bookTicker","data":{"u":8,"s":"BTCUSDT","b":"1.4","B":"2",' +
        '"a":"1.6","A":"3"}}',
    },
  ],
  'lean-trades': [
    { payload: '34200123,1674200,210,Q,2000,0', headers: leanHeaders, receivedUs: null },
    { payload: '34200123.5,1674200,210,Q,20002020,1', headers: leanHeaders, receivedUs: null },
  ],
  'lean-quotes': [
    {
      payload: '34200123,1674200,2,0,0,Q,1,0',
      headers: JSON.stringify({ entry: '20131007_ibm_Quote_Tick.csv' }),
      receivedUs: null,
    },
  ],
  'bitfinex-klines': [
    {
      payload: '1451606400000,429.17,429.18,429.2,429.1,2.5372695199999997',
      headers: candleHeaders,
      receivedUs: null,
    },
    { payload: '1451606460000,429.17,429.17,429.17,429.17,1e-05', headers: candleHeaders },
  ],
  'binance-klines': [
    {
      payload: '1736936880000,0.1,0.2,0.1,0.2,0,1736936939999,0,0,0,0,0',
      headers: klineHeaders,
    },
    {
      payload: '1736936820000000,0.1,0.2,0.1,0.2,7,1736936879999999,0.9,3,1,0.1,0',
      headers: klineHeaders,
    },
  ],
}

/** What became of each message: its reason, 'good' or 'ignored', by offset. */
async function fates(format: string): Promise<Map<string, unknown>> {
  const relations = formatNamed(format).kinds.map(
    (kind) => `SELECT source_offset, coalesce(reason, 'good') AS fate FROM decoded_${kind}`,
  )
  const ignored = `SELECT source_offset, 'ignored' AS fate FROM routed WHERE is_ignored`
  const rows = await session.rows([...relations, ignored].join(' UNION ALL '))
  expect(new Set(rows.map(offsetOf)).size).toBe(rows.length)
  return new Map(rows.map((row) => [offsetOf(row), row['fate']]))
}

function offsetOf(row: JsonRow): string {
  return String(row['source_offset'])
}

describe('a poison among good messages', () => {
  it.each(poisons.map((poison) => [poison.name, poison] as const))(
    '%s is refused alone, with its reason',
    async (_, poison) => {
      const before = good[poison.format] ?? []
      const messages = [...before, poison, ...before]
      await deriveMessages(session, poison.format, messages)
      const expected = messages.map((message, offset): [string, string] => [
        String(offset),
        message === poison && !poison.isDuplicateRule ? poison.reason : 'good',
      ])
      expect(await fates(poison.format)).toEqual(new Map(expected))
    },
  )

  it('that contradicts an earlier row is refused by the duplicate rule', async () => {
    const [poison] = poisons.filter((one) => one.isDuplicateRule)
    await deriveMessages(session, 'stock-json', [{ payload: stockTrade({}) }, poison!])
    const candidates = '(SELECT *, false AS is_event_time_received FROM decoded_trade)'
    const accepted = '(SELECT * FROM decoded_trade WHERE false)'
    const rows = await session.rows(
      `SELECT verdict FROM (${duplicatesSql(duplicateRule(builtInModel.tables, 'trade'), { candidates, accepted })}) ` +
        `ORDER BY source_offset`,
    )
    expect(rows).toEqual([{ verdict: 'accepted' }, { verdict: 'conflict' }])
  })
})

describe('the table of poisons', () => {
  it('holds every reason of the code, and no other', () => {
    const inTable = [...poisons.map((poison) => poison.reason), ...reasonsWithoutMessage]
    expect(new Set(inTable)).toEqual(new Set(rejectReasons))
  })

  it('names each poison once', () => {
    expect(new Set(poisons.map((poison) => poison.name)).size).toBe(poisons.length)
  })
})
