import { binanceFrames } from './binance-frames.ts'
import { binanceKlines } from './binance-klines.ts'
import { bitfinexKlines } from './bitfinex-klines.ts'
import type { Format } from './format.ts'
import { leanQuotes } from './lean-quotes.ts'
import { leanTrades } from './lean-trades.ts'
import { createMappedFormat } from './mapped.ts'
import { readMappedFormatName } from './mapping.ts'
import { stockJson } from './stock-json.ts'

export type { Format, IdKind } from './format.ts'

/** Every format that has a name of its own, as configs and `--format` spell it. */
export const formats: ReadonlyMap<string, Format> = new Map(
  [stockJson, binanceFrames, leanTrades, leanQuotes, bitfinexKlines, binanceKlines].map(
    (format) => [format.name, format],
  ),
)

/** The format of a name, of `formats` or one that its mapping makes; undefined where there is none. */
export function findFormat(name: string): Format | undefined {
  const known = formats.get(name)
  if (known !== undefined) return known
  const mapped = readMappedFormatName(name)
  return mapped && createMappedFormat(name, mapped.file, mapped.mapping)
}
