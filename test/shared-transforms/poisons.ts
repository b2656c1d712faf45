import type { RejectReason } from '../../shared-transforms/reject-reason.ts'
import { longText, stockQuote, stockTrade } from './messages.ts'
import type { TestMessage } from './messages.ts'

/** A message that must be refused, alone among good ones, with its reason. */
export interface Poison extends TestMessage {
  readonly name: string
  readonly format: string
  readonly reason: RejectReason
  /** Refused by the duplicate rule and not by decoding: it follows `stockTrade({})`. */
  readonly isDuplicateRule?: boolean
}

/** Reasons that no message brings about: they say that our own side failed. */
export const reasonsWithoutMessage = ['engine-error'] as const satisfies readonly RejectReason[]

type Row = readonly [name: string, reason: RejectReason, payload: TestMessage['payload']]

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

const wholePayloads: readonly Row[] = [
  ['a tombstone', 'tombstone', null],
  ['an empty payload', 'empty-payload', ''],
  ['white space', 'empty-payload', ' \t '],
  ['line ends only', 'empty-payload', '\r\n'],
  ['schema registry framing, binary', 'schema-registry-framed', Uint8Array.of(0, 0, 0, 1, 200, 6)],
  ['schema registry framing, text', 'schema-registry-framed', '\0\0\0\0\x07\x0cAAPL'],
  ['an Avro container file', 'avro-framed', Uint8Array.of(0x4f, 0x62, 0x6a, 1, 0xff, 0xfe)],
  ['an Avro container file that is UTF-8', 'avro-framed', 'Obj\x01\x04avro'],
  ['an Avro single object', 'avro-framed', Uint8Array.of(0xc3, 1, 0x10, 0xff)],
  ['bytes that are no UTF-8', 'not-utf8', Uint8Array.of(0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d)],
  ['half a UTF-8 character', 'not-utf8', Uint8Array.from([...utf8(stockTrade({})), 0xe2, 0x82])],
  ['text', 'bad-json', 'hello'],
  ['half an object', 'bad-json', stockTrade({}).slice(0, 60)],
  ['an object and more', 'bad-json', `${stockTrade({})} {}`],
  ['two messages in one', 'bad-json', `${stockTrade({})}\n${stockTrade({ trade_id: '"2"' })}`],
  ['a byte order mark', 'bad-json', `\ufeff${stockTrade({})}`],
  ['single quotes', 'bad-json', stockTrade({}).replaceAll('"', "'")],
  ['NaN', 'bad-json', stockTrade({ price: 'NaN' })],
  ['-nan', 'bad-json', stockTrade({ price: '-nan' })],
  ['Infinity', 'bad-json', stockTrade({ volume: 'Infinity' })],
  ['-inf', 'bad-json', stockTrade({ volume: ' -inf' })],
  ['NaN in a field that nobody reads', 'bad-json', stockTrade({ note: '[1, NaN]' })],
  ['a comma before the end', 'bad-json', stockTrade({}).replace('}', ' ,\n}')],
  ['a comma before the end of an array', 'bad-json', stockTrade({ note: '[1,]' })],
  ['a comment', 'bad-json', stockTrade({}).replace('{', '{/* note */')],
  ['a leading zero', 'bad-json', stockTrade({ price: '01.5' })],
  ['a leading zero beside a long number', 'bad-json', stockTrade({ price: '01', note: longText })],
  ['a number with a plus', 'bad-json', stockTrade({ price: '+1.5' })],
  ['a number that ends with a point', 'bad-json', stockTrade({ price: '1.' })],
  ['a hex number', 'bad-json', stockTrade({ price: '0x10' })],
  ['a high surrogate alone', 'bad-json', stockTrade({ symbol: '"\\ud800"' })],
  ['a low surrogate alone', 'bad-json', stockTrade({ symbol: '"\\udc00"' })],
  ['a lone surrogate in another field', 'bad-json', stockTrade({ note: '"\\ud83d x"' })],
  ['a raw control character', 'bad-json', stockTrade({ symbol: '"A\u0001PL"' })],
  ['a raw NUL', 'bad-json', stockTrade({ symbol: '"A\0PL"' })],
  ['an array', 'not-an-object', `[${stockTrade({})}]`],
  ['a number', 'not-an-object', '42'],
  ['null', 'not-an-object', 'null'],
  ['a string', 'not-an-object', '"trade"'],
  ['an object that says nothing', 'unknown-kind', '{}'],
  ['keys in another case', 'unknown-kind', stockTrade({}).toUpperCase()],
]

