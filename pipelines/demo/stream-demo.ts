import { hostname } from 'node:os'
import { defaultLadder } from '../../tables/maintain/ladder.ts'
import type { Lake } from '../lake/lake.ts'
import type { CutReceipt } from '../loop/cut-receipt.ts'
import type { LoopHooks } from '../loop/loop-hooks.ts'
import { runMicroBatches } from '../loop/run-micro-batches.ts'
import type { LocalLog } from '../producers/local-log.ts'
import { runSimulator } from '../producers/run-simulator.ts'
import { createSimulator } from '../producers/simulator.ts'
import { createLogSource } from '../sources/log-source.ts'
import { createEndableSource } from './endable-source.ts'

export interface DemoStreamOptions {
  readonly lake: Lake
  readonly log: LocalLog
  readonly eventsPerSecond: number
  readonly seed: number
  readonly durationMs: number | undefined
  readonly onCut: (receipt: CutReceipt) => void
  readonly hooks?: LoopHooks | undefined
}

/** Two cuts a second: a person sees each event arrive, and files stay few enough. */
const limits = { rows: 100_000, bytes: 64 * 1024 * 1024, timeMs: 500 }

/** Twice the usual cuts stay readable one by one, so that "ten cuts ago" can be typed in peace. */
const retention = { ...defaultLadder, cutCount: 120 }

/** Nobody runs long queries on a demo: its disk use levels off after minutes, not after an hour. */
const MAX_QUERY_DURATION_MS = 5 * 60_000

/** Ctrl-C waits this long for what is in the log; the rest is taken in at the next start. */
const DRAIN_MS = 5000

/**
 * Simulator to log to lake, until the signal or the end of the duration. Then the simulator stops
 * first, and the loop once it has committed what the log holds.
 */
export async function streamDemo(options: DemoStreamOptions, signal: AbortSignal): Promise<void> {
  const { lake, log } = options
  const producing = new AbortController()
  const looping = new AbortController()
  const { scratchDir, ids, clock } = lake
  const source = createEndableSource(
    createLogSource({ log, format: 'stock-json', scratchDir, ids }),
  )
  const loop = runMicroBatches(
    {
      lake,
      source,
      mode: 'demo',
      writer: `demo@${hostname()}:${process.pid}`,
      limits,
      retention,
      maxQueryDurationMs: MAX_QUERY_DURATION_MS,
      onCut: options.onCut,
      ...(options.hooks === undefined ? {} : { hooks: options.hooks }),
    },
    looping.signal,
  )
  const simulator = createSimulator(options)
  const producer = runSimulator({ simulator, clock, send: log.append }, producing.signal)
  // Whichever fails ends the other; a clean end of the loop alone cannot come before the order.
  const failure = Promise.race([loop, producer])
  const timers: NodeJS.Timeout[] = []
  try {
    await Promise.race([failure, ended(signal, options.durationMs, timers)])
    producing.abort()
    await producer
    source.endWhenRead()
    if (signal.aborted) timers.push(setTimeout(() => looping.abort(), DRAIN_MS))
    signal.addEventListener('abort', () => looping.abort())
    await loop
  } finally {
    for (const timer of timers) clearTimeout(timer)
    producing.abort()
    looping.abort()
    await Promise.allSettled([producer, loop])
  }
}

/** Resolves when the signal aborts or the time is over. */
function ended(
  signal: AbortSignal,
  durationMs: number | undefined,
  timers: NodeJS.Timeout[],
): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
    if (durationMs !== undefined) timers.push(setTimeout(resolve, durationMs))
  })
}
