import { createReadStream, rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bronzeSql } from '../../shared-transforms/bronze.ts'
import type { FrameRecord } from '../../pipelines/sources/framing.ts'
import { dataPath } from '../support/data.ts'
import { describeWithService } from '../support/service.ts'
import { deriveFramed, formatNamed } from './decode-messages.ts'
import { frameRecords } from './frame-lines.ts'
import { openSqlSession, type SqlSession } from './sql-session.ts'

/** A capture's lines are `<receive time, ns> <frame>`; the microseconds are floored. */
async function readCapture(name: string): Promise<FrameRecord[]> {
  const path = dataPath(`binance-ws-capture/${name}.jsonl.gz`)
  const input = createReadStream(path).pipe(createGunzip())
  const records: FrameRecord[] = []
  for await (const line of createInterface({ input })) {
    const space = line.indexOf(' ')
    records.push({
      offset: String(records.length),
      receivedUs: String(BigInt(line.slice(0, space)) / 1000n),
      key: null,
      headers: undefined,
      payload: Buffer.from(line.slice(space + 1)),
    })
  }
  return records
}

/** Lines, trades, quotes as the data's own description counts them. */
const captures = [
  ['spot-btcusdt_20240808', 41_249, 9_757, 28_040],
  ['spot-btcusdt_20240809', 58_325, 10_147, 45_134],
  ['spot-ethusdt_20240808', 33_618, 6_106, 24_077],
  ['spot-ethusdt_20240809', 46_126, 8_409, 34_681],
] as const

await describeWithService('data', 'the Binance captures', () => {
  let session: SqlSession

  beforeAll(async () => {
    session = await openSqlSession()
  })

  afterAll(() => {
    session.close()
  })

  it.each(captures)('%s: %i lines give %i trades and %i quotes', async (name, ...counts) => {
    const [lines, trades, quotes] = counts
    const ingestedUs = 1_767_225_600_000_000n
    const frames = await frameRecords(session, await readCapture(name), ingestedUs)
    expect(frames).toMatchObject({ bulkCount: lines, side: [] })
    await deriveFramed(session, formatNamed('binance-frames'))
    rmSync(frames.bulkFile ?? '', { force: true })

    const [row] = await session.rows(
      'SELECT (SELECT count(*) FROM decoded_trade WHERE reason IS NULL) AS trades, ' +
        '(SELECT count(*) FROM decoded_quote WHERE reason IS NULL) AS quotes, ' +
        '(SELECT count(*) FROM routed WHERE is_ignored) AS ignored, ' +
        '(SELECT count(*) FROM decoded_trade WHERE reason IS NOT NULL) + ' +
        '(SELECT count(*) FROM decoded_quote WHERE reason IS NOT NULL) AS rejected',
    )
    const ignored = lines - trades - quotes
    expect(row).toEqual({
      ...{ trades: String(trades), quotes: String(quotes) },
      ...{ ignored: String(ignored), rejected: '0' },
    })
    const bronze = (['trade', 'quote'] as const)
      .map((kind) => `(${bronzeSql(kind, { routed: 'routed', decoded: `decoded_${kind}` })})`)
      .join(' UNION ALL ')
    const [messages] = await session.rows(
      `SELECT count(*) AS n, count(DISTINCT source_offset) AS distinct_n, ` +
        `count(*) FILTER (WHERE is_ignored) AS ignored FROM (${bronze})`,
    )
    expect(messages).toEqual({
      ...{ n: String(lines), distinct_n: String(lines), ignored: String(ignored) },
    })
    const [ids] = await session.rows(
      'SELECT max(trade_seq) - min(trade_seq) + 1 AS span, count(DISTINCT trade_seq) AS n ' +
        'FROM decoded_trade',
    )
    expect(ids).toEqual({ span: String(trades), n: String(trades) })
  })

  it('a trade and a quote hold what their frames say', async () => {
    const frames = await frameRecords(
      session,
      (await readCapture('spot-btcusdt_20240808')).slice(0, 500),
      1_767_225_600_000_000n,
    )
    await deriveFramed(session, formatNamed('binance-frames'))
    rmSync(frames.bulkFile ?? '', { force: true })
    const [trade] = await session.rows('SELECT * FROM decoded_trade WHERE trade_seq = 3735683259')
    expect(trade).toMatchObject({
      ...{ venue: 'binance', venue_symbol: 'BTCUSDT', trade_id: '3735683259' },
      ...{ event_ts: '2024-08-08 23:54:15.342+00', price: '61837.63000000' },
      ...{ quantity: '0.02000000', taker_side: 'sell', is_rounded: false },
      received_ts: '2024-08-08 23:54:14.087896+00',
    })
    const [quote] = await session.rows('SELECT * FROM decoded_quote WHERE quote_seq = 50093239212')
    expect(quote).toMatchObject({
      ...{ event_ts: '2024-08-08 23:54:14.087891+00', quote_id: '50093239212' },
      ...{ bid_price: '61837.63000000', bid_quantity: '3.78826000' },
      ...{ ask_price: '61837.64000000', ask_quantity: '1.54698000' },
    })
  })
})
