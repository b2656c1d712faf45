import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { barsMergeSql, klineBarsPartialSql } from '../../shared-transforms/bars.ts'
import { builtInModel } from '../../shared-transforms/lake-model.ts'
import { duplicateRule, duplicatesSql } from '../../shared-transforms/duplicates.ts'
import { klines } from '../../silver/klines.ts'
import { dataPath } from '../support/data.ts'
import { describeWithService } from '../support/service.ts'
import { decodedRows, deriveFramed, deriveMessages, formatNamed } from './decode-messages.ts'
import { openSqlSession, type SqlSession } from './sql-session.ts'

let session: SqlSession

beforeAll(async () => {
  session = await openSqlSession()
})
afterAll(() => session.close())

async function decodeLine(format: string, payload: string, headers: Record<string, string>) {
  await deriveMessages(session, format, [
    { payload, headers: JSON.stringify(headers), receivedUs: null },
  ])
  return (await decodedRows(session, 'kline'))[0]
}

describe('a kline', () => {
  it('of Bitfinex has its close in the second place, and numbers rounded to eight decimals', async () => {
    const line = '1451606400000,429.17,429.18,429.2,429.1,2.5372695199999997'
    expect(
      await decodeLine('bitfinex-klines', line, { entry: 'x/btcusd-1m-2016.csv' }),
    ).toMatchObject({
      ...{
        reason: null,
        venue: 'bitfinex',
        venue_symbol: 'BTCUSD',
        kline_id: '1m:1451606400000000',
      },
      ...{ step: '1m', event_ts: '2016-01-01 00:00:00+00', open_ts: '2016-01-01 00:00:00+00' },
      ...{ close_ts: '2016-01-01 00:01:00+00', open: '429.17000000', close: '429.18000000' },
      ...{ high: '429.20000000', low: '429.10000000', volume: '2.53726952', is_rounded: true },
      ...{ notional: null, trade_count: null, buy_volume: null, buy_notional: null },
    })
  })

  it('of Binance keeps what was bought, and takes venue and symbol that somebody tells', async () => {
    const line = '1736936940000,0.1038,0.1040,0.1037,0.1039,7.5,1736936999999,0.77,102,2.5,0.25,0'
    const told = { entry: 'ETHUSDT-1m.csv', venue: 'binance-futures', symbol: 'ALGOUSDT' }
    const row = await decodeLine('binance-klines', line, told)
    expect(row).toMatchObject({
      ...{ reason: null, venue: 'binance-futures', venue_symbol: 'ALGOUSDT', is_rounded: false },
      ...{ open: '0.10380000', high: '0.10400000', low: '0.10370000', close: '0.10390000' },
      ...{ volume: '7.50000000', notional: '0.77000000', trade_count: '102' },
      ...{ buy_volume: '2.50000000', buy_notional: '0.25000000' },
    })
  })

  it.each([
    ['BTCUSD.csv', 'BTCUSD'],
    ['ALGOUSDT-1m-2026-02.csv', 'ALGOUSDT'],
    ['2016/ethusd_1m.txt', 'ETHUSD'],
    ['BTC-USD.csv', null],
    ['BTC-USD-1m.csv', null],
    ['BTCUSD-1h-2016.csv', null],
  ])('in a file called %s is of symbol %s', async (entry, symbol) => {
    const row = await decodeLine('bitfinex-klines', '1451606400000,1,1,1,1,0', { entry })
    expect(row).toMatchObject({
      venue_symbol: symbol,
      reason: symbol === null ? 'bad-entry-name' : null,
    })
  })

  it('of one open time and step comes once: what agrees is a duplicate, what does not is refused', async () => {
    const headers = JSON.stringify({ entry: 'BTCUSD.csv' })
    const lines = [
      ...['1451606400000,2,2,2,2,1', '1451606460000,2,2,2,2,1'],
      ...['1451606400000,2.0,2,2,2,1', '1451606400000,2,2,2,2,1.1'],
    ]
    await deriveMessages(
      session,
      'bitfinex-klines',
      lines.map((payload) => ({ payload, headers, receivedUs: null })),
    )
    const judged = duplicatesSql(duplicateRule(builtInModel.tables, 'kline'), {
      candidates: '(SELECT *, false AS is_event_time_received FROM decoded_kline)',
      accepted: '(SELECT * FROM decoded_kline WHERE false)',
    })
    const rows = await session.rows(`SELECT verdict FROM (${judged}) ORDER BY source_offset`)
    expect(rows.map((row) => row['verdict'])).toEqual([
      ...['accepted', 'accepted', 'duplicate', 'conflict'],
    ])
  })

  it('has every content column of silver in every format', async () => {
    for (const name of ['bitfinex-klines', 'binance-klines']) {
      await deriveMessages(session, name, [{ payload: 'x' }])
      const columns = await session.rows('DESCRIBE decoded_kline')
      const names = columns.map((row) => row['column_name'])
      expect(names).toEqual(expect.arrayContaining(klines.columns.map((column) => column.name)))
    }
  })
})

