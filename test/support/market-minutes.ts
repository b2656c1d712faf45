import { runMicroBatches } from '../../pipelines/loop/run-micro-batches.ts'
import type { Lake } from '../../pipelines/lake/lake.ts'
import type { CommitHooks } from '../../tables/commit/commit-context.ts'
import { createListSource, type ListedMessage } from './list-source.ts'

/** The first minute of the market: 2025-01-15 23:40 UTC, twenty minutes before a midnight. */
export const MARKET_START_US = BigInt(Date.UTC(2025, 0, 15, 23, 40)) * 1000n
const MINUTE_US = 60_000_000n

const part = { source: 'kafka:stocks', partition: 0 }
const symbols = ['AAPL', 'MSFT']

/** A trade that comes in one minute and was made in an earlier one. */
export interface LateTrade {
  readonly cut: number
  readonly minute: number
  readonly id: string
}

export interface MarketOptions {
  readonly cutCount: number
  readonly late?: readonly LateTrade[]
  /** Runs between cut n and the next one, by n. */
  readonly afterCut?: Readonly<Record<number, () => Promise<void>>>
  readonly hooks?: CommitHooks
}

/**
 * Lets the loop take minutes of two symbols' trades and quotes into a lake, a cut a minute; cut n
 * takes minute n − 1. A lake that holds cuts already goes on behind them.
 */
export async function runMarket(lake: Lake, options: MarketOptions): Promise<void> {
  const { messages, batchSizes } = marketMinutes(options)
  const { scratchDir, ids } = lake
  let cutNumber = 0
  const source = createListSource({ messages, batchSizes, scratchDir, ids })
  const taken = { count: 0 }
  await runMicroBatches(
    {
      lake,
      source: {
        ...source,
        open: async (positions) => {
          const end = [...positions.values()][0] ?? 0n
          for (let sum = 0n; sum < end; taken.count++) sum += BigInt(batchSizes[taken.count] ?? 0)
          batchSizes.splice(0, taken.count)
          await source.open(positions)
        },
        // The loop waits for it before it goes on to the next batch.
        committed: async (batch) => {
          await source.committed(batch)
          await options.afterCut?.[cutNumber]?.()
        },
      },
      mode: 'live',
      writer: 'test',
      limits: { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 },
      onCut: (receipt) => {
        cutNumber = receipt.cutNumber
      },
      ...(options.hooks === undefined ? {} : { hooks: options.hooks }),
    },
    new AbortController().signal,
  )
}

function marketMinutes({ cutCount, late = [] }: MarketOptions): {
  readonly messages: readonly ListedMessage[]
  readonly batchSizes: number[]
} {
  const messages: ListedMessage[] = []
  const batchSizes: number[] = []
  for (let minute = 0; minute < cutCount; minute++) {
    const receivedUs = MARKET_START_US + BigInt(minute + 1) * MINUTE_US
    const onTime = symbols.flatMap((symbol, index) => [
      trade(`T${minute}-${symbol}`, symbol, minute, index),
      quote(`Q${minute}-${symbol}`, symbol, minute, index),
    ])
    const behind = late
      .filter(({ cut }) => cut === minute + 1)
      .map((each) => trade(each.id, 'AAPL', each.minute, 30))
    const payloads = [...onTime, ...behind]
    for (const payload of payloads) {
      const offset = BigInt(messages.length)
      messages.push({ part, format: 'stock-json', offset, payload, receivedUs })
    }
    batchSizes.push(payloads.length)
  }
  return { messages, batchSizes }
}

function timeOf(minute: number, second: number): string {
  const us = MARKET_START_US + BigInt(minute) * MINUTE_US + BigInt(second) * 1_000_000n
  return new Date(Number(us / 1000n)).toISOString()
}

function trade(id: string, symbol: string, minute: number, second: number): string {
  return JSON.stringify({
    trade_id: id,
    symbol,
    price: `${100 + ((minute * 7) % 13)}.25`,
    volume: 1 + minute,
    timestamp: timeOf(minute, second),
    trade_type: minute % 3 === 0 ? 'SELL' : 'BUY',
    exchange: 'NASDAQ',
  })
}

function quote(id: string, symbol: string, minute: number, second: number): string {
  return JSON.stringify({
    quote_id: id,
    symbol,
    bid: 100 + (minute % 13),
    ask: 100.05 + (minute % 13),
    timestamp: timeOf(minute, second),
    exchange: 'NASDAQ',
  })
}
