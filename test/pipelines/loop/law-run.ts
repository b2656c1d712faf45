import { CUTS_TABLE, lakeCommitContext } from '../../../pipelines/lake/lake-commit-context.ts'
import { compactTables } from '../../../pipelines/lake/compact-tables.ts'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { maintainOpenLake } from '../../../pipelines/lake/with-maintained-lake.ts'
import type { CutReceipt } from '../../../pipelines/loop/cut-receipt.ts'
import { runMicroBatches } from '../../../pipelines/loop/run-micro-batches.ts'
import { allTables } from '../../../shared-transforms/lake-tables.ts'
import { nowMs, randomIds } from '../../../tables/clock.ts'
import { expireSnapshots } from '../../../tables/maintain/expire-snapshots.ts'
import { tableId } from '../../../tables/spec/table-identifier.ts'
import { createListSource } from '../../support/list-source.ts'
import {
  createTestClock,
  openMemoryLake,
  type MemoryLakeOptions,
} from '../../support/memory-lake.ts'
import type { GeneratedHistory } from './generate-history.ts'
import { DEAD_PART, HISTORY_START_US, type HistoryMessage } from './history-messages.ts'
import type { LawCut, LawRun } from './law-classes.ts'
import { batchSizesOf, readOrder, type LawPlan } from './law-plan.ts'

const HOUR_US = 3_600_000_000n
/** So long after its start nothing of a history lies in the future. */
const AFTER_ALL_US = 20n * 365n * 24n * HOUR_US

export interface LawInput {
  readonly history: GeneratedHistory
  readonly messages: readonly HistoryMessage[]
  readonly plan: LawPlan
  /** Makes the lake; default one in memory. */
  readonly open?: (options: MemoryLakeOptions) => Promise<Lake>
}

/**
 * Takes a history into a lake of its own by a plan, and hands the lake to `look`.
 * @throws what the loop throws
 */
export async function runLaw<T>(
  { history, messages, plan, open = openMemoryLake }: LawInput,
  look: (lake: Lake, run: LawRun, receipts: readonly CutReceipt[]) => Promise<T>,
): Promise<T> {
  const clock = createTestClock(HISTORY_START_US + AFTER_ALL_US)
  const gone = { compactedCount: 0, expiredCount: 0, deletedCount: 0 }
  const lake = await open({
    ...{ clock, formatVersion: plan.formatVersion, engineThreads: plan.engineThreads },
    wrapFileIO: (fileIO) => ({
      ...fileIO,
      delete: async (location) => {
        gone.deletedCount += 1
        await fileIO.delete(location)
      },
    }),
  })
  const ordered = readOrder(messages, plan)
  const receipts: CutReceipt[] = []
  const cuts: LawCut[] = []
  let taken = 0
  try {
    for (const [processIndex, batchSizes] of batchSizesOf(plan, ordered.length).entries()) {
      if (processIndex > 0 && plan.isMaintained) {
        const done = await maintain(lake)
        gone.compactedCount += done.compactedCount
        gone.expiredCount += done.expiredCount
        // No query of before runs any more: what it could read may go.
        clock.advanceUs(2n * HOUR_US)
      }
      await runProcess(lake, plan, { history, ordered, batchSizes }, (receipt) => {
        const own = ordered.slice(taken, taken + receipt.messageCount)
        taken += receipt.messageCount
        cuts.push({ messages: own, processIndex, watermarkUs: receipts.at(-1)?.watermarkUs })
        receipts.push(receipt)
      })
    }
    return await look(lake, { history, plan, cuts, ...gone }, receipts)
  } finally {
    await lake.close()
  }
}

async function runProcess(
  lake: Lake,
  plan: LawPlan,
  input: {
    readonly history: GeneratedHistory
    readonly ordered: readonly HistoryMessage[]
    readonly batchSizes: readonly number[]
  },
  onCut: (receipt: CutReceipt) => void,
): Promise<void> {
  const source = createListSource({
    ...{ messages: input.ordered, batchSizes: input.batchSizes },
    ...{ scratchDir: lake.scratchDir, ids: randomIds, batchCountMax: input.batchSizes.length },
    ...(input.history.hasDeadPart ? { deadParts: [DEAD_PART] } : {}),
  })
  await runMicroBatches(
    {
      ...{ lake, source, mode: 'live', writer: 'law', onCut },
      limits: { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 },
      dedupeMemoryRows: plan.dedupeMemoryRows,
    },
    new AbortController().signal,
  )
}

/** Two files become one wherever they lie together, and all cuts but the last are given up. */
async function maintain(lake: Lake): Promise<{ compactedCount: number; expiredCount: number }> {
  return maintainOpenLake(lake, async (maintained) => {
    const identifiers = allTables.map(({ name }) => tableId(name))
    const compacted = await compactTables(maintained, identifiers, { leastFileCount: 2 })
    const expired = await expireSnapshots(lakeCommitContext(lake), {
      ...{ cutsTable: CUTS_TABLE, identifiers, afterCut: maintained.fence },
      ...{ olderThanMs: nowMs(lake.clock) + 1, retainLast: 1, withCuts: true },
    })
    await maintained.noteCommit(expired)
    return {
      compactedCount: compacted.reduce((sum, { removedFileCount }) => sum + removedFileCount, 0),
      expiredCount: expired.result.reduce((sum, { expiredIds }) => sum + expiredIds.length, 0),
    }
  })
}
