import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { builtInModel, findFormat } from '../../shared-transforms/lake-model.ts'
import {
  mappedFormatName,
  readMappedFormatName,
  type MappedFile,
  type Mapping,
} from '../../shared-transforms/formats/mapping.ts'
import { makeScratch } from '../pipelines/sources/kafka-rig.ts'
import { decodedRows, deriveMessages } from './decode-messages.ts'
import { openSqlSession, type SqlSession } from './sql-session.ts'

let session: SqlSession
const scratch = makeScratch()
beforeAll(async () => {
  session = await openSqlSession()
})
afterAll(() => {
  session.close()
  scratch.remove()
})

const trade: Mapping = {
  kind: 'trade',
  fields: {
    venue: { constant: "o'hare" },
    venue_symbol: { cell: 1 },
    trade_id: { cell: 2 },
    price: { cell: 3 },
    quantity: { cell: 4 },
    taker_side: { cell: 5 },
  },
  time: { places: [{ cell: 6 }], unit: 'iso', zone: 'America/New_York' },
  csv: { delimiter: ',', hasHeader: false },
}

async function decode(payload: string, mapping: Mapping, file: MappedFile = 'csv') {
  await deriveMessages(session, mappedFormatName(file, mapping), [{ payload, receivedUs: null }])
  return (await decodedRows(session, mapping.kind))[0]
}

const timed = (time: Mapping['time']): Mapping => ({ ...trade, time })

describe('the name of a mapped format', () => {
  it('holds the mapping, is the same for equal ones, and makes the format', () => {
    const name = mappedFormatName('csv', trade)
    const turned = Object.fromEntries(Object.entries(trade).reverse()) as unknown as Mapping
    expect(mappedFormatName('csv', turned)).toBe(name)
    expect(readMappedFormatName(name)).toEqual({ file: 'csv', mapping: trade })
    expect(findFormat(builtInModel, name)).toMatchObject({ name, kinds: ['trade'] })
  })

  it.each(['csv', 'csv {', 'csv {}', 'xml {"kind":"trade"}', 'stock-json', 'csv {"kind":"no"}'])(
    'is not %s',
    (name) => {
      expect(readMappedFormatName(name)).toBeUndefined()
    },
  )
})

