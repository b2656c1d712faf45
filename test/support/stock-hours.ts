import type { SourcePart } from '../../pipelines/sources/source.ts'
import type { ListedMessage } from './list-source.ts'

/** One minute of a market a cut, from two hours before a midnight. */
export const STOCK_HOURS_START_US = BigInt(Date.UTC(2025, 0, 15, 22)) * 1000n
export const MINUTE_US = 60_000_000n

const part: SourcePart = { source: 'kafka:stocks', partition: 0 }
const symbols = ['AAPL', 'MSFT', 'A_SYMBOL_THAT_IS_LONGER_THAN_BOUNDS_ARE']

export interface StockHours {
  readonly messages: readonly ListedMessage[]
  /** How many messages each minute has. */
  readonly batchSizes: readonly number[]
}

/**
 * Minutes of trades and quotes of three symbols, with poisons, a repeat and a contradiction now
 * and then. In the minutes of `lateMinutes` some come late by an hour: of one symbol where the
 * value is `one`, of all of them and for five minutes in a row where it is `many`.
 */
export function makeStockHours(
  minuteCount: number,
  lateMinutes: ReadonlyMap<number, 'one' | 'many'>,
): StockHours {
  const messages: ListedMessage[] = []
  const batchSizes: number[] = []
  for (let minute = 0; minute < minuteCount; minute++) {
    const receivedUs = STOCK_HOURS_START_US + BigInt(minute) * MINUTE_US + 59_000_000n
    const payloads = payloadsOfMinute(minute, lateMinutes.get(minute))
    for (const payload of payloads) {
      const offset = BigInt(messages.length)
      messages.push({ part, format: 'stock-json', offset, payload, receivedUs, key: 'k' })
    }
    batchSizes.push(payloads.length)
  }
  return { messages, batchSizes }
}

function payloadsOfMinute(
  minute: number,
  late: 'one' | 'many' | undefined,
): (string | Uint8Array | null)[] {
  const onTime = symbols.flatMap((_, index) => [
    trade(`T${minute}`, index, minute),
    quote(`Q${minute}`, index, minute),
  ])
  const repeated = minute % 9 === 4 ? [trade(`T${minute}`, 0, minute)] : []
  const contradicting = minute % 11 === 5 ? [trade(`T${minute}`, 1, minute, 99)] : []
  const behind = late === undefined ? [] : late === 'one' ? [60] : [60, 61, 62, 63, 64]
  const lateRows = behind.flatMap((by) =>
    symbols
      .slice(0, late === 'one' ? 1 : symbols.length)
      .flatMap((_, index) => [
        trade(`L${minute}-${by}`, index, minute - by),
        quote(`M${minute}-${by}`, index, minute - by),
      ]),
  )
  return [...onTime, ...repeated, ...contradicting, ...lateRows, ...poisonsOf(minute)]
}

function poisonsOf(minute: number): (string | Uint8Array | null)[] {
  const poisons = [
    null,
    Buffer.from([0xc3, 0x28]),
    '{"trade_id":',
    '{"trade_id":"ünïcödé \u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}\u{10ffff}"}',
    `{"quote_id":"Q","symbol":"AAPL","bid":"\u{d7ff}\u{d7ff}\u{d7ff}\u{d7ff}\u{d7ff}"}`,
  ]
  const poison = poisons[(minute / 5) % poisons.length]
  return minute % 5 === 0 && poison !== undefined ? [poison] : []
}

function timeOf(minute: number, index: number): string {
  const us = STOCK_HOURS_START_US + BigInt(minute) * MINUTE_US + BigInt(index) * 7_123_457n
  const iso = new Date(Number(us / 1000n)).toISOString()
  return `${iso.slice(0, -1)}${(us % 1000n).toString().padStart(3, '0')}Z`
}

function trade(id: string, index: number, minute: number, bump = 0): string {
  return JSON.stringify({
    trade_id: `${id}-${index}`,
    symbol: symbols[index],
    price: `${100 + ((minute * 7) % 13) + bump}.${12345678 + minute}`,
    volume: 1 + (minute % 250),
    timestamp: timeOf(minute, index),
    trade_type: minute % 3 === 0 ? 'SELL' : 'BUY',
    exchange: 'NASDAQ',
  })
}

function quote(id: string, index: number, minute: number): string {
  return JSON.stringify({
    quote_id: `${id}-${index}`,
    symbol: symbols[index],
    bid: 100 + (minute % 13),
    ask: 100.05 + (minute % 13),
    timestamp: timeOf(minute, index),
    exchange: 'NASDAQ',
  })
}
