import { isoTimeUs } from '../pipelines/producers/iso-time.ts'
import { createSeededRandom } from '../pipelines/producers/seeded-random.ts'
import type { ProducedMessage } from '../pipelines/producers/simulator.ts'

const DAY_US = 86_400_000_000n
const TRADE_SHARE = 0.4
const MESSAGES_PER_BLOCK = 1000

/**
 * `count` trades and quotes of `symbolCount` stocks as `stock-json`, spread evenly over the UTC day
 * before `nowUs` in the order of their event times, each received 5 ms after its event: what waits
 * in a log that nobody read for a day. None late, repeated or broken.
 */
export function* makeBacklogMessages(options: {
  readonly count: number
  readonly symbolCount: number
  readonly nowUs: bigint
}): Generator<ProducedMessage[]> {
  const { count, symbolCount, nowUs } = options
  const random = createSeededRandom(1)
  const startUs = (nowUs / DAY_US - 1n) * DAY_US
  const stepUs = Number(DAY_US) / count
  for (let from = 0; from < count; from += MESSAGES_PER_BLOCK) {
    const size = Math.min(MESSAGES_PER_BLOCK, count - from)
    yield Array.from({ length: size }, (_, index) => {
      const number = from + index
      const eventUs = startUs + BigInt(Math.floor(number * stepUs))
      const symbol = `S${String(random.below(symbolCount)).padStart(4, '0')}`
      const cents = 1000 + random.below(50_000)
      const isTrade = random.next() < TRADE_SHARE
      const told = isTrade ? tradeText(number, cents) : quoteText(number, cents)
      const payload = `{${told},"symbol":"${symbol}","timestamp":"${isoTimeUs(eventUs)}","exchange":"XNAS"}`
      return {
        key: Buffer.from(symbol),
        payload: Buffer.from(payload),
        receivedUs: eventUs + 5000n,
      }
    })
  }
}

function tradeText(number: number, cents: number): string {
  return `"trade_id":"T${number}","price":${cents / 100},"volume":100,"trade_type":"BUY"`
}

function quoteText(number: number, cents: number): string {
  return `"quote_id":"Q${number}","bid":${cents / 100},"ask":${(cents + 1) / 100}`
}