const fields: readonly Row[] = [
  ['no symbol', 'missing-field', stockTrade({ symbol: undefined })],
  ['a null symbol', 'missing-field', stockTrade({ symbol: 'null' })],
  ['an empty symbol', 'missing-field', stockTrade({ symbol: '""' })],
  ['no trade id', 'missing-field', stockTrade({ trade_id: undefined })],
  ['no price', 'missing-field', stockTrade({ price: undefined })],
  ['no volume', 'missing-field', stockTrade({ volume: 'null' })],
  ['no exchange', 'missing-field', stockTrade({ exchange: undefined })],
  ['no time', 'missing-field', stockTrade({ timestamp: undefined })],
  ['a quote without sides', 'missing-field', stockQuote({ bid: 'null', ask: undefined })],
  ['a quote without a symbol', 'missing-field', stockQuote({ symbol: undefined })],
  ['a symbol that is an object', 'bad-text', stockTrade({ symbol: '{"a":"b"}' })],
  ['a symbol that is an array', 'bad-text', stockTrade({ symbol: '["AAPL"]' })],
  ['a symbol that is a truth value', 'bad-text', stockTrade({ symbol: 'true' })],
  ['a line end in an id', 'bad-text', stockTrade({ trade_id: '"T\\n1"' })],
  ['a NUL in a symbol', 'bad-text', stockTrade({ symbol: '"A\\u0000PL"' })],
  ['an endless id', 'bad-text', stockTrade({ trade_id: `"${'x'.repeat(129)}"` })],
]

const numberTexts = ['1_000', ' 1.5 ', '1.', '.5', '+5', '', '1e', '1e5.0', '0x10', '1,5', 'NaN']
const moreNumberTexts = ['Infinity', '--1', '1 000', '٣', 'abc', '1.5\\n', '{}']
const numbers: readonly Row[] = [
  ...[...numberTexts, ...moreNumberTexts].map((text): Row => [
    `the price "${text}"`,
    'bad-number',
    stockTrade({ price: `"${text}"` }),
  ]),
  ['a price that is an object', 'bad-number', stockTrade({ price: '{"a":1}' })],
  ['a price that is a truth value', 'bad-number', stockTrade({ price: 'true' })],
  ['a volume that is text', 'bad-number', stockTrade({ volume: '"many"' })],
  ['a bid that is text', 'bad-number', stockQuote({ bid: '"-"' })],
]

const timeTexts = [
  '2025-01-15T10:30:00',
  '2025-01-15 10:30:00.123',
  '2025-01-15',
  '2025-01-15T10:30Z',
  '2025-02-30T10:30:00Z',
  '2025-13-01T10:30:00Z',
  '2025-01-15T24:00:00Z',
  '2025-01-15T10:30:60Z',
  '2025-1-5T1:3:0Z',
  '1969-12-31T23:59:59.999999Z',
  '1970-01-01T00:00:00+00:01',
  '2200-01-01T00:00:00Z',
  '2025-01-15T10:30:00+15:00',
  '2025-01-15T10:30:00.Z',
  '2025-01-15T10:30:00Z ',
  '2025-01-15T10:30:00 Europe/Berlin',
  '15 Jan 2025 10:30:00 GMT',
  'infinity',
  'epoch',
]
const times: readonly Row[] = [
  ...timeTexts.map((text): Row => [
    `the time "${text}"`,
    'bad-time',
    stockTrade({ timestamp: `"${text}"` }),
  ]),
  ['a time that is a number', 'bad-time', stockTrade({ timestamp: '1736937000000' })],
  ['a time that is empty', 'bad-time', stockQuote({ timestamp: '""' })],
  [
    'an event later than its receipt by more than 60 s',
    'event-time-in-future',
    stockTrade({ timestamp: '"2025-01-15T10:31:00.000001Z"' }),
  ],
  [
    'a quote of the year 2199',
    'event-time-in-future',
    stockQuote({ timestamp: '"2199-12-31T23:59:59.999999Z"' }),
  ],
]

