import type { Clock } from '../../tables/clock.ts'
import type { ProducedMessage, Simulator } from './simulator.ts'

const TICK_MS = 50

/**
 * Lets a simulator tick by the clock and hands its messages over until `signal` aborts. The next
 * tick waits until `send` has taken the last one, which then makes up for the time.
 */
export async function runSimulator(
  options: {
    readonly simulator: Simulator
    readonly clock: Clock
    readonly tickMs?: number
    readonly send: (messages: readonly ProducedMessage[]) => Promise<unknown>
  },
  signal: AbortSignal,
): Promise<void> {
  const { simulator, clock, send } = options
  while (!signal.aborted) {
    const messages = simulator.tick(clock.nowUs())
    if (messages.length > 0) await send(messages)
    await pause(options.tickMs ?? TICK_MS, signal)
  }
}

function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, durationMs)
    signal.addEventListener('abort', end)
  })
}