describe('bars of klines', () => {
  // Rows that are alone in their minute are not grouped: nobody may see it.
  it('are what merging the states of each kline alone gives, a minute that is there twice too', async () => {
    const row = (minute: number, open: number, volume: string, buy: string): string =>
      `(SELECT 'v' AS venue, 's' AS venue_symbol, 'v:s' AS instrument_id, '1m' AS step, ` +
      `make_timestamptz(${minute * 60_000_000}::BIGINT) AS open_ts, ` +
      `${open}::DECIMAL(18, 8) AS open, ${open + 2}::DECIMAL(18, 8) AS high, ` +
      `${open - 1}::DECIMAL(18, 8) AS low, ${open + 1}::DECIMAL(18, 8) AS close, ` +
      `${volume}::DECIMAL(28, 8) AS volume, ${volume}::DECIMAL(28, 8) * 2 AS notional, ` +
      `${minute}::BIGINT AS trade_count, ${buy}::DECIMAL(28, 8) AS buy_volume)`
    const rows = [
      row(1, 10, '1.5', '1'),
      row(2, 20, '2.5', '2'),
      row(2, 20, '0.5', '0'),
      row(7, 5, '3', 'NULL'),
      row(70, 6, '4', '4'),
    ]
    const all = rows.map((one) => `SELECT * FROM ${one}`).join(' UNION ALL ')
    const alone = rows.map((one) => `SELECT * FROM (${klineBarsPartialSql(one)})`)
    const merged = barsMergeSql(`(${alone.join(' UNION ALL ')})`)
    const sorted = (query: string) =>
      session.rows(`SELECT * FROM (${query}) ORDER BY step, open_ts`)
    const states = await sorted(klineBarsPartialSql(`(${all})`))
    expect(states).toEqual(await sorted(merged))
    expect(states).toHaveLength(10)
    const types = (query: string) => session.rows(`DESCRIBE ${query}`)
    expect(await types(klineBarsPartialSql(`(${all})`))).toEqual(await types(merged))
  })
})

await describeWithService('data', 'a recorded file of klines', () => {
  const cases = [
    {
      format: 'bitfinex-klines',
      file: 'bitfinex-1m/BTCUSD-1m-2019.csv.gz',
      lines: 40_000,
      header: 'mts,open,close,high,low,volume',
      time: 'mts',
      others: '',
    },
    {
      format: 'binance-klines',
      file: 'binance-klines-1m/ALGOUSDT-1m-2026-02.csv.gz',
      lines: 40_321,
      header: '',
      time: 'open_time',
      others:
        ', CAST(quote_volume AS DECIMAL(28, 8)) AS notional, CAST("count" AS BIGINT) AS ' +
        'trade_count, CAST(taker_buy_volume AS DECIMAL(28, 8)) AS buy_volume, ' +
        'CAST(taker_buy_quote_volume AS DECIMAL(28, 8)) AS buy_notional',
    },
  ]

  it.each(cases)('of $format is what its own columns say, line by line', async (one) => {
    const path = dataPath(one.file)
    const entry = JSON.stringify({ entry: one.file.replace('.gz', '') })
    await session.run(
      `CREATE OR REPLACE TABLE framed AS SELECT 'f' AS source, 0 AS source_partition, ` +
        `(row_number() OVER () - 1)::BIGINT AS source_offset, NULL::VARCHAR AS message_key, ` +
        `'${entry}' AS headers, line AS payload, 'utf-8' AS payload_encoding, ` +
        `NULL::TIMESTAMPTZ AS received_ts, TIMESTAMPTZ '2026-06-01 00:00:00Z' AS ingested_ts ` +
        `FROM read_csv('${path}', columns = {'line': 'VARCHAR'}, header = false, delim = chr(1), ` +
        `quote = '', auto_detect = false, parallel = false) LIMIT ${one.lines}`,
    )
    await deriveFramed(session, formatNamed(one.format))
    const price = (name: string) => `CAST(${name} AS DECIMAL(18, 8)) AS ${name}`
    const direct =
      `SELECT make_timestamptz(CAST(${one.time} AS BIGINT) * 1000) AS open_ts, ` +
      `${['open', 'high', 'low', 'close'].map(price).join(', ')}, ` +
      `CAST(volume AS DECIMAL(28, 8)) AS volume${one.others} FROM read_csv('${path}', ` +
      `header = true, all_varchar = true, parallel = false) LIMIT ${one.lines - 1}`
    const told = one.others === '' ? '' : ', notional, trade_count, buy_volume, buy_notional'
    const derived =
      `SELECT open_ts, open, high, low, close, volume${told} FROM decoded_kline ` +
      `WHERE reason IS NULL AND event_ts = open_ts`
    const rows = await session.rows(
      `SELECT (SELECT count(*) FROM routed WHERE is_ignored) AS headers, ` +
        `(SELECT count(*) FROM (${derived})) AS derived, ` +
        `(SELECT count(*) FROM ((${derived}) EXCEPT ALL (${direct}))) AS more, ` +
        `(SELECT count(*) FROM ((${direct}) EXCEPT ALL (${derived}))) AS less`,
    )
    expect(rows).toEqual([{ headers: '1', derived: String(one.lines - 1), more: '0', less: '0' }])
  })
})
