import { isoTimeUs } from './iso-time.ts'
import type { SeededRandom } from './seeded-random.ts'
import { createSeededRandom } from './seeded-random.ts'
import { breakMessage } from './broken-message.ts'
import type { Stock, StockMarket } from './stock-market.ts'
import { createStockMarket } from './stock-market.ts'

/** A message as a log or a topic takes it. */
export interface ProducedMessage {
  readonly key: Uint8Array | null
  readonly payload: Uint8Array | null
  /** Microseconds: when the message was handed over. */
  readonly receivedUs: bigint
}

/** What was made so far; every message counts once. */
export interface SimulatorCounts {
  readonly tradeCount: number
  readonly quoteCount: number
  /** Trades and quotes whose event time lies seconds behind; they count as trade or quote, too. */
  readonly lateCount: number
  /** Exact repetitions of an earlier message. */
  readonly repeatedCount: number
  /** The identity of an earlier trade with another price. */
  readonly conflictingCount: number
  readonly brokenCount: number
}

export interface Simulator {
  /**
   * The messages that are due since the last tick, in order; the first tick only begins. The clock
   * may stand still, and a leap of more than 5 s is made up for with 5 s of messages.
   */
  tick(nowUs: bigint): ProducedMessage[]
  counts(): SimulatorCounts
}

interface MutableCounts {
  tradeCount: number
  quoteCount: number
  lateCount: number
  repeatedCount: number
  conflictingCount: number
  brokenCount: number
}

interface Made {
  readonly key: string
  readonly payload: string
  readonly trade: Trade | undefined
}

interface Trade {
  readonly id: string
  readonly stock: Stock
  readonly cents: number
  readonly quantity: number
  readonly side: string
  readonly eventUs: bigint
}

interface Market {
  readonly random: SeededRandom
  readonly stocks: StockMarket
  readonly counts: MutableCounts
  /** Good messages that may come again. */
  readonly recent: Made[]
  /** Told apart from another run's: numbers begin again, the second of the start does not. */
  readonly idPrefix: string
  nextId: number
}

const LATE_SHARE = 0.01
const REPEATED_SHARE = 0.006
const CONFLICTING_SHARE = 0.001
const BROKEN_SHARE = 0.003
const TRADE_SHARE = 0.4
const LATE_MIN_US = 2_000_000
const LATE_MAX_US = 30_000_000
const RECENT_COUNT = 500
const MAX_LEAP_US = 5_000_000
/** Prices move in steps of at least this long, however many events there are. */
const MOVE_US = 1000

/**
 * Trades and quotes of AAPL, GOOGL, MSFT, AMZN and TSLA as `stock-json`: a correlated random walk
 * with spreads and bursts, about 1 % late by 2 to 30 s, some repeated (a few with another price) and
 * some broken. The same seed and the same clock readings give the same messages.
 */
export function createSimulator(options: {
  readonly eventsPerSecond: number
  readonly seed: number
}): Simulator {
  const random = createSeededRandom(options.seed)
  const pace = createPace(options.eventsPerSecond, random)
  const counts: MutableCounts = {
    tradeCount: 0,
    quoteCount: 0,
    lateCount: 0,
    repeatedCount: 0,
    conflictingCount: 0,
    brokenCount: 0,
  }
  let market: Market | undefined
  let lastUs = 0n
  let unmovedUs = 0

  return {
    tick: (nowUs) => {
      if (market === undefined) {
        const idPrefix = (nowUs / 1_000_000n).toString(36)
        const stocks = createStockMarket(random)
        market = { random, stocks, counts, recent: [], idPrefix, nextId: 1 }
        lastUs = nowUs
      }
      if (nowUs <= lastUs) return []
      const leapUs = Math.min(Number(nowUs - lastUs), MAX_LEAP_US)
      lastUs = nowUs
      const { dueCount, activity } = pace.advance(leapUs)
      const stepUs = leapUs / Math.max(1, dueCount)
      const messages: ProducedMessage[] = []
      for (let index = 0; index < dueCount; index += 1) {
        unmovedUs += stepUs
        if (unmovedUs >= MOVE_US) {
          market.stocks.move(unmovedUs, activity)
          unmovedUs = 0
        }
        const ageUs = Math.floor(stepUs * (dueCount - index - random.next()))
        const made = makeMessage(market, nowUs - BigInt(Math.max(0, ageUs)))
        messages.push({ ...made, receivedUs: nowUs })
      }
      return messages
    },
    counts: () => ({ ...counts }),
  }
}