const ranges: readonly Row[] = [
  ['a price of zero', 'out-of-range', stockTrade({ price: '0' })],
  ['a price of minus zero', 'out-of-range', stockTrade({ price: '-0.0' })],
  ['a price below zero', 'out-of-range', stockTrade({ price: '-1' })],
  ['a price that rounds to zero', 'out-of-range', stockTrade({ price: '"0.0000000049"' })],
  ['a price of 1e9', 'out-of-range', stockTrade({ price: '1000000000' })],
  ['a price that rounds to 1e9', 'out-of-range', stockTrade({ price: '"999999999.999999995"' })],
  ['a price of 1e400', 'out-of-range', stockTrade({ price: '1e400' })],
  ['a price of 1e-400', 'out-of-range', stockTrade({ price: '1e-400' })],
  ['an exponent of 30 digits', 'out-of-range', stockTrade({ price: `1e${'9'.repeat(30)}` })],
  ['a price of 300 digits', 'out-of-range', stockTrade({ price: '9'.repeat(300) })],
  ['a volume below zero', 'out-of-range', stockTrade({ volume: '-1' })],
  ['a volume of 1e15', 'out-of-range', stockTrade({ volume: '1e15' })],
  ['a volume of 1e30', 'out-of-range', stockTrade({ volume: '"1e30"' })],
  ['1e8 x 1e6', 'out-of-range', stockTrade({ price: '100000000', volume: '1000000' })],
  [
    'the largest price and volume',
    'out-of-range',
    stockTrade({ price: '999999999.99999999', volume: '"999999999999999.99999999"' }),
  ],
  ['a bid of zero', 'out-of-range', stockQuote({ bid: '0' })],
  ['an ask of 1e10', 'out-of-range', stockQuote({ ask: '1e10' })],
]

const frame = (stream: string, data: string): string => `{"stream":"${stream}","data":${data}}`
const frameTrade = (changes: string): string =>
  frame(
    'btcusdt@trade',
    `{"e":"trade","E":1736937000001,"s":"BTCUSDT","t":7,"p":"1.5","q":"2","T":1736937000000,` +
      `"m":true,${changes}"M":true}`,
  )
const frameQuote = '{"u":9,"s":"BTCUSDT","b":"1.4","B":"2","a":"1.6","A":"3"}'

const frames: readonly Row[] = [
  ['half a trade frame', 'bad-json', frameTrade('').slice(0, -1)],
  ['half a depth frame', 'bad-json', '{"stream":"btcusdt@depth","data":{"b":[['],
  ['a frame without a stream', 'unknown-kind', '{"e":"trade","s":"BTCUSDT","t":7}'],
  ['a trade frame without data', 'missing-field', '{"stream":"btcusdt@trade"}'],
  ['a trade whose data is text', 'missing-field', frame('btcusdt@trade', '"x"')],
  ['an id that is text', 'bad-number', frameTrade('').replace('"t":7', '"t":"seven"')],
  ['an id of 30 digits', 'bad-number', frameTrade('').replace('"t":7', `"t":${'7'.repeat(30)}`)],
  ['a time in text', 'bad-time', frameTrade('').replace('1736937000000', '"2025-01-15"')],
  [
    'a time in microseconds',
    'bad-time',
    frameTrade('').replace('1736937000000', `1${'7'.repeat(15)}`),
  ],
  ['a symbol of arrays', 'bad-text', frameTrade('').replace('"s":"BTCUSDT"', '"s":["BTCUSDT"]')],
  [
    'a frame without both sides',
    'missing-field',
    frame('btcusdt@bookTicker', frameQuote)
      .replace('"1.4"', '"0.00000000"')
      .replace('"1.6"', '"0"'),
  ],
]

