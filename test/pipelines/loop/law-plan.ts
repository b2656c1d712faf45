import fc from 'fast-check'
import { partKey } from '../../../pipelines/sources/source.ts'
import type { HistoryMessage } from './history-messages.ts'

/** In which order a reader gets the messages; within a part there is one order only. */
export type ReadOrder = 'as they came' | 'parts mixed anew' | 'one part after the other'

/** How one history is taken in: cut into batches, over several processes, with so much memory. */
export interface LawPlan {
  /** The sizes of the batches, in proportion to each other. */
  readonly shares: readonly number[]
  /** Batches that each process takes before it ends; the last one takes the rest. */
  readonly batchesUntilStop: readonly number[]
  /** Between two processes tables are compacted, old cuts expire, and files are deleted. */
  readonly isMaintained: boolean
  readonly order: ReadOrder
  readonly mixSeed: number
  readonly dedupeMemoryRows: number
  /** Of the lake's tables: 3 repairs sealed windows by deletion vectors. */
  readonly formatVersion: 2 | 3
  /** Of the engine: by two, rows of one statement come in no order. */
  readonly engineThreads: 1 | 2
}

export const lawPlans: fc.Arbitrary<LawPlan> = fc.record({
  // One message at times, half of the history at others.
  shares: fc.array(fc.constantFrom(0, 1, 2, 5), { minLength: 2, maxLength: 6, size: 'max' }),
  batchesUntilStop: fc.constantFrom([], [1], [2], [1, 2], [3]),
  isMaintained: fc.constantFrom(true, true, false),
  order: fc.constantFrom('as they came', 'parts mixed anew', 'one part after the other'),
  mixSeed: fc.nat(),
  dedupeMemoryRows: fc.constantFrom(0, 0, 1, 7, 1_000_000, 1_000_000),
  formatVersion: fc.constantFrom(2, 3),
  engineThreads: fc.constantFrom(1, 2),
})

/** Everything in one batch of one process, by one thread. */
export const STRAIGHT: LawPlan = {
  ...{ shares: [1], batchesUntilStop: [], isMaintained: false, order: 'as they came', mixSeed: 0 },
  ...{ dedupeMemoryRows: 1_000_000, formatVersion: 2, engineThreads: 1 },
}

/** The batch sizes of each process; they sum up to the number of messages. */
export function batchSizesOf(plan: LawPlan, messageCount: number): readonly (readonly number[])[] {
  const total = plan.shares.reduce((sum, share) => sum + share, 0)
  const sizes: number[] = []
  let rest = messageCount
  for (const share of plan.shares) {
    const size = Math.min(rest, Math.max(1, Math.floor((share * messageCount) / (total + 1))))
    if (size > 0) sizes.push(size)
    rest -= size
  }
  if (rest > 0) sizes.push(rest)
  const processes: number[][] = []
  for (const count of plan.batchesUntilStop) {
    const taken = sizes.splice(0, Math.min(count, sizes.length - 1))
    if (taken.length > 0) processes.push(taken)
  }
  return [...processes, sizes]
}

/** The messages in the order of a plan. */
export function readOrder(
  messages: readonly HistoryMessage[],
  { order, mixSeed }: Pick<LawPlan, 'order' | 'mixSeed'>,
): readonly HistoryMessage[] {
  if (order === 'as they came') return messages
  const keys = new Set(messages.map(({ part }) => partKey(part)))
  const queues = [...keys].map((key) => messages.filter(({ part }) => partKey(part) === key))
  if (order === 'one part after the other') return queues.flat()
  let seed = mixSeed
  const mixed: HistoryMessage[] = []
  while (mixed.length < messages.length) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 1
    const waiting = queues.filter((queue) => queue.length > 0)
    const queue = waiting[seed % waiting.length] ?? []
    // Some at a time, so that parts run far ahead of each other.
    mixed.push(...queue.splice(0, 1 + ((seed >>> 8) % 9)))
  }
  return mixed
}
