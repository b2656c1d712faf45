import { describe, expect, it } from 'vitest'
import { mappingSchema } from '../../../pipelines/config/mapping-schema.ts'

const columns = { event_ts: 't', price: 'p', quantity: 'q', venue_symbol: '$.data.s' }
const good = { kind: 'trade', columns, constants: { venue: 'v' }, time: { unit: 'ms' } }

const bars = { event_ts: 't', open: 'o', high: 'h', low: 'l', close: 'c', volume: 'v' }
const kline = { ...good, kind: 'kline', columns: { ...bars, venue_symbol: 's' } }

const problemsOf = (written: unknown): string[] => {
  const result = mappingSchema.safeParse(written)
  return (result.error?.issues ?? []).map(({ path, message }) => `${path.join('.')} ${message}`)
}

describe('a mapping in a config', () => {
  it('is taken as it is written', () => {
    expect(mappingSchema.parse({ ...good, header: false, delimiter: '\t' })).toEqual({
      ...good,
      ...{ hasHeader: false, delimiter: '\t' },
    })
  })

  it('may be of klines, whose id and end follow from their time', () => {
    expect(problemsOf(kline)).toEqual([])
    expect(problemsOf({ ...kline, columns: { ...kline.columns, trade_count: 'n' } })).toEqual([])
  })

  it.each([
    [{ ...kline, columns: bars }, /^columns says nothing of venue_symbol/],
    [{ ...kline, columns: { ...kline.columns, kline_id: 'k' } }, /kline_id is no column of a kli/],
    [
      { ...kline, constants: { venue: 'v', step: '1m' } },
      /^constants\.step is no column of a kline/,
    ],
    [{ ...good, constants: {} }, /^columns says nothing of venue, and constants neither/],
    [{ ...good, constants: { venue: 'v', price: '1' } }, /^constants\.price is in columns too/],
    [
      { ...good, columns: { ...columns, bid_price: 'b' } },
      /^columns\.bid_price is no column of a tr/,
    ],
    [{ ...good, columns: { ...columns, price: ['a', 'b'] } }, /^columns\.price must be one column/],
    [{ ...good, columns: { ...columns, price: 'a"b' } }, /^columns\.price /],
    [{ ...good, columns: { ...columns, price: 0 } }, /^columns\.price /],
    [
      { ...good, kind: 'quote', columns: { event_ts: 1, venue_symbol: 2 } },
      /^columns needs one of bid/,
    ],
    [{ ...good, time: { unit: 'ms', zone: 'UTC' } }, /^time\.zone goes with unit iso/],
    [{ ...good, time: { unit: 'iso', zone: 'Mars/Base' } }, /^time\.zone must be a time zone/],
    [{ ...good, time: { unit: 'iso', zone: "UTC'" } }, /^time\.zone must be a time zone/],
    [{ ...good, delimiter: '"' }, /^delimiter cannot be the quote/],
    [{ ...good, delimiter: ';;' }, /^delimiter must be one ASCII character/],
    [{ ...good, constants: { venue: 'a\nb' } }, /^constants\.venue must be text of one line/],
  ])('says what is wrong with %j', (written, problem) => {
    expect(problemsOf(written)[0]).toMatch(problem)
  })
})
