import type { Format } from './format.ts'
import { klineFormat } from './kline-lines.ts'

const COLUMNS = [
  ...['open_time', 'open', 'high', 'low', 'close', 'volume', 'close_time', 'quote_volume'],
  ...['count', 'taker_buy_volume', 'taker_buy_quote_volume', 'ignore'],
]

/**
 * One-minute klines of Binance's archives: twelve columns, with a header in those of futures and
 * without one in those of spot, whose times are microseconds since 2025. Both have the same names of
 * symbols, and nothing in a line tells them apart: futures are to be called a venue of their own.
 * Source: https://github.com/binance/binance-public-data
 */
export const binanceKlines: Format = klineFormat({
  name: 'binance-klines',
  version: 1,
  venue: 'binance',
  header: COLUMNS.join(','),
  cellCount: COLUMNS.length,
  openTime: 1,
  closeTime: 7,
  numbers: {
    ...{ open: 2, high: 3, low: 4, close: 5, volume: 6 },
    ...{ notional: 8, trade_count: 9, buy_volume: 10, buy_notional: 11 },
  },
})
