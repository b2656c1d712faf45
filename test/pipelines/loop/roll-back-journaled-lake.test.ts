import { describe, expect, it } from 'vitest'
import type { Lake } from '../../../pipelines/lake/lake.ts'
import { headOf, loadHeads } from '../../../pipelines/loop/loop-context.ts'
import { rollBackLake } from '../../../pipelines/loop/roll-back-lake.ts'
import { runMicroBatches } from '../../../pipelines/loop/run-micro-batches.ts'
import type { Catalog } from '../../../tables/catalog/catalog.ts'
import { randomIds } from '../../../tables/clock.ts'
import type { CommitHooks } from '../../../tables/commit/commit-context.ts'
import { committedCut } from '../../../tables/spec/cut-history.ts'
import { readContentHashes } from '../../support/lake-content.ts'
import { createListSource } from '../../support/list-source.ts'
import { createTestClock, openMemoryLake } from '../../support/memory-lake.ts'
import { receiptProblems } from '../../support/receipts.ts'
import { makeStockHours, MINUTE_US, STOCK_HOURS_START_US } from '../../support/stock-hours.ts'
import { dieAt } from '../../tables/commit/journal-lake.ts'

const hours = makeStockHours(3, new Map())
/** Of the first message alone: in the first cut there is a trade, and no quote yet. */
const batchSizes = [1, (hours.batchSizes[0] ?? 0) - 1, ...hours.batchSizes.slice(1)]
const AFTER_ALL_US = STOCK_HOURS_START_US + 5n * MINUTE_US

/** A catalog whose process dies: `dieAfter` commits are made, and no more until it lives again. */
interface Mortal {
  readonly lake: Lake
  dieAfter(commitCount: number): void
  live(): void
}

async function openMortalLake(): Promise<Mortal> {
  let left = Number.POSITIVE_INFINITY
  const wrapCatalog = (inner: Catalog): Catalog => ({
    ...inner,
    commitTransaction: async (commits) => {
      if (left <= 0) throw new Error('killed')
      left -= 1
      return inner.commitTransaction(commits)
    },
  })
  const clock = createTestClock(AFTER_ALL_US)
  const lake = await openMemoryLake({ clock, isAtomic: false, wrapCatalog })
  return {
    lake,
    dieAfter: (commitCount) => {
      left = commitCount
    },
    live: () => {
      left = Number.POSITIVE_INFINITY
    },
  }
}

async function run(
  lake: Lake,
  batchCountMax = batchSizes.length,
  hooks?: CommitHooks,
): Promise<void> {
  const { scratchDir } = lake
  const source = createListSource({
    ...hours,
    batchSizes,
    scratchDir,
    ids: randomIds,
    batchCountMax,
  })
  const limits = { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 }
  const more = hooks === undefined ? {} : { hooks }
  await runMicroBatches(
    { lake, source, mode: 'live', writer: 'test', limits, ...more },
    new AbortController().signal,
  )
}

const rollBack = (lake: Lake, cutNumber: number) =>
  rollBackLake({ lake, cutNumber, writer: 'rollback@test:1' })

async function journals(lake: Lake): Promise<string[]> {
  const found: string[] = []
  for await (const { location } of lake.fileIO.list(lake.journalFolder ?? '')) found.push(location)
  return found
}

async function lastCut(lake: Lake): Promise<number> {
  return committedCut(headOf(await loadHeads(lake), 'sluice.cuts').metadata)?.cutNumber ?? 0
}

/** A start that finds nothing to read. */
const start = (lake: Lake) => run(lake, 0)

/** Whether it came to its end, before the process died. */
async function cameThrough(work: Promise<unknown>): Promise<boolean> {
  try {
    await work
    return true
  } catch (error) {
    expect(error).toMatchObject({ message: 'killed' })
    return false
  }
}

describe('a rollback over a catalog that commits one table at a time', () => {
  it('is finished by the next start, whichever table its process died at', async () => {
    const { lake, dieAfter, live } = await openMortalLake()
    await run(lake, 1)
    const early = await readContentHashes(lake)
    await run(lake)
    const all = await readContentHashes(lake)
    const newest = await lastCut(lake)
    let isEarly = false
    for (let isThrough = false, deaths = 0; !isThrough; deaths += 1) {
      isEarly = !isEarly
      dieAfter(deaths)
      isThrough = await cameThrough(rollBack(lake, isEarly ? 1 : newest))
      live()
      expect(await journals(lake)).toHaveLength(isThrough ? 0 : 1)
      await start(lake)
      expect(await journals(lake)).toEqual([])
      expect(await readContentHashes(lake)).toEqual(isEarly ? early : all)
      // Bronze, silver and gold of two kinds and sluice.cuts.
      if (isThrough) expect(deaths).toBeGreaterThanOrEqual(7)
    }
    if (!isEarly) await rollBack(lake, 1)
    await run(lake)
    expect(await readContentHashes(lake)).toEqual(all)
    expect(await receiptProblems(lake)).toEqual([])
    await lake.close()
  })

  it('finishes the cut first that a dead writer had decided, and counts from there', async () => {
    const { lake } = await openMortalLake()
    await run(lake, 2)
    const second = await readContentHashes(lake)
    await expect(run(lake, 1, dieAt('tableCommitted', 2))).rejects.toThrow('killed')
    expect(await rollBack(lake, 2)).toMatchObject({ previousCut: 3, cutNumber: 4 })
    expect(await journals(lake)).toEqual([])
    expect(await readContentHashes(lake)).toEqual(second)
    await run(lake)
    expect(await receiptProblems(lake)).toEqual([])
    await lake.close()
  })
})
