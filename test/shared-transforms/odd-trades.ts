import { longText, stockTrade } from './messages.ts'

/** stock-json trades that look odd and are good, with some of what they must be read as. */
export const oddTrades: readonly (readonly [
  name: string,
  payload: string,
  expected: Readonly<Record<string, unknown>>,
])[] = [
  ['white space around everything', ` \n${stockTrade({}).replaceAll('":', '" :\t')}\r\n`, {}],
  ['another order of fields', `{"exchange":"NASDAQ",${stockTrade({}).slice(1)}`, {}],
  ['an escaped key', stockTrade({}).replace('"price"', '"\\u0070rice"'), { price: '175.50000000' }],
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
]
