import fc from 'fast-check'
import type { ListedMessage } from '../../support/list-source.ts'

/** What happens at one place of the input; `of` and `at` are taken modulo what is there. */
export type Happening =
  | { readonly what: 'trade' | 'quote'; readonly symbol: number; readonly afterMs: number }
  | { readonly what: 'late-trade'; readonly symbol: number; readonly behindMs: number }
  | { readonly what: 'repeat' | 'conflict' | 'reused-id'; readonly of: number }
  | { readonly what: 'book-ticker'; readonly afterMs: number }
  | { readonly what: 'repeated-book-ticker'; readonly of: number; readonly changes: boolean }
  | { readonly what: 'lean-print'; readonly copies: number; readonly second: number }
  | { readonly what: 'broken'; readonly symbol: number }
  | { readonly what: 'kline'; readonly symbol: number; readonly minutesAgo: number }

/** An input: what happens, and over which parts it comes in. */
export interface GeneratedInput {
  readonly happenings: readonly Happening[]
  /** Symbols are spread over so many Kafka partitions. */
  readonly partitionCount: number
  /** Without them the watermark is the stocks' alone, and rows can be late. */
  readonly hasOtherSources: boolean
}

const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        what: fc.constantFrom('trade' as const, 'quote' as const),
        symbol: fc.nat(2),
        afterMs: fc.oneof(fc.constant(0), fc.nat(4_000), fc.nat(60_000)),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        what: fc.constant('late-trade' as const),
        symbol: fc.nat(2),
        behindMs: fc.oneof(
          fc.integer({ min: 10_001, max: 60_000 }),
          fc.integer({ min: 70_001, max: 90_000_000 }),
        ),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        what: fc.constantFrom('repeat' as const, 'conflict' as const, 'reused-id' as const),
        of: fc.nat(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        what: fc.constant('book-ticker' as const),
        afterMs: fc.nat(20_000),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        what: fc.constant('repeated-book-ticker' as const),
        of: fc.nat(),
        changes: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        what: fc.constant('lean-print' as const),
        copies: fc.integer({ min: 1, max: 3 }),
        second: fc.nat(3),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ what: fc.constant('broken' as const), symbol: fc.nat(2) }),
    },
    {
      // Of minutes with trades and without, of one minute more than once, agreeing or not.
      weight: 2,
      arbitrary: fc.record({
        what: fc.constant('kline' as const),
        symbol: fc.nat(2),
        minutesAgo: fc.oneof(fc.nat(2), fc.nat(1500)),
      }),
    },
  ),
  { minLength: 8, maxLength: 40, size: 'max' },
)

export const generatedInputs: fc.Arbitrary<GeneratedInput> = fc.record({
  happenings,
  partitionCount: fc.constantFrom(1, 1, 1, 2),
  hasOtherSources: fc.boolean(),
})

/** Ten seconds before a midnight, so that most inputs cross it. */
export const INPUT_START_US = BigInt(Date.UTC(2025, 0, 15, 23, 59, 50)) * 1000n

const symbols = ['AAPL', 'MSFT', 'TSLA']
const BOOK_PART = { source: 'kafka:books', partition: 0 }
const LEAN_PART = { source: 'file:0000:1:20131007_spy_Trade_Tick.csv', partition: 0 }

interface MadeTrade {
  readonly id: string
  readonly symbol: number
  readonly eventUs: bigint
  readonly price: string
}

interface MadeTicker {
  readonly update: number
  readonly bid: string
}

/**
 * Messages in the order of their arrival. A conflicting row goes to the part of the row that it
 * conflicts with: over parts the law promises nothing for such a pair.
 */
