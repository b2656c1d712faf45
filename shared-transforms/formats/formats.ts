import { binanceFrames } from './binance-frames.ts'
import { binanceKlines } from './binance-klines.ts'
import { bitfinexKlines } from './bitfinex-klines.ts'
import type { Format } from './format.ts'
import { leanQuotes } from './lean-quotes.ts'
import { leanTrades } from './lean-trades.ts'
import { stockJson } from './stock-json.ts'

export type { Format, IdKind } from './format.ts'

/** Every built-in format that has a name of its own, as configs and `--format` spell it. */
export const formats: ReadonlyMap<string, Format> = new Map(
  [stockJson, binanceFrames, leanTrades, leanQuotes, bitfinexKlines, binanceKlines].map(
    (format) => [format.name, format],
  ),
)
