import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runMicroBatches } from '../../../pipelines/loop/run-micro-batches.ts'
import type { CutReceipt } from '../../../pipelines/loop/cut-receipt.ts'
import { verifyLake } from '../../../pipelines/verify/verify-lake.ts'
import { randomIds } from '../../../tables/clock.ts'
import { readContentHashes } from '../../support/lake-content.ts'
import { createListSource, type ListedMessage } from '../../support/list-source.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import {
  generatedInputs,
  INPUT_START_US,
  makeMessages,
  type GeneratedInput,
  type Happening,
} from './generate-input.ts'

/** How one input is run: cut into batches, over several processes, with so much memory. */
interface Plan {
  readonly batchSizes: readonly number[]
  /** Batches that each process takes before it ends; the last one takes the rest. */
  readonly batchesUntilStop: readonly number[]
  readonly dedupeMemoryRows: number
  /** Of the lake's tables: 3 repairs sealed windows by deletion vectors. */
  readonly formatVersion: 2 | 3
}

const plans: fc.Arbitrary<Plan> = fc.record({
  batchSizes: fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 1, maxLength: 5 }),
  batchesUntilStop: fc.oneof(
    fc.constant([]),
    fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 2 }),
  ),
  dedupeMemoryRows: fc.constantFrom(0, 1, 1_000_000),
  formatVersion: fc.constantFrom(2, 3),
})

const STRAIGHT: Plan = {
  batchSizes: [1_000_000],
  batchesUntilStop: [],
  dedupeMemoryRows: 1_000_000,
  formatVersion: 2,
}

/** Reading a lake whole costs as much as filling it: one run in so many is verified. */
const RUNS_PER_VERIFICATION = 50

async function run(messages: readonly ListedMessage[], plan: Plan, isVerified = false) {
  // Two days after the input: nothing of it lies in the future.
  const clock = createTestClock(INPUT_START_US + 2n * 86_400_000_000n)
  const lake = await openMemoryLake({ clock, formatVersion: plan.formatVersion })
  const receipts: CutReceipt[] = []
  try {
    for (const batchCountMax of [...plan.batchesUntilStop, Number.POSITIVE_INFINITY]) {
      const source = createListSource({
        messages,
        batchSizes: plan.batchSizes,
        scratchDir: lake.scratchDir,
        ids: randomIds,
        batchCountMax,
      })
      await runMicroBatches(
        {
          lake,
          source,
          mode: 'live',
          writer: 'law',
          limits: { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 },
          dedupeMemoryRows: plan.dedupeMemoryRows,
          onCut: (receipt) => receipts.push(receipt),
        },
        new AbortController().signal,
      )
    }
    if (isVerified) {
      const { checks } = await verifyLake({ lake, isDeep: true })
      expect(checks.flatMap(({ findings }) => findings)).toEqual([])
    }
    return { hashes: await readContentHashes(lake), receipts }
  } finally {
    await lake.close()
  }
}

const runCount = Number(process.env.SLUICE_LAW_RUNS ?? '250')

describe('the law', () => {
  it('gives the same silver and gold for any batches, restarts and memory sizes', async () => {
    const made = new Map<string, number>()
    let runs = 0
    const count = (name: string, is: boolean) => {
      made.set(name, (made.get(name) ?? 0) + (is ? 1 : 0))
    }
    await fc.assert(
      fc.asyncProperty(generatedInputs, plans, async (input, plan) => {
        const messages = makeMessages(input)
        // Two lakes of their own, at once: most of it is the engine, which has its own threads.
        const isVerified = runs++ % RUNS_PER_VERIFICATION === 0
        const [straight, cut] = await Promise.all([
          run(messages, STRAIGHT),
          run(messages, plan, isVerified),
        ])
        countClasses(count, input, messages, plan, cut.receipts)
        expect(cut.hashes).toEqual(straight.hashes)
      }),
      { numRuns: runCount, endOnFailure: true },
    )
    console.info(`the law, ${runCount} runs, made: ${JSON.stringify(Object.fromEntries(made))}`)
    for (const [name, times] of made) {
      expect(times, `runs with "${name}"`).toBeGreaterThanOrEqual(runCount / 10)
    }
  }, 1_800_000)
})

function countClasses(
  count: (name: string, is: boolean) => void,
  input: GeneratedInput,
  messages: readonly ListedMessage[],
  plan: Plan,
  receipts: readonly CutReceipt[],
) {
  const has = (test: (each: Happening) => boolean) => input.happenings.some(test)
  const total = (name: 'lateCount' | 'duplicateCount' | 'refusedCount') =>
    receipts.reduce((sum, receipt) => sum + receipt[name], 0)
  const isRestarted = receipts.length > (plan.batchesUntilStop[0] ?? Number.POSITIVE_INFINITY)
  count('several cuts', receipts.length > 1)
  count('tables of version 3', plan.formatVersion === 3)
  count('a restart', isRestarted)
  count('memory of 0 rows', plan.dedupeMemoryRows === 0)
  count('memory of 1 row', plan.dedupeMemoryRows === 1)
  count('unlimited memory', plan.dedupeMemoryRows > 1)
  count('late rows', total('lateCount') > 0)
  count(
    'late within H',
    has((each) => each.what === 'late-trade' && each.behindMs <= 60_000),
  )
  count(
    'late beyond H',
    has((each) => each.what === 'late-trade' && each.behindMs > 60_000),
  )
  count('agreeing duplicates', total('duplicateCount') > 0)
  count('conflicting duplicates', total('refusedCount') > 0)
  count('duplicates and a restart', isRestarted && total('duplicateCount') > 0)
  const klines = input.happenings.filter((each) => each.what === 'kline')
  count('klines', klines.length > 0)
  count(
    'klines of a day with trades',
    klines.some(({ symbol }) => has((each) => each.what === 'trade' && each.symbol === symbol)),
  )
  count('input over midnight', crossesMidnight(messages))
  count('duplicates over midnight', crossesMidnight(messages) && total('duplicateCount') > 0)
  count(
    'equal times without ids',
    input.hasOtherSources && has((each) => each.what === 'lean-print' && each.copies > 1),
  )
}

function crossesMidnight(messages: readonly ListedMessage[]): boolean {
  const midnightUs = INPUT_START_US + 10_000_000n
  return (
    messages.some(({ receivedUs }) => receivedUs !== undefined && receivedUs >= midnightUs) &&
    messages.some(({ receivedUs }) => receivedUs !== undefined && receivedUs < midnightUs)
  )
}
