import { dataPath } from './data.ts'

/** The Binance captures, and what the data's own description counts in them. */
export const captures = {
  btc8: { name: 'spot-btcusdt_20240808', lines: 41_249, trades: 9_757, quotes: 28_040 },
  eth8: { name: 'spot-ethusdt_20240808', lines: 33_618, trades: 6_106, quotes: 24_077 },
  btc9: { name: 'spot-btcusdt_20240809', lines: 58_325, trades: 10_147, quotes: 45_134 },
  eth9: { name: 'spot-ethusdt_20240809', lines: 46_126, trades: 8_409, quotes: 34_681 },
} as const

export type Capture = (typeof captures)[keyof typeof captures]

export function capturePath({ name }: Capture): string {
  return dataPath(`binance-ws-capture/${name}.jsonl.gz`)
}