const entry = (name: string): string => JSON.stringify({ entry: name })
const spy = entry('20131007_spy_Trade_Tick.csv')
const lines: readonly (readonly [...Row, string | null])[] = [
  ['a line of five cells', 'bad-line', '34200123,1674200,210,Q,2000', spy],
  ['a line of seven cells', 'bad-line', '34200123,1674200,210,Q,2000,0,0', spy],
  ['a suspicious flag of 2', 'bad-line', '34200123,1674200,210,Q,2000,2', spy],
  ['a header line', 'bad-line', 'time,price,size,exchange,condition,suspicious', spy],
  ['an endless exchange', 'bad-line', `34200123,1674200,210,${'Q'.repeat(17)},2000,0`, spy],
  ['no headers', 'bad-entry-name', '34200123,1674200,210,Q,2000,0', null],
  ['headers that are no JSON', 'bad-entry-name', '34200123,1674200,210,Q,2000,0', '{'],
  [
    'a quote file',
    'bad-entry-name',
    '1,1674200,210,Q,2000,0',
    entry('20131007_spy_Quote_Tick.csv'),
  ],
  [
    'a file of no day',
    'bad-entry-name',
    '1,1674200,210,Q,2000,0',
    entry('20131307_spy_Trade_Tick.csv'),
  ],
  ['a time of 24 hours', 'bad-time', '86400000,1674200,210,Q,2000,0', spy],
  ['a time before midnight', 'bad-time', '-1,1674200,210,Q,2000,0', spy],
  ['a time that is text', 'bad-time', '09:30,1674200,210,Q,2000,0', spy],
  ['a price of text', 'bad-number', '34200123,x,210,Q,2000,0', spy],
  ['no size', 'bad-number', '34200123,1674200,,Q,2000,0', spy],
  ['a price of zero ticks', 'out-of-range', '34200123,0,210,Q,2000,0', spy],
  ['a price of 14 digits', 'out-of-range', '34200123,10000000000000,210,Q,2000,0', spy],
]

const btc = entry('BTCUSD-1m-2016.csv')
const bitfinexLine = '1451606400000,429.17,429.18,429.2,429.1,1.6817'
const bitfinexLines: readonly (readonly [...Row, string | null])[] = [
  ['a candle of five cells', 'bad-line', '1451606400000,429.17,429.18,429.2,429.1', btc],
  ['a header in another order', 'bad-line', 'mts,open,high,low,close', btc],
  ['a candle of a file without a symbol', 'bad-entry-name', bitfinexLine, entry('candles 1m.csv')],
  ['a candle without a file', 'bad-entry-name', bitfinexLine, null],
  [
    'a candle in open, high, low, close order',
    'bad-bar',
    '1451606400000,429.17,429.2,429.1,429.18,1.6817',
    btc,
  ],
  ['a candle between two minutes', 'bad-bar', bitfinexLine.replace('400000', '400001'), btc],
  ['a candle without a volume', 'bad-number', '1451606400000,429.17,429.18,429.2,429.1,', btc],
  ['a candle of no price', 'out-of-range', '1451606400000,0,429.18,429.2,0,1', btc],
  ['a candle of no time', 'bad-time', 'mts,429.17,429.18,429.2,429.1,1.6817', btc],
  ['a candle after 2199', 'bad-time', bitfinexLine.replace('1451', '71451'), btc],
  [
    'a candle of the next hour',
    'event-time-in-future',
    bitfinexLine.replace('14516064', '24516000'),
    btc,
  ],
  [
    'a symbol of brackets',
    'bad-text',
    bitfinexLine,
    JSON.stringify({ entry: 'BTCUSD.csv', symbol: '{}' }),
  ],
]

