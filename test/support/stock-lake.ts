import { join } from 'node:path'
import type { Lake } from '../../pipelines/lake/lake.ts'
import { openLake } from '../../pipelines/lake/open-lake.ts'
import { headOf, loadHeads } from '../../pipelines/loop/loop-context.ts'
import { runMicroBatches } from '../../pipelines/loop/run-micro-batches.ts'
import { allTables } from '../../shared-transforms/lake-tables.ts'
import { randomIds } from '../../tables/clock.ts'
import { readRows } from './lake-content.ts'
import { createListSource } from './list-source.ts'
import { openExistingLake } from './local-lake.ts'
import { makeOnce } from './make-once.ts'
import { createTestClock, type TestClock } from './memory-lake.ts'
import { makeStockHours, MINUTE_US, STOCK_HOURS_START_US } from './stock-hours.ts'

/** A cut a minute of market time: enough for two compactions of the tables that grow each cut. */
export const STOCK_LAKE_CUTS = 200

/** Snapshot ids by table, by the name of a state of the lake. */
export type LakeStates = Readonly<Record<LakeState, Readonly<Record<string, string>>>>

/**
 * The head; the cut that repaired a sealed bar, when position deletes are live; a cut before any
 * late row; and the oldest cut that only its tag keeps.
 */
export const lakeStates = ['head', 'repaired', 'early', 'tagged'] as const
export type LakeState = (typeof lakeStates)[number]

/**
 * Tables that hold rows in every state: nothing of klines comes in, no trade has a number that could
 * be missing, nobody takes a day over, and early no bar has changed.
 */
export const stockLakeTables = allTables.filter(
  ({ name }) => !/kline|gaps|take_overs|bar_revisions/.test(name),
)

export interface StockLake {
  readonly lake: Lake
  readonly states: LakeStates
}

/**
 * A lake of 200 cuts that the loop made, with late repairs, duplicates, rejected messages and
 * compactions: what other engines are asked to read. It takes a minute to make, so the suites of
 * one run share it: none may write to it. The caller closes it.
 */
export async function openStockLake(): Promise<StockLake> {
  const { folder, facts: states } = await makeOnce('stock lake', (made) =>
    makeStockLake(join(made, LAKE)),
  )
  return { lake: await openExistingLake(join(folder, LAKE)), states }
}

const LAKE = 'lake'

async function makeStockLake(directory: string): Promise<LakeStates> {
  const clock = createTestClock(STOCK_HOURS_START_US + MINUTE_US)
  const lake = await openLake({ directory, clock, ids: randomIds, createIfMissing: true })
  try {
    await fillStockLake(lake, clock, stockLakeMinutes)
    return await readStates(lake, stockLakeMinutes)
  } finally {
    await lake.close()
  }
}

/** What happens in which minute of a lake's market. */
export interface StockLakeMinutes {
  readonly count: number
  /** One where it is left out. */
  readonly perCut?: number
  /** Whose late row has to leave a sealed bar. */
  readonly late: number
  /** Late rows of so many windows that a sealed file is worn and is written anew. */
  readonly veryLate: number
  /** A cut before any late row. */
  readonly earlyCut: number
  /** A cut that a tag names; absent: the oldest that the cuts themselves tagged. */
  readonly taggedCut?: number
}

const stockLakeMinutes: StockLakeMinutes = {
  count: STOCK_LAKE_CUTS,
  late: 154,
  veryLate: 186,
  earlyCut: STOCK_LAKE_CUTS - 55,
}

/**
 * Lets the loop make the lake, the clock going with the market: it has to stand at the end of the
 * first cut's minutes.
 */
export async function fillStockLake(
  lake: Lake,
  clock: TestClock,
  minutes: StockLakeMinutes,
): Promise<void> {
  const late = new Map([
    [minutes.late, 'one'],
    [minutes.veryLate, 'many'],
  ] as const)
  const { perCut = 1 } = minutes
  const { messages, batchSizes: ofMinutes } = makeStockHours(minutes.count, late)
  const batchSizes = Array.from({ length: Math.ceil(ofMinutes.length / perCut) }, (_, cut) =>
    ofMinutes.slice(cut * perCut, (cut + 1) * perCut).reduce((sum, size) => sum + size, 0),
  )
  const { scratchDir, ids } = lake
  await runMicroBatches(
    {
      lake,
      source: createListSource({ messages, batchSizes, scratchDir, ids }),
      mode: 'live',
      writer: 'test',
      limits: { rows: 1_000_000, bytes: 1_000_000_000, timeMs: 1 },
      onCut: () => {
        clock.advanceUs(BigInt(perCut) * MINUTE_US)
      },
    },
    new AbortController().signal,
  )
}

/** Of the heads, and as sluice.cuts names them for some cuts. */
export async function readStates(lake: Lake, minutes: StockLakeMinutes): Promise<LakeStates> {
  const heads = [...(await loadHeads(lake))].flatMap(([name, { metadata }]) => {
    const snapshotId = metadata['current-snapshot-id']
    return snapshotId === undefined ? [] : [[name, String(snapshotId)]]
  })
  const rows = await readRows<{ cut_number: bigint; snapshot_ids: string }>(
    lake,
    'sluice.cuts',
    'SELECT cut_number, snapshot_ids FROM t WHERE source IS NULL',
  )
  const atCut = (cutNumber: number) => {
    const row = rows.find((each) => each.cut_number === BigInt(cutNumber))
    return JSON.parse(row?.snapshot_ids ?? '{}') as Record<string, string>
  }
  const tagged = minutes.taggedCut ?? (await oldestTaggedCut(lake))
  return {
    head: Object.fromEntries(heads) as Record<string, string>,
    repaired: atCut(Math.floor(minutes.late / (minutes.perCut ?? 1)) + 1),
    early: atCut(minutes.earlyCut),
    tagged: atCut(tagged),
  }
}

async function oldestTaggedCut(lake: Lake): Promise<number> {
  const { metadata } = headOf(await loadHeads(lake), 'gold.bars')
  const numbers = Object.keys(metadata.refs)
    .map((name) => /^cut-(\d+)$/.exec(name)?.[1])
    .filter((digits) => digits !== undefined)
    .map(Number)
  return Math.min(...numbers)
}
