import type { Lake } from '../../pipelines/lake/lake.ts'
import type { LoopOptions } from '../../pipelines/loop/loop-context.ts'
import { runMicroBatches } from '../../pipelines/loop/run-micro-batches.ts'
import type { CommitHooks } from '../../tables/commit/commit-context.ts'
import { readContentHashes } from './lake-content.ts'
import { createListSource } from './list-source.ts'
import { createTestClock, openMemoryLake, type TestClock } from './memory-lake.ts'
import { MINUTE_US, STOCK_HOURS_START_US, type StockHours } from './stock-hours.ts'

/** A clock behind the last message: none is from the future, whenever it is read. */
export function clockAfter(hours: StockHours): TestClock {
  const minutes = BigInt(hours.batchSizes.length + 1)
  return createTestClock(STOCK_HOURS_START_US + minutes * MINUTE_US)
}

/** Takes in what the lake has not yet of these hours, a cut a minute. */
export async function runStockHours(
  lake: Lake,
  clock: TestClock,
  hours: StockHours,
  hooks?: CommitHooks,
  sleep?: LoopOptions['sleep'],
): Promise<void> {
  const { scratchDir, ids } = lake
  await runMicroBatches(
    {
      lake,
      source: createListSource({ ...hours, scratchDir, ids }),
      mode: 'live',
      writer: 'test',
      limits: { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 },
      onCut: () => {
        clock.advanceUs(MINUTE_US)
      },
      ...(hooks === undefined ? {} : { hooks }),
      ...(sleep === undefined ? {} : { sleep }),
    },
    new AbortController().signal,
  )
}

/** The content of a lake in memory, whose writer took the hours in at one go. */
export async function straightHashes(hours: StockHours): Promise<Record<string, string>> {
  const clock = clockAfter(hours)
  const lake = await openMemoryLake({ clock })
  try {
    await runStockHours(lake, clock, hours)
    return await readContentHashes(lake)
  } finally {
    await lake.close()
  }
}
