import { createSimulator } from '../pipelines/producers/simulator.ts'
import type { ProducedMessage } from '../pipelines/producers/simulator.ts'
import { systemClock } from '../tables/clock.ts'

/** Event time runs at this rate: 1M messages are 200 s of a market. */
const EVENTS_PER_SECOND = 5000
const TICK_US = 50_000n

/**
 * The simulator's messages (trades and quotes of five stocks, some late, repeated and broken)
 * without waiting for its clock: blocks of a tick's messages, `count` in all, ending about now.
 */
export function* makeStockMessages(count: number, seed = 1): Generator<ProducedMessage[]> {
  const simulator = createSimulator({ eventsPerSecond: EVENTS_PER_SECOND, seed })
  const spanUs = BigInt(Math.ceil(count / EVENTS_PER_SECOND)) * 1_000_000n
  let nowUs = systemClock.nowUs() - spanUs
  for (let left = count; left > 0;) {
    const messages = simulator.tick(nowUs).slice(0, left)
    nowUs += TICK_US
    left -= messages.length
    if (messages.length > 0) yield messages
  }
}
