import {
  longText,
  RECEIVED_US,
  stockQuote,
  stockTrade,
  type TestMessage,
} from '../../shared-transforms/messages.ts'

/** The n-th message of an endless run of good ones, each of its own identity. */
export type GoodMessages = (index: number) => TestMessage

/** What is odd and good beside a plain message: each travels another way than its neighbours. */
const oddNotes: readonly (string | undefined)[] = [
  undefined,
  longText,
  '"NaN, inf, \\" ]"',
  '"币安🚀"',
  '\n {"a": [1, null]}\r\n',
]

const stockJson: GoodMessages = (index) => {
  const receivedUs = RECEIVED_US + BigInt(index) * 1000n
  const fields = {
    symbol: `"${['AAPL', 'GOOGL', 'MSFT'][index % 3] ?? ''}"`,
    timestamp: `"${new Date(Number(receivedUs / 1000n)).toISOString()}"`,
    // One is too large for a framed line.
    note: index === 5 ? `"${'x'.repeat(1_200_000)}"` : oddNotes[index % oddNotes.length],
  }
  const payload =
    index % 2 === 0
      ? stockTrade({ ...fields, trade_id: `"T${index}"`, price: `1${index % 90}.25` })
      : stockQuote({ ...fields, quote_id: `"Q${index}"` })
  return { payload, receivedUs }
}

const binanceFrames: GoodMessages = (index) => {
  const receivedUs = RECEIVED_US + BigInt(index) * 1000n
  const trade =
    `{"e":"trade","E":${receivedUs / 1000n},"s":"BTCUSDT","t":${1000 + index},"p":"1.5",` +
    `"q":"2","T":${receivedUs / 1000n},"m":${index % 4 === 0},"M":true}`
  const ticker = `{"u":${1000 + index},"s":"BTCUSDT","b":"1.4","B":"2","a":"1.6","A":"3"}`
  const [stream, data] = index % 2 === 0 ? ['trade', trade] : ['bookTicker', ticker]
  return { payload: `{"stream":"btcusdt@${stream}","data":${data}}`, receivedUs }
}

const leanTrades: GoodMessages = (index) => ({
  payload: `${34_200_000 + Math.floor(index / 2)},1674200,${100 + (index % 7)},Q,2000,0`,
  headers: '{"entry":"20131007_spy_Trade_Tick.csv"}',
  receivedUs: null,
})

const bitfinexKlines: GoodMessages = (index) => ({
  payload: `${1_451_606_400_000 + 60_000 * index},429.17,429.18,429.2,429.1,${index % 9}.5`,
  headers: '{"entry":"ETHUSD-1m-2016.csv"}',
  receivedUs: null,
})

export const goodMessages: Readonly<Record<string, GoodMessages>> = {
  'stock-json': stockJson,
  'binance-frames': binanceFrames,
  'lean-trades': leanTrades,
  'bitfinex-klines': bitfinexKlines,
}