describe('a CSV record', () => {
  it('is a row by its mapping', async () => {
    const row = await decode('"A, ""B""",7,0.5,1e2,s,2013-10-07 09:30:00.1234567', trade)
    expect(row).toMatchObject({
      ...{
        reason: null,
        venue: "o'hare",
        venue_symbol: 'A, "B"',
        trade_id: '7',
        price: '0.50000000',
      },
      ...{
        quantity: '100.00000000',
        taker_side: 'sell',
        event_ts: '2013-10-07 13:30:00.123456+00',
      },
      instrument_id: 'o\'hare:A, "B"',
    })
  })

  it.each([
    ['too few cells', 'A,7,0.5,1,s', 'bad-line'],
    ['text behind a closing quote', '"A"x,7,1,1,s,2013-10-07', 'bad-line'],
    ['a quote that is never closed', 'A,7,1,1,s,"2013-10-07', 'bad-line'],
    ['no price', 'A,7,,1,s,2013-10-07', 'missing-field'],
    ['no id', 'A,"",1,1,s,2013-10-07', 'missing-field'],
    ['a price that is none', 'A,7, 1,1,s,2013-10-07', 'bad-number'],
    ['a line end in a symbol', '"A\nB",7,1,1,s,2013-10-07', 'bad-text'],
    ['no time', 'A,7,1,1,s,', 'missing-field'],
    ['no such day', 'A,7,1,1,s,2013-02-30', 'bad-time'],
    ['nothing', '', 'empty-payload'],
  ])('with %s is refused', async (_, payload, reason) => {
    expect(await decode(payload, trade)).toMatchObject({ reason })
  })

  it('has exactly the cells that its header names', async () => {
    const mapping = { ...trade, csv: { delimiter: ',', hasHeader: true, width: 6 } }
    const name = mappedFormatName('csv', mapping)
    const good = 'A,7,1,1,s,2013-10-07'
    const messages = ['s,i,p,q,d,t', good, `${good},`].map((payload) => ({ payload }))
    await deriveMessages(session, name, messages)
    const rows = await decodedRows(session, 'trade')
    expect(rows.map((row) => row['reason'])).toEqual([null, 'bad-line'])
    const [header] = await session.rows('SELECT is_ignored FROM routed WHERE source_offset = 0')
    expect(header).toEqual({ is_ignored: true })
  })

  it('has the cells that the reader of DuckDB finds, whatever is in them', async () => {
    const cell = fc.array(fc.constantFrom('a', '"', '""', ';', '\n', ' ', "'", 'é', ''), {
      maxLength: 5,
    })
    const record = fc.array(cell, { minLength: 3, maxLength: 3 })
    const records = fc.sample(record, { numRuns: 300, seed: 11 }).map((cells) =>
      cells.map((parts, index) => {
        const text = parts.join('')
        const isQuoted = /["\n;]/.test(text) || index === 1
        return isQuoted ? `"${text.replaceAll('"', '""')}"` : text
      }),
    )
    const payloads = records.map((cells) => cells.join(';'))
    const path = join(scratch.path, 'cells.csv')
    writeFileSync(path, payloads.map((line) => `${line}\n`).join(''))
    const columns = "{'a': 'VARCHAR', 'b': 'VARCHAR', 'c': 'VARCHAR'}"
    const expected = await session.rows(
      `SELECT a, b, c FROM read_csv('${path}', columns = ${columns}, delim = ';', quote = '"', ` +
        `escape = '"', header = false, auto_detect = false, nullstr = 'nothing is null', ` +
        `new_line = '\\n', parallel = false)`,
    )
    const mapping: Mapping = {
      kind: 'trade',
      fields: { venue: { cell: 1 }, venue_symbol: { cell: 2 }, conditions: { cell: 3 } },
      time: { places: [{ cell: 1 }], unit: 'iso' },
      csv: { delimiter: ';', hasHeader: false },
    }
    await deriveMessages(
      session,
      mappedFormatName('csv', mapping),
      payloads.map((payload) => ({ payload })),
    )
    const rows = await session.rows(
      `SELECT coalesce(venue, '') AS a, coalesce(venue_symbol, '') AS b, ` +
        `coalesce(conditions, '') AS c FROM decoded_trade ` +
        `WHERE reason <> 'empty-payload' ORDER BY source_offset`,
    )
    expect(expected).toHaveLength(300)
    expect(rows).toEqual(expected)
  })
})

describe('a time', () => {
  it.each([
    ['2013-10-07T13:30:00Z', '2013-10-07 13:30:00+00'],
    ['2013-10-07 13:30:00.5+02:00', '2013-10-07 11:30:00.5+00'],
    ['2013-10-07 13:30:00+02', '2013-10-07 11:30:00+00'],
    ['2013-10-07 13:30:00 -0530', '2013-10-07 19:00:00+00'],
    ['2013-10-07 13:30 UTC', '2013-10-07 13:30:00+00'],
    ['20131007 13:30', '2013-10-07 17:30:00+00'],
    ['2013-12-07', '2013-12-07 05:00:00+00'],
    ['2013-10-07 24:00:00', null],
    ['2013-10-07 +02:00', null],
    ['07.10.2013', null],
  ])('%s of New York is %s', async (text, expected) => {
    const row = await decode(`A,7,1,1,s,${text}`, trade)
    expect(row).toMatchObject({ reason: expected === null ? 'bad-time' : null, event_ts: expected })
  })

  it('without an offset is refused where the mapping names no zone', async () => {
    const mapping = timed({ places: [{ cell: 6 }], unit: 'iso' })
    expect(await decode('A,7,1,1,s,2013-10-07 13:30:00', mapping)).toMatchObject({
      reason: 'bad-time',
    })
    expect(await decode('A,7,1,1,s,2013-10-07 13:30+01', mapping)).toMatchObject({
      event_ts: '2013-10-07 12:30:00+00',
    })
  })

  it.each([
    ['s', '1381152600', '2013-10-07 13:30:00+00'],
    ['s', '1381152600.1234567', '2013-10-07 13:30:00.123456+00'],
    ['ms', '1381152600123.9', '2013-10-07 13:30:00.1239+00'],
    ['us', '1381152600123456.9', '2013-10-07 13:30:00.123456+00'],
    ['ns', '1381152600123456999', '2013-10-07 13:30:00.123456+00'],
    ['ns', '7', '1970-01-01 00:00:00+00'],
    ['ms', '99999999999999', null],
    ['ms', '123456789012345', null],
    ['s', '-1', null],
    ['s', '1e9', null],
  ] as const)('in %s of %s is %s', async (unit, text, expected) => {
    const row = await decode(`A,7,1,1,s,${text}`, timed({ places: [{ cell: 6 }], unit }))
    expect(row).toMatchObject({ reason: expected === null ? 'bad-time' : null, event_ts: expected })
  })

  it('may be a date and a time of day apart', async () => {
    const places = [{ cell: 6 }, { cell: 7 }]
    const mapping = timed({ places, unit: 'iso', zone: 'UTC' })
    expect(await decode('A,7,1,1,s,2013-10-07,13:30', mapping)).toMatchObject({
      event_ts: '2013-10-07 13:30:00+00',
    })
  })
})

describe('a kline', () => {
  const mapping: Mapping = {
    kind: 'kline',
    fields: {
      ...{ venue: { constant: 'v' }, venue_symbol: { path: '$."s"' } },
      ...{ open: { path: '$."o"' }, high: { path: '$."h"' }, low: { path: '$."l"' } },
      ...{ close: { path: '$."c"' }, volume: { path: '$."v"' }, trade_count: { path: '$."n"' } },
    },
    time: { places: [{ path: '$."t"' }], unit: 's' },
  }
  const good = { s: 'A', t: 1381152600, o: 2, h: 4, l: 1, c: 3, v: 0.5, n: 7 }

  it('is the minute that begins at its time, and what no field tells is null', async () => {
    expect(await decode(JSON.stringify(good), mapping, 'ndjson')).toMatchObject({
      ...{ reason: null, venue: 'v', venue_symbol: 'A', kline_id: '1m:1381152600000000' },
      ...{ step: '1m', event_ts: '2013-10-07 13:30:00+00', open_ts: '2013-10-07 13:30:00+00' },
      ...{ close_ts: '2013-10-07 13:31:00+00', open: '2.00000000', high: '4.00000000' },
      ...{ low: '1.00000000', close: '3.00000000', volume: '0.50000000', trade_count: '7' },
      ...{ notional: null, buy_volume: null, buy_notional: null },
    })
  })

  it.each([
    ['begins within a minute', { t: 1381152630 }, 'bad-bar'],
    ['closes above its highest price', { c: 5 }, 'bad-bar'],
    ['has no volume', { v: null }, 'missing-field'],
    ['counts half a trade', { n: 7.5 }, 'bad-number'],
    ['has no time', { t: null }, 'missing-field'],
  ])('that %s is refused', async (_, change, reason) => {
    const payload = JSON.stringify({ ...good, ...change })
    expect(await decode(payload, mapping, 'ndjson')).toMatchObject({ reason })
  })
})

describe('a JSON object', () => {
  const mapping: Mapping = {
    kind: 'quote',
    fields: {
      venue: { path: '$."the ex\'change"' },
      venue_symbol: { path: '$."data"."s"' },
      bid_price: { path: '$."data"."b"' },
      ask_price: { path: '$."data"."a"' },
      ask_quantity: { constant: '3' },
    },
    time: { places: [{ path: '$."T"' }], unit: 'ns' },
  }

  it('is a quote by its mapping, exact to the last digit', async () => {
    const payload =
      `{"the ex'change":"X","data":{"s":"A","b":0.12345678901234567,"a":null},` +
      `"t":1,"T":1381152600123456789}`
    expect(await decode(payload, mapping, 'ndjson')).toMatchObject({
      ...{ reason: null, venue: 'X', venue_symbol: 'A', bid_price: '0.12345679', ask_price: null },
      ...{ ask_quantity: '3.00000000', event_ts: '2013-10-07 13:30:00.123456+00', quote_id: null },
    })
  })

  it.each([
    ['no JSON', '{', 'bad-json'],
    ['no object', '[1]', 'not-an-object'],
    ['no field of it', '{}', 'missing-field'],
  ])('is refused where it is %s', async (_, payload, reason) => {
    expect(await decode(payload, mapping, 'ndjson')).toMatchObject({ reason })
  })
})