export function makeMessages(input: GeneratedInput): ListedMessage[] {
  const { partitionCount, hasOtherSources } = input
  const messages: ListedMessage[] = []
  const trades: MadeTrade[] = []
  const tickers: MadeTicker[] = []
  const offsets = new Map<string, bigint>()
  let nowUs = INPUT_START_US
  const send = (
    part: ListedMessage['part'],
    format: string,
    payload: string,
    headers = format === 'lean-trades' ? LEAN_HEADERS : undefined,
  ) => {
    const key = `${part.source}#${part.partition}`
    const offset = offsets.get(key) ?? 0n
    // A hole now and then, as compaction leaves them.
    offsets.set(key, offset + (messages.length % 7 === 3 ? 2n : 1n))
    const receivedUs = format === 'lean-trades' ? {} : { receivedUs: nowUs }
    const told = headers === undefined ? {} : { headers }
    messages.push({ part, format, offset, payload, ...receivedUs, ...told })
  }
  const sendTrade = (trade: MadeTrade) => {
    const part = { source: 'kafka:stocks', partition: trade.symbol % partitionCount }
    send(part, 'stock-json', tradeJson(trade))
  }
  for (const [index, each] of input.happenings.entries()) {
    const price = `${100 + (index % 17)}.${10 + (index % 89)}`
    if (isOtherSource(each) && !hasOtherSources) continue
    if ('afterMs' in each) nowUs += BigInt(each.afterMs) * 1000n
    if (each.what === 'trade') {
      const trade = { id: `T${index}`, symbol: each.symbol, eventUs: nowUs, price }
      trades.push(trade)
      sendTrade(trade)
    } else if (each.what === 'late-trade') {
      const eventUs = nowUs - BigInt(each.behindMs) * 1000n
      const trade = { id: `T${index}`, symbol: each.symbol, eventUs, price }
      trades.push(trade)
      sendTrade(trade)
    } else if (each.what === 'quote') {
      send(
        { source: 'kafka:stocks', partition: each.symbol % partitionCount },
        'stock-json',
        quoteJson(index, each.symbol, nowUs),
      )
    } else if (each.what === 'repeat' || each.what === 'conflict' || each.what === 'reused-id') {
      const of = trades[each.of % Math.max(trades.length, 1)]
      if (of === undefined) continue
      if (each.what === 'repeat') sendTrade(of)
      else if (each.what === 'conflict') sendTrade({ ...of, price: `${of.price}7` })
      else {
        const again = { ...of, eventUs: of.eventUs + 1_000_000n, price }
        trades.push(again)
        sendTrade(again)
      }
    } else if (each.what === 'book-ticker') {
      const ticker = { update: 1000 + index, bid: price }
      tickers.push(ticker)
      send(BOOK_PART, 'binance-frames', tickerJson(ticker))
    } else if (each.what === 'repeated-book-ticker') {
      const of = tickers[each.of % Math.max(tickers.length, 1)]
      if (of === undefined) continue
      send(BOOK_PART, 'binance-frames', tickerJson(each.changes ? { ...of, bid: price } : of))
    } else if (each.what === 'lean-print') {
      for (let copy = 0; copy < each.copies; copy++) {
        send(LEAN_PART, 'lean-trades', `${34_200_000 + each.second * 1000},1680000,100,P,0,0`)
      }
    } else if (each.what === 'kline') {
      send(
        { source: 'kafka:stocks', partition: each.symbol % partitionCount },
        'binance-klines',
        klineLine(each.minutesAgo, index, nowUs),
        JSON.stringify({ venue: 'NASDAQ', symbol: symbols[each.symbol] }),
      )
    } else if ('symbol' in each) {
      send(
        { source: 'kafka:stocks', partition: each.symbol % partitionCount },
        'stock-json',
        '{"price":',
      )
    }
  }
  return messages
}

/** The entry name of a lean line says its day and symbol. */
const LEAN_HEADERS = '{"entry":"20131007_spy_Trade_Tick.csv"}'

function isOtherSource({ what }: Happening): boolean {
  return what === 'book-ticker' || what === 'repeated-book-ticker' || what === 'lean-print'
}

function isoMicros(us: bigint): string {
  const iso = new Date(Number(us / 1000n)).toISOString()
  return `${iso.slice(0, -1)}${(us % 1000n).toString().padStart(3, '0')}Z`
}

function tradeJson(trade: MadeTrade): string {
  return JSON.stringify({
    trade_id: trade.id,
    symbol: symbols[trade.symbol],
    price: Number(trade.price),
    volume: 100,
    timestamp: isoMicros(trade.eventUs),
    trade_type: 'BUY',
    exchange: 'NASDAQ',
  })
}

function quoteJson(index: number, symbol: number, eventUs: bigint): string {
  return JSON.stringify({
    quote_id: `Q${index}`,
    symbol: symbols[symbol],
    bid: 100 + (index % 5),
    ask: 101 + (index % 3),
    timestamp: isoMicros(eventUs),
    exchange: 'NASDAQ',
  })
}

/** Prices of two kinds, so that klines of one minute agree or contradict. */
function klineLine(minutesAgo: number, index: number, nowUs: bigint): string {
  const minute = nowUs / 60_000_000n - BigInt(minutesAgo)
  const [openMs, price] = [minute * 60_000n, 100 + (index % 2)]
  return (
    `${openMs},${price},${price + 2},${price - 1},${price + 1},10.5,${openMs + 59_999n},` +
    `${price * 10},3,4.5,450,0`
  )
}

function tickerJson(ticker: MadeTicker): string {
  return JSON.stringify({
    stream: 'btcusdt@bookTicker',
    data: { u: ticker.update, s: 'BTCUSDT', b: ticker.bid, B: '1.5', a: '200.00', A: '2.5' },
  })
}
