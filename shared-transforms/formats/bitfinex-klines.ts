import type { Format } from './format.ts'
import { klineFormat } from './kline-lines.ts'

/**
 * Candles as Bitfinex gives them, a line `mts,open,close,high,low,volume`: CLOSE comes second.
 * What was traded in the quote currency, by whom and in how many trades is not told.
 * Source: https://docs.bitfinex.com/reference/rest-public-candles
 */
export const bitfinexKlines: Format = klineFormat({
  name: 'bitfinex-klines',
  version: 1,
  venue: 'bitfinex',
  header: 'mts,open,close,high,low,volume',
  cellCount: 6,
  openTime: 1,
  numbers: { open: 2, close: 3, high: 4, low: 5, volume: 6 },
})
