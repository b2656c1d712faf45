import { describe, expect, it } from 'vitest'
import { createSeededRandom } from '../../../pipelines/producers/seeded-random.ts'
import type { ProducedMessage } from '../../../pipelines/producers/simulator.ts'
import { createSimulator } from '../../../pipelines/producers/simulator.ts'

const START_US = 1_736_937_000_000_000n
const TICK_US = 50_000n

function run(seed: number, eventsPerSecond: number, tickCount: number) {
  const simulator = createSimulator({ seed, eventsPerSecond })
  const messages: ProducedMessage[] = []
  for (let tick = 0; tick <= tickCount; tick += 1) {
    messages.push(...simulator.tick(START_US + BigInt(tick) * TICK_US))
  }
  return { simulator, messages }
}

const TRADE =
  /^\{"trade_id":"TRD_\w+","symbol":"(AAPL|GOOGL|MSFT|AMZN|TSLA)","price":\d+\.\d\d,"volume":\d+,"timestamp":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)","trade_type":"(BUY|SELL)","exchange":"NASDAQ"\}$/
const QUOTE =
  /^\{"quote_id":"QTE_\w+","symbol":"(AAPL|GOOGL|MSFT|AMZN|TSLA)","bid":\d+\.\d\d,"ask":\d+\.\d\d,"timestamp":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)","exchange":"NASDAQ"\}$/
/** One of the ways to break a message leaves its form as it is. */
const NO_DAY = '2025-02-30'
const textOf = ({ payload }: ProducedMessage) =>
  payload === null ? '' : Buffer.from(payload).toString()