const algo = entry('ALGOUSDT-1m-2025-01.csv')
const binanceLine =
  '1736936940000,0.1038,0.1040,0.1037,0.1040,242160.4,1736936999999,25142.90126,102,126196.5,' +
  '13109.51126,0'
const binanceLines: readonly (readonly [...Row, string | null])[] = [
  ['a kline of an hour', 'bad-bar', binanceLine.replace('6999999', '9999999'), algo],
  ['a kline with more bought than traded', 'bad-bar', binanceLine.replace('126196.5', '9e9'), algo],
  ['a kline of half a trade', 'bad-number', binanceLine.replace(',102,', ',10.5,'), algo],
  ['a kline of eleven cells', 'bad-line', binanceLine.slice(0, -2), algo],
  ['a kline without an end', 'bad-bar', binanceLine.replace('1736936999999', 'x'), algo],
]

/** Every poison: what the design names, and what broke something on the way. */
const quoteLines: readonly Row[] = [
  ['a quote of seven cells', 'bad-line', '34200123,1674200,2,0,0,Q,1'],
  ['a line of a trade', 'bad-line', '34200123,1674200,210,Q,2000,0'],
  ['a quote whose flag is neither 0 nor 1', 'bad-line', '34200123,1674200,2,0,0,Q,1,2'],
  ['no side at all', 'missing-field', '34200123,0,0,0.0,5,Q,1,0'],
  ['a bid that is no number', 'bad-number', '34200123,x,2,1674300,3,Q,1,0'],
  ['a size that is no number', 'bad-number', '34200123,0,0,1674300,many,Q,1,0'],
  ['a negative ask', 'out-of-range', '34200123,0,0,-1674300,3,Q,1,0'],
  ['a quote behind the end of its day', 'bad-time', '86400000,1674200,2,0,0,Q,1,0'],
]

export const poisons: readonly Poison[] = [
  ...[...wholePayloads, ...fields, ...numbers, ...times, ...ranges].map(
    ([name, reason, payload]): Poison => ({ name, format: 'stock-json', reason, payload }),
  ),
  ...frames.map(([name, reason, payload]): Poison => ({
    name,
    format: 'binance-frames',
    reason,
    payload,
  })),
  {
    name: 'a bookTicker frame that nobody knows the receipt of',
    format: 'binance-frames',
    reason: 'missing-receive-time',
    payload: frame('btcusdt@bookTicker', frameQuote),
    receivedUs: null,
  },
  ...lines.map(([name, reason, payload, headers]): Poison => ({
    ...{ name, format: 'lean-trades', reason, payload, headers, receivedUs: null },
  })),
  ...quoteLines.map(([name, reason, payload]): Poison => ({
    ...{ name, format: 'lean-quotes', reason, payload, receivedUs: null },
    headers: JSON.stringify({ entry: '20131007_ibm_Quote_Tick.csv' }),
  })),
  ...bitfinexLines.map(([name, reason, payload, headers]): Poison => ({
    ...{ name, format: 'bitfinex-klines', reason, payload, headers, receivedUs: null },
  })),
  ...binanceLines.map(([name, reason, payload, headers]): Poison => ({
    ...{ name, format: 'binance-klines', reason, payload, headers, receivedUs: null },
  })),
  {
    name: 'the same trade at another price',
    format: 'stock-json',
    reason: 'conflicting-duplicate',
    payload: stockTrade({ price: '175.51' }),
    isDuplicateRule: true,
  },
]
