import { expect, it } from 'vitest'
import { runSimulator } from '../../../pipelines/producers/run-simulator.ts'
import type { ProducedMessage } from '../../../pipelines/producers/simulator.ts'
import { createSimulator } from '../../../pipelines/producers/simulator.ts'

it('ticks by the clock, hands over one batch at a time in order, and ends when it is told to', async () => {
  let nowUs = 1_736_937_000_000_000n
  const clock = {
    nowUs: () => {
      nowUs += 100_000n
      return nowUs
    },
  }
  const stop = new AbortController()
  const sent: ProducedMessage[] = []
  let isSending = false
  let overlaps = 0
  const simulator = createSimulator({ seed: 1, eventsPerSecond: 1000 })
  await runSimulator(
    {
      simulator,
      clock,
      tickMs: 1,
      send: async (messages) => {
        if (isSending) overlaps += 1
        isSending = true
        await new Promise((resolve) => setImmediate(resolve))
        sent.push(...messages)
        isSending = false
        if (sent.length > 1000) stop.abort()
      },
    },
    stop.signal,
  )
  expect(overlaps).toBe(0)
  expect(sent.length).toBeGreaterThan(1000)
  const { tradeCount, quoteCount, repeatedCount, conflictingCount, brokenCount } =
    simulator.counts()
  expect(sent.length).toBe(tradeCount + quoteCount + repeatedCount + conflictingCount + brokenCount)
  const times = sent.map(({ receivedUs }) => receivedUs)
  expect(times).toEqual([...times].sort((a, b) => Number(a - b)))
})