describe('the simulator', () => {
  it('makes the same messages for the same seed and clock, and others for another seed', () => {
    const texts = (seed: number) =>
      run(seed, 500, 400).messages.map((message) => [message.receivedUs, textOf(message)])
    const first = texts(7)
    expect(texts(7)).toEqual(first)
    expect(texts(8)).not.toEqual(first)
    expect(first.length).toBeGreaterThan(5000)
  })

  it('keeps its rate over a long time, in bursts', () => {
    const { messages } = run(1, 200, 20 * 600)
    expect(messages.length / 600 / 200).toBeGreaterThan(0.85)
    expect(messages.length / 600 / 200).toBeLessThan(1.15)
    const perSecond = new Map<bigint, number>()
    for (const { receivedUs } of messages) {
      const second = receivedUs / 1_000_000n
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1)
    }
    const counts = [...perSecond.values()].sort((a, b) => a - b)
    expect(counts.at(-5)).toBeGreaterThan(500)
    expect(counts[Math.floor(counts.length / 2)]).toBeLessThan(200)
  })

  it('mixes trades, quotes, late, repeated, conflicting and broken messages as it says', () => {
    const { simulator, messages } = run(3, 2000, 20 * 100)
    const counts = simulator.counts()
    const total = messages.length
    const { tradeCount, quoteCount, lateCount, repeatedCount, conflictingCount, brokenCount } =
      counts
    expect(tradeCount + quoteCount + repeatedCount + conflictingCount + brokenCount).toBe(total)
    expect(total).toBeGreaterThan(150_000)
    const share = (count: number) => count / total
    expect(share(lateCount)).toBeGreaterThan(0.008)
    expect(share(lateCount)).toBeLessThan(0.012)
    expect(share(repeatedCount)).toBeGreaterThan(0.004)
    expect(share(conflictingCount)).toBeGreaterThan(0.0005)
    expect(share(brokenCount)).toBeGreaterThan(0.002)
    expect(share(brokenCount)).toBeLessThan(0.005)
    expect(tradeCount / (tradeCount + quoteCount)).toBeCloseTo(0.4, 1)
  })

  it('writes good messages in the form of the format, and only as many others as it counts', () => {
    const { simulator, messages } = run(4, 1000, 20 * 60)
    const odd = messages.filter((message) => {
      const text = textOf(message)
      return text.includes(NO_DAY) || (!TRADE.test(text) && !QUOTE.test(text))
    })
    expect(odd.length).toBe(simulator.counts().brokenCount)
    const texts = messages.map(textOf).filter((text) => TRADE.test(text))
    const distinct = new Set(texts).size
    const exactRepeats = simulator.counts().repeatedCount
    expect(texts.length - distinct).toBeGreaterThan(0)
    expect(texts.length - distinct).toBeLessThanOrEqual(exactRepeats)
    const ids = new Map<string, Set<string>>()
    for (const text of new Set(texts)) {
      const id = text.slice(0, text.indexOf(',"symbol"'))
      ids.set(id, (ids.get(id) ?? new Set()).add(text))
    }
    const conflicts = [...ids.values()].filter((versions) => versions.size > 1)
    expect(conflicts.length).toBeGreaterThan(10)
    expect(conflicts.length).toBeLessThanOrEqual(simulator.counts().conflictingCount)
  })

  it('breaks messages in every way that it knows, a tombstone and odd bytes among them', () => {
    const { messages } = run(5, 2000, 20 * 60)
    expect(messages.some(({ payload }) => payload === null)).toBe(true)
    expect(messages.some(({ payload }) => payload?.length === 0)).toBe(true)
    expect(messages.some(({ payload }) => payload?.includes(0xff) === true)).toBe(true)
    const texts = messages.map(textOf)
    for (const part of [':"n/a"', ':-', NO_DAY]) {
      expect(texts.some((text) => text.includes(part))).toBe(true)
    }
  })

  it('keys by symbol, stamps the tick, and never has an event in the future', () => {
    const { messages } = run(6, 500, 400)
    const seen = messages.flatMap((message) => {
      const text = textOf(message)
      const match = TRADE.exec(text) ?? QUOTE.exec(text)
      if (match === null || text.includes(NO_DAY)) return []
      const time = match[2] ?? ''
      const eventUs =
        BigInt(Date.parse(`${time.slice(0, 19)}Z`)) * 1000n + BigInt(time.slice(20, 26))
      const isKeyed = Buffer.from(message.key ?? []).toString() === match[1]
      return [{ isKeyed, ageUs: message.receivedUs - eventUs }]
    })
    expect(seen.length).toBeGreaterThan(5000)
    expect(seen.filter(({ isKeyed }) => !isKeyed)).toEqual([])
    expect(seen.filter(({ ageUs }) => ageUs < 0n)).toEqual([])
    expect(seen.filter(({ ageUs }) => ageUs > 2_000_000n).length).toBeGreaterThan(20)
    expect(seen.filter(({ ageUs }) => ageUs > 31_000_000n)).toEqual([])
  })

  it('keeps bid below ask and moves the stocks together', () => {
    const { messages } = run(9, 200, 20 * 900)
    const mids = new Map<string, number[]>()
    let crossedCount = 0
    for (const message of messages) {
      const text = textOf(message)
      if (!QUOTE.test(text)) continue
      const quote = JSON.parse(text) as { symbol: string; bid: number; ask: number }
      if (quote.bid >= quote.ask) crossedCount += 1
      const series = mids.get(quote.symbol) ?? []
      series[Number((message.receivedUs - START_US) / 10_000_000n)] = (quote.bid + quote.ask) / 2
      mids.set(quote.symbol, series)
    }
    expect(crossedCount).toBe(0)
    const returns = [...mids.values()].map((series) =>
      series.slice(1).map((mid, index) => Math.log(mid / (series[index] ?? mid))),
    )
    const [first = [], second = []] = returns
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    const product = first.map((value, index) => value * (second[index] ?? 0))
    const deviation = (values: number[]) => Math.sqrt(mean(values.map((value) => value * value)))
    expect(mean(product) / (deviation(first) * deviation(second))).toBeGreaterThan(0.3)
  })

  it('stands still with its clock and makes up for at most five seconds of a leap', () => {
    const simulator = createSimulator({ seed: 1, eventsPerSecond: 100 })
    expect(simulator.tick(START_US)).toEqual([])
    expect(simulator.tick(START_US)).toEqual([])
    expect(simulator.tick(START_US - 1n)).toEqual([])
    const leap = simulator.tick(START_US + 86_400_000_000n)
    expect(leap.length).toBeGreaterThan(300)
    expect(leap.length).toBeLessThanOrEqual(1500)
  })
})

describe('seeded random numbers', () => {
  it('repeat with their seed and spread evenly', () => {
    const random = createSeededRandom(42)
    const again = createSeededRandom(42)
    let differences = 0
    const cells = new Array<number>(10).fill(0)
    for (let draw = 0; draw < 100_000; draw += 1) {
      const value = random.next()
      if (again.next() !== value) differences += 1
      const cell = Math.floor(value * 10)
      cells[cell] = (cells[cell] ?? 0) + 1
    }
    expect(differences).toBe(0)
    expect(Math.min(...cells)).toBeGreaterThan(9500)
    expect(Math.max(...cells)).toBeLessThan(10_500)
  })
})
