import { createSimulator } from '../pipelines/producers/simulator.ts'
import type { Simulator } from '../pipelines/producers/simulator.ts'

/** Between its bursts the simulator makes 0.73 of its rate: this leaves more than is needed. */
const SPARE = 2

/**
 * The simulator's messages at an even rate: of what it makes as many as are due are taken, and
 * the rest is dropped. A measurement at 5,000 a second means 5,000 in every second.
 */
export function createSteadySimulator(options: {
  readonly eventsPerSecond: number
  readonly seed: number
}): Simulator {
  const { eventsPerSecond, seed } = options
  const simulator = createSimulator({ eventsPerSecond: eventsPerSecond * SPARE, seed })
  let startUs: bigint | undefined
  let taken = 0
  return {
    ...simulator,
    tick: (nowUs) => {
      startUs ??= nowUs
      const due = Math.floor((Number(nowUs - startUs) * eventsPerSecond) / 1e6) - taken
      const messages = simulator.tick(nowUs).slice(0, Math.max(0, due))
      taken += messages.length
      return messages
    },
  }
}