/** How many messages are due: bursts of 1 to 4 s at three times the rate, quieter between them. */
function createPace(eventsPerSecond: number, random: SeededRandom) {
  const burstFactor = 3
  const burstMeanUs = 2e6
  const calmMeanUs = 15e6
  const calmFactor = (calmMeanUs + burstMeanUs - burstFactor * burstMeanUs) / calmMeanUs
  let isBurst = false
  let leftUs = random.exponential(calmMeanUs)
  let owed = 0
  return {
    advance: (elapsedUs: number): { dueCount: number; activity: number } => {
      let restUs = elapsedUs
      while (restUs > 0) {
        const stepUs = Math.min(restUs, leftUs)
        owed += (stepUs * eventsPerSecond * (isBurst ? burstFactor : calmFactor)) / 1e6
        restUs -= stepUs
        leftUs -= stepUs
        if (leftUs > 0) continue
        isBurst = !isBurst
        leftUs = 1 + random.exponential(isBurst ? burstMeanUs : calmMeanUs)
      }
      const dueCount = Math.floor(owed)
      owed -= dueCount
      return { dueCount, activity: isBurst ? 2 : 1 }
    },
  }
}

function makeMessage(market: Market, eventUs: bigint): Omit<ProducedMessage, 'receivedUs'> {
  const { random, counts, recent } = market
  const draw = random.next()
  if (draw < BROKEN_SHARE) {
    counts.brokenCount += 1
    const { key, payload } = makeGood(market, eventUs)
    return { key: Buffer.from(key), payload: breakMessage(payload, random) }
  }
  if (draw < BROKEN_SHARE + REPEATED_SHARE && recent.length > 0) {
    counts.repeatedCount += 1
    return bytesOf(random.pick(recent))
  }
  if (draw < BROKEN_SHARE + REPEATED_SHARE + CONFLICTING_SHARE) {
    const trades = recent.filter(({ trade }) => trade !== undefined)
    const trade = trades.length === 0 ? undefined : random.pick(trades).trade
    if (trade !== undefined) {
      counts.conflictingCount += 1
      const cents = trade.cents + 1 + random.below(9)
      return bytesOf({ key: trade.stock.symbol, payload: tradeText({ ...trade, cents }), trade })
    }
  }
  const isLate = random.next() < LATE_SHARE
  const delayUs = isLate ? LATE_MIN_US + random.below(LATE_MAX_US - LATE_MIN_US) : 0
  const made = makeGood(market, eventUs - BigInt(delayUs))
  if (isLate) counts.lateCount += 1
  if (made.trade === undefined) counts.quoteCount += 1
  else counts.tradeCount += 1
  recent.push(made)
  if (recent.length > RECENT_COUNT) recent.shift()
  return bytesOf(made)
}

function makeGood(market: Market, eventUs: bigint): Made {
  const { random, stocks, idPrefix } = market
  const stock = random.pick(stocks.stocks)
  const { bidCents, askCents } = stocks.quote(stock)
  const number = `${idPrefix}_${String(market.nextId).padStart(6, '0')}`
  market.nextId += 1
  if (random.next() >= TRADE_SHARE) {
    const payload =
      `{"quote_id":"QTE_${number}","symbol":"${stock.symbol}","bid":${dollars(bidCents)},` +
      `"ask":${dollars(askCents)},"timestamp":"${isoTimeUs(eventUs)}","exchange":"${stock.exchange}"}`
    return { key: stock.symbol, payload, trade: undefined }
  }
  const isBuy = random.next() < 0.5
  const trade: Trade = {
    id: `TRD_${number}`,
    stock,
    cents: isBuy ? askCents : bidCents,
    quantity: 1 + Math.floor(random.exponential(120)),
    side: isBuy ? 'BUY' : 'SELL',
    eventUs,
  }
  return { key: stock.symbol, payload: tradeText(trade), trade }
}

function tradeText({ id, stock, cents, quantity, side, eventUs }: Trade): string {
  return (
    `{"trade_id":"${id}","symbol":"${stock.symbol}","price":${dollars(cents)},` +
    `"volume":${quantity},"timestamp":"${isoTimeUs(eventUs)}","trade_type":"${side}",` +
    `"exchange":"${stock.exchange}"}`
  )
}

/** Always two decimals. */
function dollars(cents: number): string {
  const whole = Math.floor(cents / 100)
  return `${whole}.${String(cents - whole * 100).padStart(2, '0')}`
}

function bytesOf({ key, payload }: Made): Omit<ProducedMessage, 'receivedUs'> {
  return { key: Buffer.from(key), payload: Buffer.from(payload) }
}
