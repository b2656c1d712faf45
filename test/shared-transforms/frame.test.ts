import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sanitizeReceivedSql } from '../../shared-transforms/frame.ts'
import type { FrameRecord } from '../../pipelines/sources/framing.ts'
import { INGESTED_US } from './decode-messages.ts'
import { frameRecords } from './frame-lines.ts'
import { RECEIVED_US } from './messages.ts'
import { openSqlSession, type SqlSession } from './sql-session.ts'

let session: SqlSession

beforeAll(async () => {
  session = await openSqlSession()
})

afterAll(() => {
  session.close()
})

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function record(offset: number, changes: Partial<FrameRecord> = {}): FrameRecord {
  return {
    offset: String(offset),
    receivedUs: String(RECEIVED_US),
    key: bytes('AAPL'),
    headers: '{"a":"b"}',
    payload: bytes('{}'),
    ...changes,
  }
}

describe('the framed relation', () => {
  it('gives back what a source wrote, to the last character', async () => {
    const payloads = [
      '{"a": 1}',
      '"quoted", \\"',
      'é ü 漢字 🚀',
      `'`,
      ' , \t',
      '\u0085\u2028x',
      '""',
    ]
    const records = [
      ...payloads.map((payload, index) => record(index, { payload: bytes(payload) })),
      record(7, { key: null }),
      record(8, { key: bytes('') }),
      record(9, { headers: undefined, key: null }),
      record(10, { receivedUs: '' }),
    ]
    const frames = await frameRecords(session, records)
    expect(frames).toMatchObject({ bulkCount: records.length, side: [] })
    const rows = await session.rows('SELECT * FROM framed ORDER BY source_offset')
    const first = {
      ...{ source: `file:it's`, source_partition: 3, source_offset: '0', message_key: 'AAPL' },
      ...{ headers: '{"a":"b"}', payload: '{"a": 1}', payload_encoding: 'utf-8' },
      ...{ received_ts: '2025-01-15 10:30:00+00', ingested_ts: '2025-01-15 11:30:00+00' },
    }
    expect(rows[0]).toEqual(first)
    expect(rows.slice(0, 7).map((row) => row['payload'])).toEqual(payloads)
    expect(rows.map((row) => row['message_key']).slice(7)).toEqual([null, '', null, 'AAPL'])
    expect(rows[9]).toMatchObject({ headers: null, payload: '{}' })
    expect(rows[10]).toMatchObject({ received_ts: null, payload: '{}', headers: '{"a":"b"}' })
    rmSync(frames.bulkFile ?? '', { force: true })
  })
})

describe('an impossible receive time', () => {
  const read = async (receivedUs: bigint | null, headers: string | null) => {
    await session.load('side', 'headers VARCHAR, received_us BIGINT', [[headers, receivedUs]])
    const sql = sanitizeReceivedSql({ relation: 'side', ingestedUs: INGESTED_US })
    const rows = await session.rows(`SELECT epoch_us(received_ts) AS us, headers FROM (${sql})`)
    return [rows[0]?.['us'], rows[0]?.['headers']]
  }
  const limit = INGESTED_US + 60_000_000n
  const max = 9_223_372_036_854_775_807n

  it('is null, and its raw value goes into the headers', async () => {
    expect(await read(limit + 1n, null)).toEqual([null, `{"received-ts-us":"${limit + 1n}"}`])
    expect(await read(-1n, '{}')).toEqual([null, '{"received-ts-us":"-1"}'])
    expect(await read(max, '{"a":"{}"}')).toEqual([null, `{"received-ts-us":"${max}","a":"{}"}`])
  })

  it('leaves headers alone that name it already', async () => {
    const headers = '{"received-ts-us":"99999999999999999999"}'
    expect(await read(max, headers)).toEqual([null, headers])
  })

  it('is not one within the bounds: 1970, and 60 s after the ingest', async () => {
    expect(await read(0n, null)).toEqual(['0', null])
    expect(await read(limit, '{"a":"b"}')).toEqual([String(limit), '{"a":"b"}'])
    expect(await read(null, null)).toEqual([null, null])
  })
})
