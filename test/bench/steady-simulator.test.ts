import { describe, expect, it } from 'vitest'
import { createSteadySimulator } from '../../bench/steady-simulator.ts'

describe('createSteadySimulator', () => {
  it.each([1, 2, 3])('makes its rate in every second, also in calm and in bursts (%d)', (seed) => {
    const simulator = createSteadySimulator({ eventsPerSecond: 1000, seed })
    const startUs = 1_700_000_000_000_000n
    expect(simulator.tick(startUs)).toEqual([])
    const perSecond: number[] = []
    for (let second = 0; second < 60; second += 1) {
      let count = 0
      for (let tick = 1; tick <= 20; tick += 1) {
        const nowUs = startUs + BigInt(second * 20 + tick) * 50_000n
        count += simulator.tick(nowUs).length
      }
      perSecond.push(count)
    }
    expect(new Set(perSecond)).toEqual(new Set([1000]))
  })
})
