import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { unzipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { barsFinalizeSql, barsPartialSql } from '../../shared-transforms/bars.ts'
import { dataPath } from '../support/data.ts'
import { describeWithService } from '../support/service.ts'
import { decodedRows, deriveFramed, deriveMessages, formatNamed } from './decode-messages.ts'
import { frameRecords } from './frame-lines.ts'
import { openSqlSession, type SqlSession } from './sql-session.ts'

let session: SqlSession
let folder: string

beforeAll(async () => {
  session = await openSqlSession()
  folder = mkdtempSync(join(tmpdir(), 'lean-'))
})

afterAll(() => {
  session.close()
  rmSync(folder, { recursive: true })
})

const entryOf = (name: string): string => JSON.stringify({ entry: name })

async function decodeLine(payload: string, entry: string) {
  await deriveMessages(session, 'lean-trades', [
    { payload, headers: entryOf(entry), receivedUs: null },
  ])
  return (await decodedRows(session, 'trade'))[0]
}

describe('a LEAN trade', () => {
  it('is read with its day, symbol, exact price, and both flags in conditions', async () => {
    const row = await decodeLine(
      '34200123.4567,1674255,210,Q,20002020,1',
      '20131007_spy_Trade_Tick.csv',
    )
    expect(row).toMatchObject({
      ...{ reason: null, venue: 'us-equity', venue_symbol: 'SPY', trade_id: null, trade_seq: null },
      ...{ event_ts: '2013-10-07 13:30:00.123456+00', price: '167.42550000' },
      ...{ quantity: '210.00000000', conditions: 'exchange=Q sale=20002020 suspicious' },
      ...{ taker_side: 'unknown', is_rounded: false, received_ts: null },
    })
  })

  it.each([
    ['1', '0.00010000'],
    ['12345', '1.23450000'],
    ['0012345', '1.23450000'],
    ['1674255.55555', '167.42555556'],
    ['9999999999999', '999999999.99990000'],
  ])('of price %s x10000 costs %s', async (ticks, price) => {
    const row = await decodeLine(`1,${ticks},1,Q,0,0`, '20131007_a.b_Trade_Tick.csv')
    expect(row).toMatchObject({ reason: null, price, venue_symbol: 'A.B' })
  })

  it.each([
    // The clocks of New York go forward on 10 March and back on 3 November 2013, at two.
    ['20130309', 9.5, '2013-03-09 14:30:00+00'],
    ['20130310', 1.5, '2013-03-10 06:30:00+00'],
    ['20130310', 3.5, '2013-03-10 07:30:00+00'],
    ['20130311', 9.5, '2013-03-11 13:30:00+00'],
    ['20131103', 0.5, '2013-11-03 04:30:00+00'],
    ['20131103', 2.5, '2013-11-03 07:30:00+00'],
    ['20131104', 9.5, '2013-11-04 14:30:00+00'],
    ['20130703', 23.5, '2013-07-04 03:30:00+00'],
  ])('of %s at hour %d in New York is at %s', async (day, hour, utc) => {
    const row = await decodeLine(`${hour * 3_600_000},10000,1,Q,0,0`, `${day}_spy_Trade_Tick.csv`)
    expect(row).toMatchObject({ reason: null, event_ts: utc })
  })
})

describe('the hours of the days on which New York changes its clocks', () => {
  const wallTime = new Intl.DateTimeFormat('en-CA', {
    ...{ timeZone: 'America/New_York', hourCycle: 'h23' },
    ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit' },
  })

  /** Every hour that a clock in New York shows on a day, with the last instant that shows it. */
  function hoursOf(year: number): Map<string, Map<number, number>> {
    const days = new Map<string, Map<number, number>>()
    for (let ms = Date.UTC(year, 0, 2); ms < Date.UTC(year, 11, 31); ms += 3_600_000) {
      const [day = '', hour = ''] = wallTime.format(ms).split(', ')
      const hours = days.get(day) ?? new Map<number, number>()
      days.set(day, hours.set(Number(hour), ms))
    }
    return days
  }

  it('are the instants that a calendar of time zones gives', async () => {
    const expected: string[] = []
    const messages: { payload: string; headers: string; receivedUs: null }[] = []
    let changes = 0
    for (const year of [1970, 1974, 1975, 1987, 2006, 2007, 2013, 2024]) {
      let before = 0
      for (const [day, hours] of hoursOf(year)) {
        const [first, last] = [hours.get(0), hours.get(23)]
        // The year's first and last day are not whole.
        if (first === undefined || last === undefined) continue
        const lengthMs = last - first
        const isChange = lengthMs !== 23 * 3_600_000
        if (isChange) changes += 1
        // Days beside a change are asked for too.
        if (isChange || before > 0) {
          for (const [hour, ms] of hours) {
            expected.push(new Date(ms + 1_800_000).toISOString().slice(0, 19).replace('T', ' '))
            const entry = `${day.replaceAll('-', '')}_spy_Trade_Tick.csv`
            const payload = `${hour * 3_600_000 + 1_800_000},10000,1,Q,0,0`
            messages.push({ payload, headers: entryOf(entry), receivedUs: null })
          }
        }
        before = isChange ? 1 : before - 1
      }
    }
    expect(changes).toBe(16)
    await deriveMessages(session, 'lean-trades', messages)
    const rows = await session.rows(
      'SELECT event_ts::VARCHAR AS event_ts FROM decoded_trade ORDER BY source_offset',
    )
    expect(rows.map((row) => row['event_ts'])).toEqual(expected.map((text) => `${text}+00`))
  })
})

await describeWithService('data', 'a day of IBM', () => {
  it('has the sums of its CSV, and separate rows for equal lines', async () => {
    const zip = readFileSync(dataPath('lean-us-equity/tick/ibm_20131007_trade.zip'))
    const [entry = '', bytes] = Object.entries(unzipSync(zip))[0] ?? []
    const path = join(folder, 'ibm.csv')
    writeFileSync(path, bytes ?? '')
    const lines = Buffer.from(bytes ?? '')
      .toString('latin1')
      .trim()
      .split(/\r?\n/)
    const frames = await frameRecords(
      session,
      lines.map((line, offset) => ({
        ...{ offset: String(offset), receivedUs: '', key: null },
        ...{ headers: entryOf(entry), payload: Buffer.from(line) },
      })),
    )
    await deriveFramed(session, formatNamed('lean-trades'))
    rmSync(frames.bulkFile ?? '', { force: true })

    const bars = `(${barsFinalizeSql(`(${barsPartialSql('decoded_trade')})`)})`
    const derived = await session.rows(
      `SELECT trade_count, volume, notional, open, high, low, close, ` +
        `(SELECT count(*) FROM decoded_trade WHERE reason IS NOT NULL) AS rejected ` +
        `FROM ${bars} WHERE step = '1d'`,
    )
    const direct = await session.rows(
      `SELECT count(*) AS trade_count, CAST(sum(size) AS DECIMAL(38, 8)) AS volume, ` +
        `CAST(CAST(sum(CAST(price AS HUGEINT) * size) AS DECIMAL(38, 4)) ` +
        `* CAST(0.0001 AS DECIMAL(4, 4)) AS DECIMAL(38, 16)) AS notional, ` +
        `CAST(first(price) / 10000 AS DECIMAL(18, 8)) AS open, ` +
        `CAST(max(price) / 10000 AS DECIMAL(18, 8)) AS high, ` +
        `CAST(min(price) / 10000 AS DECIMAL(18, 8)) AS low, ` +
        `CAST(last(price) / 10000 AS DECIMAL(18, 8)) AS close, CAST(0 AS BIGINT) AS rejected ` +
        `FROM (SELECT * FROM read_csv('${path}', header = false, columns = {'ms': 'DOUBLE', ` +
        `'price': 'BIGINT', 'size': 'BIGINT', 'exchange': 'VARCHAR', 'sale': 'VARCHAR', ` +
        `'suspicious': 'INTEGER'}, parallel = false))`,
    )
    expect(derived).toEqual(direct)
    expect(derived[0]?.['trade_count']).toBe('24293')
  })
})
